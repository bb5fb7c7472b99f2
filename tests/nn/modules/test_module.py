import io
import random
from typing import Any

import pytest

from engine import Value, draw, steps, total, walk
from nn import MLP, Dropout, Embedding, Layer, Module, Neuron, Sequential
from nn.modules.activations import ACTIVATIONS
from nn.modules.initializers import INITIALIZERS, initializer_for


class Line(Module):
    def __init__(self) -> None:
        self.slope, self.offset = Value(2.0), Value(1.0)

    def __call__(self, inputs: Any, /) -> Any:
        return [self.slope * inputs[0] + self.offset]


class Nest(Module):
    def __init__(self) -> None:
        self.parts_by_name = {"a": Line(), "b": Line()}
        self.shared = self.parts_by_name["a"]
        self.pair = (Value(0.0), [Value(1.0)])
        self.note = "no parameter"


def test_parameters_are_found_and_named_by_the_path_that_leads_to_them() -> None:
    nest = Nest()
    names = list(nest.named_parameters())
    assert names == [
        "pair[0]",
        "pair[1][0]",
        "parts_by_name['a'].slope",
        "parts_by_name['a'].offset",
        "parts_by_name['b'].slope",
        "parts_by_name['b'].offset",
    ]
    assert [parameter.label for parameter in nest.named_parameters().values()] == names


def test_names_follow_the_labels_contract() -> None:
    model = MLP(2, [3, 1], activation="tanh", seed=0)
    names = list(model.named_parameters())
    assert names[:3] == [
        "layers[0].neurons[0].weights[0]",
        "layers[0].neurons[0].weights[1]",
        "layers[0].neurons[0].bias",
    ]
    output = model([1.0, 2.0])[0]
    assert output.label == "layers[1].neurons[0]"
    assert output.operation is not None
    assert output.operation.name == "dot"
    hidden = output.parents[3]
    assert (hidden.label, hidden.parents[0].label) == ("layers[0].neurons[0]", "layers[0].neurons[0].sum")


def test_what_a_constructor_of_ones_own_makes_is_named_before_it_is_used() -> None:
    seen: list[str] = []

    class Tried(MLP):
        def __init__(self) -> None:
            self.inner = Layer(2, 1, seed=0)
            seen.extend([self.inner.neurons[0].bias.label, self.inner([1.0, 2.0])[0].label])
            super().__init__(2, [1], seed=0)

    tried = Tried()
    assert seen == ["neurons[0].bias", "neurons[0]"]
    assert tried.inner.neurons[0].weights[1].label == "inner.neurons[0].weights[1]"
    assert tried.layers[0].neurons[0].path == "layers[0].neurons[0]"
    assert list(tried.named_parameters())[-1] == "layers[0].neurons[0].bias"
    with pytest.raises(ValueError, match="at least"):
        MLP(2, [2, 0])
    assert Neuron(1, seed=0).bias.label == "bias"  # after a constructor that did not end, too


def test_the_neurons_of_a_softmax_layer_are_named_too() -> None:
    layer = MLP(2, [3], output="softmax", seed=0)
    outputs = layer([1.0, 2.0])
    assert [output.label for output in outputs] == [f"layers[0].neurons[{i}]" for i in range(3)]
    assert sum(output.data for output in outputs) == pytest.approx(1.0, abs=1e-15)


def test_a_neuron_alone_has_names_as_well() -> None:
    neuron = Neuron(2, "tanh", seed=0)
    output = neuron([1.0, 2.0])
    assert (output.label, output.parents[0].label) == ("output", "sum")


def test_a_neuron_is_two_nodes_and_a_linear_one_is_one() -> None:
    for activation, nodes in (("tanh", 2), ("linear", 1)):
        node: Any = Neuron(5, activation, seed=0)([1.0] * 5)
        count = 0
        while node.operation is not None:
            node, count = node.parents[0], count + 1
        assert count == nodes


def test_code_written_for_micrograd_reads_the_same() -> None:
    model = MLP(3, [4, 4, 1], seed=1)
    xs, ys = [[2.0, 3.0, -1.0], [3.0, -1.0, 0.5]], [1.0, -1.0]
    losses = []
    for _ in range(10):
        loss: Any = sum((model(x)[0] - y) ** 2 for x, y in zip(xs, ys, strict=True))
        model.zero_grad()
        loss.backward()
        for p in model.parameters():
            p.data += -0.01 * (p.grad or 0.0)
        losses.append(loss.data)
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("sizes", [[1], [3], [4, 1]])
def test_a_network_always_gives_a_list(sizes: Any) -> None:
    outputs = MLP(2, sizes, seed=0)([1.0, 2.0])
    assert isinstance(outputs, list)
    assert len(outputs) == sizes[-1]


def test_the_same_seed_gives_the_same_network_and_none_another() -> None:
    same, again = MLP(3, [4, 2], seed=7).state(), MLP(3, [4, 2], seed=random.Random(7)).state()
    assert same == again
    assert MLP(3, [4, 2], seed=8).state() != same
    assert MLP(3, [4, 2]).state() != MLP(3, [4, 2]).state()


def test_the_global_generator_is_not_touched() -> None:
    before = random.getstate()
    MLP(3, [4, 2])
    Dropout(0.5, seed=1)
    assert random.getstate() == before


def test_wrong_numbers_of_inputs_are_told() -> None:
    with pytest.raises(ValueError, match=r"takes 2 inputs, got 3"):
        MLP(2, [3, 1], seed=0)([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match=r"Neuron\(2, 'relu'\) takes 2 inputs, got 1"):
        Neuron(2, seed=0)([1.0])


@pytest.mark.parametrize("sizes", [[0], [], [2.5, 1], [True, 1]])
def test_sizes_that_are_no_sizes_are_refused(sizes: Any) -> None:
    with pytest.raises(ValueError, match="at least"):
        MLP(2, sizes)


def test_text_in_a_sample_is_refused() -> None:
    with pytest.raises(TypeError, match="str"):
        MLP(2, [1], seed=0)(["a", 1.0])  # type: ignore[list-item]


@pytest.mark.parametrize("kind", ["activation", "initializer"])
def test_unknown_names_list_the_known_ones(kind: Any) -> None:
    settings: Any = {kind: "tahn"}
    with pytest.raises(ValueError, match=rf"unknown {kind} 'tahn'.*Known are") as caught:
        Layer(2, 2, **settings)
    if kind == "activation":
        assert "did you mean 'tanh'?" in str(caught.value)


@pytest.mark.parametrize("name", list(ACTIVATIONS))
def test_every_activation_has_a_gradient(name: Any) -> None:
    neuron = Neuron(2, name, seed=0)
    neuron([0.3, -0.4]).backward()
    assert all(parameter.grad is not None for parameter in neuron.parameters())


def test_an_activation_can_be_a_function() -> None:
    neuron = Neuron(1, lambda x: x * x, initializer="zeros")
    neuron.bias.data = 3.0
    assert neuron([1.0]).data == 9.0


@pytest.mark.parametrize("name", list(INITIALIZERS))
def test_initializers_have_the_variance_that_they_promise(name: Any) -> None:
    rng = random.Random(3)
    draws = [INITIALIZERS[name](50, 30, rng) for _ in range(4000)]
    variance = sum(x * x for x in draws) / len(draws)
    expected = {"zeros": 0.0, "uniform": 1 / 3, "normal": 1.0}.get(
        name, 2 / 80 if "xavier" in name or "glorot" in name else 2 / 50
    )
    assert variance == pytest.approx(expected, rel=0.1)


def test_the_default_initializer_fits_the_activation() -> None:
    assert initializer_for(None, "relu").__name__ == "he_uniform"
    assert initializer_for(None, "sigmoid").__name__ == "xavier_uniform"


def test_zero_grad_and_freezing() -> None:
    model = MLP(2, [2, 1], activation="tanh", seed=0)
    model.layers[0].freeze()
    assert len(model.parameters()) == 3
    assert len(model.named_parameters()) == 9
    model([1.0, 2.0])[0].backward()
    model.zero_grad()
    assert {parameter.grad for parameter in model.named_parameters().values()} == {0.0}
    assert "of which 3 are trained" in model.summary()
    model.unfreeze()
    assert len(model.parameters()) == 9


def test_a_state_goes_out_and_in() -> None:
    one, other = MLP(2, [2, 1], seed=0), MLP(2, [2, 1], seed=1)
    other.load_state(one.state())
    assert other.predict([[0.5, 1.5]]) == one.predict([[0.5, 1.5]])


def test_a_state_of_another_model_changes_nothing() -> None:
    model = MLP(2, [2, 1], seed=0)
    before = model.state()
    with pytest.raises(ValueError, match="missing: layers"):
        model.load_state(MLP(2, [1], seed=0).state())
    broken: Any = dict.fromkeys(before, "x")
    with pytest.raises(TypeError):
        model.load_state(broken)
    assert model.state() == before


def test_dropout_works_only_while_training() -> None:
    dropout = Dropout(0.5, seed=0)
    assert [x.data for x in dropout([1.0] * 4)] == [1.0] * 4
    dropout.train()
    values = [x.data for x in dropout([1.0] * 4000)]
    assert set(values) == {0.0, 2.0}
    assert sum(values) / 4000 == pytest.approx(1.0, abs=0.05)
    with pytest.raises(ValueError, match="0 <= rate < 1"):
        Dropout(1.0)


def test_an_embedding_gives_rows_and_only_they_get_gradients() -> None:
    table = Embedding(4, 2, seed=0)
    row = table(2)
    assert row == table.rows[2]
    (row[0] * 2.0 + table([0, 2])[3]).backward()
    assert (table.rows[2][0].grad, table.rows[2][1].grad, table.rows[1][0].grad) == (2.0, 1.0, None)
    with pytest.raises(IndexError, match="rows 0 to 3, got 4"):
        table(4)
    with pytest.raises(TypeError, match="whole numbers"):
        table(0.5)


def test_sequential_chains_modules_and_functions() -> None:
    network = Sequential(lambda row: [row[0] * 2.0], Layer(1, 1, "linear", initializer="zeros"))
    network.layers[1].neurons[0].weights[0].data = 3.0
    assert network([1.0])[0].data == 6.0
    assert next(iter(network.named_parameters())) == "layers[1].neurons[0].weights[0]"


def test_repr_is_how_one_would_write_it() -> None:
    for text in (
        "MLP(2, [16, 1], 'tanh', 'sigmoid')",
        "Layer(2, 3, 'softmax')",
        "Neuron(2, 'relu')",
        "Dropout(0.5)",
        "Embedding(3, 2)",
        "Sequential(Layer(1, 2, 'relu'), Dropout(0.1))",
    ):
        assert repr(eval(text)) == text  # noqa: S307  (our own text)


@pytest.mark.parametrize("samples", [1, 2])
def test_a_node_of_a_network_has_one_name_in_steps_in_walk_in_drawings_and_by_itself(samples: int) -> None:
    """Where it is there for several samples, steps and drawings add the same id: l0.n0.sum@n5."""
    model = MLP(2, [2, 1], activation="tanh", seed=0)
    loss = total([model([0.5 + place, -1.0])[0] ** 2 for place in range(samples)])
    backward, source, out = steps(loss), draw(loss, "values").source, io.StringIO()
    walk(loss, stdin=io.StringIO("run\nbreak l0.n0.sum\nprint n0"), stdout=out)
    labeled = [node for node in backward.nodes if node.label]
    sums = [node for node in labeled if node.label == "layers[0].neurons[0].sum"]
    assert len(sums) == samples
    for node in labeled:
        name = backward.name(node)
        plain, _, place = name.partition("@")
        assert repr(node).endswith(f"label={plain!r})")
        assert f'[label="{name}\\ndata ' in source or f'[label="{name} = ' in source
        assert (place != "") == (samples > 1 and node.operation is not None)
    assert all(f": {backward.name(node)} = " in out.getvalue() or samples > 1 for node in sums[-1:])
    assert "breakpoint 1: l0.n0.sum" in out.getvalue()
