"""The walker, driven as a person would: typed lines in, a screen's text out."""

from __future__ import annotations

import pytest
from walked import example, shown, typed

from engine import Value
from engine.graph import Node, topological_order


def headlines(root: Value, *lines: str) -> list[str]:
    return [line for line in shown(root, *lines) if line.startswith("step")]


def grads(root: Node) -> list[float | None]:
    return [node.grad for node in topological_order(root)]


def test_the_greeting_says_what_this_is_and_shows_the_seed() -> None:
    lines = typed(example(), "quit").splitlines()
    assert lines[0] == "backward through loss = relu(a × b + l0.n3.w[1])² + a = 27, 5 steps; try help"
    assert lines[1] == "step 0: loss = 27, gradient 1, the seed: d loss/d loss = 1"


def test_step_back_and_an_empty_line() -> None:
    root = example()
    assert shown(root, "step")[0].startswith("step 1: loss = v7 + a")
    assert [line for line in shown(root, "s 3") if line.startswith("step")][-1].startswith(
        "step 3: v5 = relu"
    )
    assert [line[:6] for line in shown(root, "", "", "b") if line.startswith("step")] == [
        "step 1",
        "step 2",
        "step 1",
    ]
    assert "this is the start" in shown(root, "back")[0]
    assert "this is the end" in shown(root, "step 99")[-2]
    assert [line[:6] for line in shown(root, "run", "back 99") if line.startswith("step")] == [
        "step 5",
        "step 0",
    ]


def test_going_back_takes_gradients_back_exactly() -> None:
    there = shown(example(), "step 4", "print a")
    back = shown(example(), "run", "back", "print a")
    assert there[-2] == back[-2] == "  a = 2, a.grad = 1"


def test_until_goes_to_a_nodes_step_and_a_leafs_last() -> None:
    root = example()
    assert shown(root, "until sum")[0].startswith("step 4: sum = v2 + l0.n3.w[1]")
    assert shown(root, "u a")[0].startswith("step 5: v2 = a × b")
    assert shown(root, "until layers[0].neurons[3].weights[1]")[0].startswith("step 4: sum")
    assert shown(root, "until n5")[0].startswith("step 3")
    assert "v5 had its turn in step 3; back 2 goes there" in shown(root, "run", "until v5")[-2]


def test_run_goes_to_the_end_and_shows_the_leaves() -> None:
    lines = shown(example(), "r")
    assert lines[0].startswith("step 5")
    assert lines[-4:-1] == [
        "  a = 2, a.grad = 31",
        "  b = 3, b.grad = 20",
        "  l0.n3.w[1] = −1, l0.n3.w[1].grad = 10",
    ]


@pytest.mark.parametrize(
    ("point", "stops"),
    [
        ("sum", [4]),
        ("a", [1, 5]),
        ("relu", [3]),
        ("operation add", [1, 4]),
        ("|grad| > 9", [2, 3, 4, 5]),
        ("grad > 29", [5]),
        ("nan", []),
    ],
)
def test_breakpoints_stop_run(point: str, stops: list[int]) -> None:
    lines = shown(example(), f"break {point}", *["run"] * 6)
    numbers = [int(line.split(":")[0].split()[1]) for line in lines if line.startswith("step ")]
    assert list(dict.fromkeys(numbers)) == sorted({*stops, 5})
    assert sum(line.startswith("stopped: ") for line in lines) == len(stops)


def test_a_nan_is_broken_on_where_it_begins() -> None:
    x = Value(0.0, label="x")
    root = (x.sqrt() * 0.0).exp() + 1.0
    lines = shown(root, "break nan", "run")
    assert "stopped: nan" in lines
    assert any(line.startswith("step 4: v1 = sqrt(x)") for line in lines)


def test_breakpoints_are_listed_and_cleared() -> None:
    lines = shown(example(), "break", "break relu", "break sum", "clear 1", "clear 7", "clear", "break relo")
    assert lines[0].startswith("no breakpoints")
    assert lines[1:6] == [
        "  breakpoint 1: operation relu",
        "  breakpoint 1: operation relu",
        "  breakpoint 2: sum",
        "  breakpoint 1: sum",
        "there is no breakpoint 7; break lists them",
    ]
    assert "did you mean relu" in lines[7]


def test_stepping_many_stops_at_a_breakpoint() -> None:
    lines = shown(example(), "break relu", "step 5")
    assert [line[:6] for line in lines if line.startswith("step")][-1] == "step 3"


def test_watch_shows_a_gradient_after_every_move() -> None:
    lines = shown(example(), "watch a", "step", "run", "back", "watch a", "step", "watch")
    watched = [line for line in lines if line.startswith("  watch")]
    assert watched == [
        "  watch a.grad: –",
        "  watch a.grad: – → 1",
        "  watch a.grad: 1 → 31",
        "  watch a.grad: 31 → 1",
    ]
    assert "a is no longer watched" in lines
    assert "nothing is watched; watch NAME does" in lines


def test_explain_is_about_here_or_a_node_and_knows_what_is_to_come() -> None:
    assert "d v5/d sum = 1, as sum > 0: 10 × 1 = 10" in "\n".join(shown(example(), "s 3", "e"))
    assert "still to come" in "\n".join(shown(example(), "s", "explain a"))


def test_graph_marks_where_you_are_with_the_gradients_so_far() -> None:
    lines = shown(example(), "s 2", "graph")
    marked = [line for line in lines if line.startswith(">")]
    assert marked == ["> ├─ v7 = v5² = 25, grad 1"]
    assert any("v5 = relu(sum) = 5, grad 10" in line for line in lines)
    assert any("sum = v2 + l0.n3.w[1] = 5, grad –" in line for line in lines)
    assert shown(example(), "graph sum")[0].startswith("  sum = ")


def test_graph_of_a_deep_chain_shows_where_you_are() -> None:
    y = Value(1.0, label="x")
    for _ in range(500):
        y = y.sin()
    assert any(line.startswith("> v100 = ") for line in shown(y, "until v100", "graph"))


def test_check_puts_a_difference_beside_the_gradient() -> None:
    text = "\n".join(shown(example(), "check a", "check sum"))
    assert "d loss/d a at a = 2" in text
    assert "by the chain rule   31" in text
    assert text.count("they agree") == 2


def test_check_sees_a_kink_a_wrong_derivative_and_an_edge() -> None:
    x = Value(0.0, label="x")
    assert "a kink lies in between, at root: there they need not agree" in "\n".join(
        shown(x.relu(), "check x")
    )
    wrong = x.exp()
    wrong._first_partial = 2.0
    assert "they differ by 1" in "\n".join(shown(wrong, "check x"))
    edge = Value(1e-9, label="x").log()
    assert "they agree" in "\n".join(shown(edge, "check x"))
    assert "sqrt needs x >= 0" in "\n".join(shown(Value(0.0, label="x").sqrt(), "check x"))


def test_check_refuses_constants_and_changed_leaves() -> None:
    root = example()
    assert "is a constant" in shown(root, "check n6")[0]
    leaf = root.parents[1]
    assert isinstance(leaf, Value)
    leaf.data = 5.0
    text = typed(root, "check a")
    assert text.count("has changed since the graph was made") == 2


def test_print_forward_and_help() -> None:
    assert shown(example(), "p sum")[0] == "  sum = 5, sum.grad = –"
    assert shown(example(), "forward")[0] == "forward 0: v2 = a × b = 2 × 3 = 6"
    text = typed(example(), "help")
    commands = "step back until run explain graph watch check break html commit quit"
    for command in commands.split():
        assert f"\n  {command}" in text, command
    assert len(shown(example(), "help until")) == 2
    assert shown(example(), "? watch")[0].startswith("  watch [NAME]")
    assert "'hepl' is no command" in shown(example(), "help hepl")[0]


def test_nobody_is_left_in_the_dark() -> None:
    root = example()
    assert "'stpe' is no command; did you mean step" in shown(root, "stpe")[0]
    assert "no node is called 'sun'; did you mean sum" in shown(root, "until sun")[0]
    assert "no node is called '%%'; nodes are, for example, a, b" in shown(root, "until %%")[0]
    assert "which node? nodes are, for example" in shown(root, "until")[0]
    assert "'x' is no number of steps" in shown(root, "step x")[0]
    assert "'0' is no number of steps" in shown(root, "step 0")[0]


def test_several_nodes_of_one_name_must_be_told_apart() -> None:
    x, other = Value(1.0, label="x"), Value(2.0, label="x")
    root = x * other
    assert "2 nodes are called 'x'; say which: x@n0, x@n1" in shown(root, "print x")[0]
    assert shown(root, "print x@n1")[0] == "  x@n1 = 2, x@n1.grad = –"


def test_of_several_nodes_until_and_break_take_the_next_and_explain_the_one_here() -> None:
    x = Value(1.0, label="x")
    first, second = x.sin(), x.cos()
    first.label = second.label = "neuron"
    root = first + second
    assert [line[:6] for line in headlines(root, "until neuron", "until neuron")] == ["step 2", "step 3"]
    assert shown(root, *["until neuron"] * 3)[-2] == "neuron had its turn in step 3; you are there"
    assert [line[:6] for line in headlines(root, "break neuron", "run", "run")] == ["step 2", "step 3"]
    assert shown(root, "until neuron", "print neuron")[-2].startswith("  neuron@n2 = 0.5403")


def test_gradients_stay_as_they_were_unless_committed() -> None:
    root = example()
    assert shown(root, "run", "quit")[-1] == "no grad was changed (commit would have written them)"
    assert set(grads(root)) == {None}
    text = typed(root, "step", "commit", "commit", "quit")
    assert "already written; once more would add" in text
    assert "no grad was changed" not in text
    again = example()
    again.backward()
    assert grads(root) == grads(again)


def test_gradients_that_were_not_zero_are_told_and_added_to() -> None:
    root = example()
    root.backward()
    text = typed(root, "commit", width=300)
    assert "note: gradients were not zero (a.grad = 31, b.grad = 20, l0.n3.w[1].grad = 10)" in text
    assert "(added to what the leaves held)" in text
    assert root.parents[1].grad == 62.0


def test_a_commit_that_backward_refuses_is_said_in_its_words() -> None:
    x = Value(0.0, label="x")
    root = x.sqrt() * 0.0
    assert "backward would give nan" in typed(root, "commit", width=400)
    assert x.grad is None
