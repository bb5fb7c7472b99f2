"""Which nodes become one box."""

from __future__ import annotations

from collections import Counter

import pytest
from pictured import expression, network_loss

from engine import Value, dot, ops, total
from engine.picture.expand import expanded
from engine.picture.face import faces
from engine.picture.fold import Folded, fold, inside, near
from engine.picture.grouping import Scan, module_paths
from nn import MLP


def folded(root: Value, detail: str = "auto", **options: list[str]) -> Folded:
    return fold(Scan(root), detail, **options)


def names(graph: Folded) -> list[str]:
    return [box.name for box in graph.boxes]


def kinds(graph: Folded) -> Counter[str]:
    return Counter(box.kind for box in graph.boxes)


def neuron(path: str, inputs: list[Value | float]) -> Value:
    """A neuron with the labels that nn gives, made by hand."""
    weights = [Value(0.5, label=f"{path}.weights[{i}]") for i in range(len(inputs))]
    weighted = dot(weights, inputs, Value(0.1, label=f"{path}.bias"))
    weighted.label = f"{path}.sum"
    output = weighted.tanh()
    output.label = path
    return output


def test_every_value_is_a_box_and_slots_with_one_operand_are_one_wire() -> None:
    x = Value(3.0, label="x")
    square = folded(x * x)
    assert [box.id for box in square.boxes] == ["n0", "n1"]
    (wire,) = square.wires
    assert (wire.id, wire.source, wire.target) == ("n1.0", "n0", "n1")
    assert [slot for _, slot in wire.ends] == [0, 1]


def test_wires_come_in_the_order_of_the_operands() -> None:
    a, b = Value(2.0, label="a"), Value(3.0, label="b")
    difference = b - a  # b is met first, although a was made first
    graph = folded(difference)
    assert names(graph) == ["b", "a", "v2"]
    assert [wire.source for wire in graph.wires] == ["n0", "n1"]


def test_a_leaf_alone() -> None:
    graph = folded(Value(1.0, label="x"))
    assert names(graph) == ["x"]
    assert graph.wires == ()


@pytest.mark.parametrize(
    ("label", "layer", "of_neuron"),
    [
        ("layers[0].neurons[3].weights[1]", "layers[0]", "layers[0].neurons[3]"),
        ("layers[0].neurons[3]", "layers[0]", "layers[0].neurons[3]"),
        ("net.layers[12].neurons[3].sum", "net.layers[12]", "net.layers[12].neurons[3]"),
        ("layers[1].rows[3][1]", "layers[1]", ""),
        ("layers[1]x", "", ""),
        ("inputs[0]", "", ""),
        ("weights[1]", "", ""),
        ("", "", ""),
        ("loss", "", ""),
    ],
)
def test_labels_tell_the_module(label: str, layer: str, of_neuron: str) -> None:
    assert module_paths(label) == (layer, of_neuron)


def test_the_same_neuron_of_many_samples_is_one_box() -> None:
    graph = folded(network_loss(100), "neurons")
    assert kinds(graph) == {"neuron": 33, "repeated": 5, "operation": 2}
    assert "l0.n3" in names(graph)
    box = next(box for box in graph.boxes if box.name == "l1.n0")
    assert len(box.outputs) == 100
    assert len(box.members) == 100 + 100 + 17


def test_layers() -> None:
    graph = folded(network_loss(100), "layers")
    assert [box.name for box in graph.boxes if box.kind == "layer"] == ["l0", "l1", "l2"]
    assert len(graph.boxes) == 9
    assert sum(len(wire.ends) for wire in graph.wires if wire.source == "g7431") == 1600


def test_an_activation_of_several_operations_belongs_to_its_neuron() -> None:
    weight, bias = (
        Value(0.5, label="layers[0].neurons[0].weights[0]"),
        Value(0.0, label="layers[0].neurons[0].bias"),
    )
    weighted = weight * 2.0 + bias
    weighted.label = "layers[0].neurons[0].sum"
    output = weighted * weighted.sigmoid() * 1.5
    output.label = "layers[0].neurons[0]"
    graph = folded((output - 1.0) ** 2, "neurons")
    neurons = [box for box in graph.boxes if box.kind == "neuron"]
    assert len(neurons) == 1
    assert [n.operation.name for n in neurons[0].members if n.operation] == [
        "multiply", "add", "sigmoid", "multiply", "multiply",
    ]  # fmt: skip
    assert len(graph.boxes) > 1


def test_the_loss_of_many_samples_is_folded_by_structure() -> None:
    graph = folded(network_loss(5), "neurons")
    repeated = [box for box in graph.boxes if box.kind == "repeated"]
    assert [len(box.members) for box in repeated] == [5, 5, 5, 5, 5]
    assert [box.name for box in repeated[:3]] == ["input 0", "input 1", "numbers"]


def test_different_operations_are_not_folded_together() -> None:
    x = Value(1.0, label="x")
    graph = folded(total([x.exp(), x.tanh(), x.exp()]), "neurons")
    assert kinds(graph) == {"leaf": 1, "repeated": 1, "operation": 2}


def test_many_inputs_are_one_box() -> None:
    outputs = [neuron(f"layers[0].neurons[{i}]", [Value(float(k)) for k in range(20)]) for i in range(2)]
    graph = folded(total(outputs), "neurons")
    assert len([box for box in graph.boxes if box.kind == "repeated"]) <= 2


def test_additions_in_a_row_are_one_sum() -> None:
    parts = [Value(float(i), label=f"p{i}") * 2.0 for i in range(5)]
    whole = sum(parts[1:], parts[0])
    graph = folded(whole + 0.0 * parts[0], "neurons")
    (box,) = [box for box in graph.boxes if box.kind == "sum"]
    assert len(box.members) == 5


def test_a_named_partial_sum_stays_a_box() -> None:
    a, b, c = (Value(1.0, label=name) for name in "abc")
    partial = a + b
    partial.label = "partial"
    assert "partial" in names(folded(partial + c, "neurons"))


def test_a_shared_partial_sum_stays_a_box() -> None:
    a, b, c = (Value(1.0, label=name) for name in "abc")
    partial = a + b
    assert kinds(folded((partial + c) * partial, "neurons"))["sum"] == 0


def test_operations_in_a_row_are_one_box() -> None:
    y = x = Value(0.5, label="x")
    for _ in range(10):
        y = y.tanh()
    graph = folded(y, "neurons")
    assert kinds(graph) == {"leaf": 1, "run": 1, "operation": 1}
    assert len(graph.boxes[1].members) == 9
    assert [(wire.source, wire.target) for wire in graph.wires] == [("n0", "g9"), ("g9", "n10")]
    assert x.grad is None


def test_four_operations_in_a_row_are_one_box_and_three_are_not() -> None:
    y = Value(0.5, label="x")
    boxes = []
    for _ in range(5):
        y = y.tanh()
        boxes.append(kinds(folded(y, "neurons")))
    assert [box["run"] for box in boxes] == [
        0,
        0,
        0,
        0,
        1,
    ]  # the last operation is the root, which stays apart
    assert [box["operation"] for box in boxes] == [1, 2, 3, 4, 1]


def test_a_long_chain() -> None:
    y = Value(0.5, label="x")
    weight = Value(0.9, label="w")
    for _ in range(10_000):
        y = (y * weight).sin()
    graph = folded(y)
    assert len(graph.boxes) == 4
    assert graph.nodes == 20_002


def test_equal_constants_are_shown_in_the_formula_of_their_operation() -> None:
    graph = folded(network_loss(5), "neurons")
    assert not any(box.kind == "constant" for box in graph.boxes)


def test_auto_takes_the_first_detail_that_is_readable() -> None:
    assert folded(expression()).detail == "values"
    assert folded(network_loss(1)).detail == "neurons"
    assert folded(network_loss(1, (64, 64, 1))).detail == "layers"


def test_opened_modules_show_their_inside() -> None:
    loss = network_loss(3)
    layer = folded(loss, "layers", opened=["layers[1]"])
    assert [box.name for box in layer.boxes if box.kind == "layer"] == ["l0", "l2"]
    assert kinds(layer)["neuron"] == 16
    deeper = folded(loss, "layers", opened=["layers[1]", "layers[1].neurons[2]"])
    assert kinds(deeper)["neuron"] == 15
    assert "l1.n2.w[15]" in names(deeper)
    one = inside(deeper, "layers[1].neurons[2]")
    assert set(names(one)) == {f"l1.n2.w[{i}]" for i in range(16)} | {
        "l1.n2.b",
        "l1.n2.sum",
        "l1.n2",
        "l0",
        "l2",
    }


def test_ids_are_places_in_the_whole_graph() -> None:
    loss = network_loss(3)
    scan = Scan(loss)
    for detail in ("values", "neurons", "layers"):
        for box in fold(scan, detail).boxes:
            assert box.id[1:] == str(scan.place[box.members[-1]])
            assert (box.id[0] == "n") == (len(box.members) == 1)


def test_every_node_is_in_one_box() -> None:
    loss = network_loss(4)
    for detail in ("values", "neurons", "layers"):
        graph = folded(loss, detail)
        members = Counter(node for box in graph.boxes for node in box.members)
        hidden = set(graph.scan.order) - set(members)
        assert set(members.values()) == {1}
        assert all(type(node).__name__ == "Constant" for node in hidden)


def test_near() -> None:
    loss = expression()
    graph = folded(loss, "values")
    hidden = next(box.members[0] for box in graph.boxes if box.name == "h")
    assert set(names(near(graph, hidden, 0))) == {"h"}
    assert set(names(near(graph, "h", 1))) == {"h", "v4", "v6"}
    assert set(names(near(graph, loss, 1))) == {"loss", "v7", "2"}
    assert len(near(graph, hidden, 99).boxes) == len(graph.boxes)


def test_near_what_is_not_there() -> None:
    with pytest.raises(ValueError, match="focus 'q' is not in this graph"):
        near(folded(expression()), "q", 1)


def test_an_unknown_detail() -> None:
    with pytest.raises(ValueError, match="'auto', 'values', 'neurons', 'layers'; got 'neuron'"):
        folded(expression(), "neuron")


def test_sums_written_out() -> None:
    x, w, b = Value(2.0, label="x"), Value(3.0, label="w"), Value(0.5, label="b")
    whole = total([dot([w, w], [x, 1.0], b), x, 4.0])
    whole.label = "loss"
    whole.backward()
    copies = expanded(whole)
    graph = folded(copies[whole])  # type: ignore[arg-type]
    operations = [box.members[0].operation.name for box in graph.boxes if box.members[0].operation]
    assert Counter(operations) == {"multiply": 2, "add": 4}
    assert copies[whole]._data == whole.data
    assert copies[whole].label == "loss"
    assert copies[x].grad == x.grad
    assert all(box.members[0].grad == 1.0 for box in graph.boxes if box.kind == "operation")
    assert x.parents == ()
    assert whole.operation is not None
    assert whole.operation.name == "total"


def test_a_softmax_belongs_to_its_layer_and_its_losses_are_one_box() -> None:
    network = MLP(2, [3], output="softmax", seed=0)
    loss = total([-network([0.1, float(i)])[i].log() for i in range(3)])
    layers = folded(loss, "layers")
    assert [box.kind for box in layers.boxes] == ["layer", "repeated", "repeated", "repeated", "operation"]
    neurons = folded(loss, "neurons")
    logarithms = [box for box in neurons.boxes if box.members[0].operation is ops.log]
    assert [len(box.members) for box in logarithms] == [3]
    assert faces(neurons)[logarithms[0].id].lines[0] == "log(l0)"
