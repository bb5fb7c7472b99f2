"""Steps: the backward pass as data: the bits of backward, the table's words, nobody's grad touched."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
from expressions import build, seeded_expressions

from engine import Value, clamp, dot, exp2, logsumexp, maximum, ops, relu, total, where
from engine.formula import number_text
from engine.graph import Node, topological_order
from engine.operation import Operation
from engine.stepping.records import Contribution
from engine.stepping.steps import Steps, forward_steps, steps
from engine.value import Constant, make_node
from engine.wording import display_names, in_ascii, local_derivatives, node_formula, node_numbers, short_name

GOLDEN = Path(__file__).parent / "golden"


def example() -> Value:
    """A loss with a shared leaf, a repeated operand, a constant, a choice and a wide node."""
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    weight = Value(0.5, label="layers[0].neurons[3].weights[1]")
    loss = (a * a + b).relu() * weight + dot([weight, b], [1.0, a], bias=a) - maximum(a, b) / 4
    loss.label = "loss"
    return loss


def made_at(backward: Steps, name: str) -> list[Contribution]:
    return [part for step in backward for part in step.contributions if part.operand_name == name]


def test_the_first_step_is_the_seed() -> None:
    seed = steps(example())[0]
    assert (seed.number, seed.operation, seed.gradient, seed.contributions) == (0, "seed", 1.0, ())
    assert str(seed) == "step 0: loss = −3.5, gradient 1, the seed: d loss/d loss = 1"


def test_steps_go_from_the_root_to_its_operands_and_know_their_numbers() -> None:
    root = example()
    backward = steps(root)
    interior = [node for node in topological_order(root) if node.parents]
    assert [step.node for step in backward[1:]] == interior[::-1]
    assert [step.number for step in backward] == list(range(len(backward)))
    assert backward[-1] == backward[len(backward) - 1]
    with pytest.raises(IndexError, match="there is no step 99"):
        backward[99]


def test_ids_are_places_in_topological_order_and_edges_are_slots() -> None:
    root = example()
    order = topological_order(root)
    for step in steps(root)[1:]:
        assert step.id == f"n{order.index(step.node)}"
        assert [part.edge for part in step.contributions] == [
            f"{step.id}.{slot}" for slot in range(len(step.node.parents))
        ]
        assert [part.operand for part in step.contributions] == list(step.node.parents)
        assert [part.operand_id for part in step.contributions] == [
            f"n{order.index(parent)}" for parent in step.node.parents
        ]


def test_a_node_used_twice_by_one_operation_gets_two_contributions() -> None:
    x = Value(3.0, label="x")
    first, second = steps(x * x)[1].contributions
    assert (first.before, first.amount, first.after) == (None, 3.0, 3.0)
    assert (second.before, second.amount, second.after) == (3.0, 3.0, 6.0)
    assert (first.slot, second.slot) == (0, 1)
    assert str(steps(x * x)[1]).endswith("x.grad: 3 → 3 + 1 × 3 = 6")


@pytest.mark.parametrize("number", range(40))
def test_gradients_are_those_of_backward_bit_for_bit(number: int) -> None:
    expression = list(seeded_expressions(40, inputs=3, size=12, seed=4))[number]
    root, _ = build(expression)
    found = steps(root)
    gradients = found.gradients()
    root.backward()
    for node in topological_order(root):
        if not isinstance(node, Constant):
            assert gradients.get(node, 0.0) == node.grad
    for step in found:
        assert step.gradient == gradients.get(step.node)


def test_every_contribution_is_gradient_times_partial_and_adds_up() -> None:
    backward = steps(example())
    sofar: dict[Node, float | None] = {}
    for step in backward:
        for part in step.contributions:
            assert part.before == sofar.get(part.operand)
            if part.amount is None:
                assert part.after == part.before
                continue
            assert step.gradient is not None
            assert part.partial is not None
            assert part.amount == step.gradient * part.partial
            assert part.after == (part.before or 0.0) + part.amount
            sofar[part.operand] = part.after
        for node, gradient in backward.gradients(step.number).items():
            assert sofar.get(node, 1.0) == gradient


def test_no_grad_is_read_or_written() -> None:
    root = example()
    root.backward()
    held = {node: node.grad for node in topological_order(root)}
    backward = steps(root)
    assert backward[0].contributions == ()
    assert made_at(backward, "a")[0].before is None
    assert str(backward)
    assert held == {node: node.grad for node in topological_order(root)}


def test_gradients_left_over_are_told() -> None:
    root = example()
    assert steps(root).leftover == {}
    root.backward()
    left = steps(root).leftover
    assert {node.label: grad for node, grad in left.items()} == {
        node.label: node.grad for node in topological_order(root) if not node.parents and node.grad
    }


def test_constants_and_what_was_not_selected_get_nothing() -> None:
    x, y = Value(3.0, label="x"), Value(2.0, label="y")
    step = steps(maximum(x, y) * 5.0)[2]
    taken, left = step.contributions
    assert (taken.partial, taken.formula, taken.condition) == (1.0, "1", "x > y")
    assert (left.partial, left.formula, left.amount, left.after) == (None, "no path", None, None)
    assert "no path to y, as x > y: it gets nothing" in str(step)
    constant = steps(x * 5.0)[1].contributions[1]
    assert (constant.operand_name, constant.partial, constant.formula) == ("5", None, "no path")
    assert "constants get nothing: 5" in str(steps(x * 5.0)[1])


def test_a_node_that_no_path_reaches_says_so() -> None:
    x, y = Value(3.0, label="x"), Value(-2.0, label="y")
    root = maximum(x, y * y * -1.0)
    unreached = steps(root)[2]
    assert unreached.gradient is None
    assert [part.amount for part in unreached.contributions] == [None, None]
    assert "no path leads here: gradient 0" in str(unreached)


def test_a_leaf_alone_has_the_seed_only() -> None:
    x = Value(3.0, label="x")
    assert len(steps(x)) == 1
    assert len(forward_steps(x)) == 0
    assert str(steps(x)) == "step 0: x = 3, gradient 1, the seed: d x/d x = 1"


def test_what_is_no_value_is_refused() -> None:
    with pytest.raises(TypeError, match=r"steps start from a Value.*got float"):
        steps(3.0)  # type: ignore[arg-type]


def test_nan_is_stepped_through_and_infinity_is_a_word() -> None:
    x = Value(0.0, label="x")
    root = x.sqrt() * 0.0
    backward = steps(root)
    assert math.isnan(backward.gradients()[x])
    assert "x.grad: – → 0 × inf = nan" in str(backward)
    plain = json.loads(backward.to_json())
    assert plain["steps"][2]["contributions"][0]["partial"] == "inf"
    assert plain["steps"][2]["contributions"][0]["after"] == "nan"


def test_a_changed_leaf_leaves_the_steps_at_the_old_point_and_is_told() -> None:
    x = Value(2.0, label="x")
    root = relu(x) * x
    assert steps(root).stale == ""
    x.data = -1.0
    backward = steps(root)
    assert "has changed since the graph was made" in backward.stale
    assert backward.gradients()[x] == 4.0
    assert made_at(backward, "x")[-1].formula == "1 if x > 0 else no path"


@pytest.mark.parametrize("row", ops.TABLE.values(), ids=lambda row: row.name)
def test_every_row_has_words_for_its_derivatives_with_the_stored_numbers(row: Operation) -> None:
    """The formula that holds here is written alone: its number was found to be the stored partial."""
    low_high = row.domain.sample
    for share in (0.25, 0.5, 0.8):
        numbers = [low + share * (high - low) for low, high in low_high]
        letters = "xyzuvw"
        operands = [Value(n, label=letter) for n, letter in zip(numbers, letters, strict=False)]
        node = make_node(row, operands)
        for part in steps(node)[1].contributions:
            assert " if " not in part.formula, "the choice was made"
            assert (part.partial is None) == (part.formula == "no path")
            if part.formula.replace("−", "").isdecimal():
                assert part.formula == number_text(part.partial)


@pytest.mark.parametrize(
    ("root", "text", "numbers"),
    [
        (Value(2.0, "x") * Value(2.0, "x"), "x@n0 × x@n1", "2²"),
        (Value(2.0, "x") ** 2, "x²", "2²"),
        (-Value(-2.0, "x"), "−x", "−(−2)"),
        (dot([Value(1.0, "w")], [Value(2.0, "x")], Value(3.0, "b")), "b + w × x", "3 + 1 × 2"),
        (dot([Value(1.0, "w")], [2.0]), "w × 2", "1 × 2"),
        (total([Value(1.0, "p"), Value(-2.0, "q")]), "p + q", "1 + −2"),
        (logsumexp([Value(1.0, "p"), 2.0]), "logsumexp(p, 2)", "logsumexp(1, 2)"),
        (clamp(Value(1.0, "p"), 0, 2), "clamp(p, 0, 2)", "clamp(1, 0, 2)"),
        (exp2(Value(1.0, "p")), "exp2(p)", "exp2(1)"),
        (dot([], []), "0", "0"),
    ],
)
def test_one_node_in_words_and_in_numbers(root: Value, text: str, numbers: str) -> None:
    named = display_names(topological_order(root))
    assert (node_formula(root, named), node_numbers(root)) == (text, numbers)


def test_of_many_operands_a_few_are_written_and_the_rest_counted() -> None:
    weights = [Value(1.0, label=f"w{place}") for place in range(20)]
    root = dot(weights, [1.0] * 20, weights[0])
    assert steps(root)[1].formula == "w0 + w0 × 1 + w1 × 1 + … 18 more products"
    assert "… and 9 more operands" in str(steps(root)[1])
    assert steps(total(weights))[1].formula == "w0 + w1 + w2 + w3 + … 16 more"
    assert len(steps(root)[1].contributions) == 41


def test_conditions_tell_how_the_numbers_lie() -> None:
    x, y = Value(1.0, label="x"), Value(1.0, label="y")
    named = display_names([x, y])
    tie = local_derivatives(maximum(x, y), named | {})
    assert [(local.text, local.condition) for local in tie] == [("0.5", "x = y"), ("0.5", "x = y")]
    chosen = where(x > 0, x, y)
    texts = [local.text for local in local_derivatives(chosen, dict.fromkeys(chosen.parents, "c"))]
    assert texts == ["no path", "1", "no path"]


def test_names_are_short_safe_and_told_apart() -> None:
    assert short_name("layers[10].neurons[3].bias") == "l10.n3.b"
    assert short_name("a\nb\x1b[31m") == "a�b�[31m"
    assert len(short_name("x" * 100)) == 40
    x, other, plain = Value(1.0, label="x"), Value(2.0, label="x"), Value(3.0, label="v4")
    root = x + other + plain
    assert list(display_names(topological_order(root)).values()) == ["x@n0", "x@n1", "v2", "v4@n3", "v4@n4"]
    assert in_ascii("é × ²") == "\\xe9 * **2"


def test_the_forward_pass_has_each_node_with_its_numbers() -> None:
    root = example()
    forward = forward_steps(root)
    assert [step.node for step in forward] == [n for n in topological_order(root) if n.parents]
    assert str(forward[0]) == "forward 0: v1 = a² = 2² = 4"
    assert [operand.data for operand in forward[1].operands] == [4.0, -3.0]
    assert forward[-1].data == root.data


def test_long_passes_are_cut_when_printed() -> None:
    y = Value(1.0)
    for _ in range(100):
        y = y.sin()
    assert str(steps(y)).endswith("… and 41 more steps: take them by number, or in a loop")
    lines = repr(steps(y)).splitlines()
    assert lines[:29] == str(steps(y)).splitlines()[:29]
    assert lines[29:] == ["… and 150 more lines; print(_) shows all of them"]


def test_a_chain_of_10_000_steps_without_recursion() -> None:
    x = Value(0.5, label="x")
    y = x
    for _ in range(10_000):
        y = y * 1.0001
    backward = steps(y)
    assert len(backward) == 10_001
    assert backward[10_000].contributions[0].operand is x
    y.backward()
    assert backward.gradients()[x] == x.grad
    assert backward.number_of(x) == 10_000
    assert forward_steps(y)[0].operands[0].node is x


def test_the_steps_are_what_they_were() -> None:
    """The golden file: steps as JSON. After a meant change run this file with UPDATE_GOLDEN=1."""
    golden = GOLDEN / "steps.json"
    root = example()
    data = {"backward": steps(root).as_data(), "forward": forward_steps(root).as_data()}
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    assert data == json.loads(golden.read_text(encoding="utf-8"))


def test_the_same_bytes_in_processes_with_different_hash_seeds() -> None:
    program = (
        "import io, sys; sys.path[:0] = ['tests/engine/stepping', 'tests']\n"
        "from test_steps import example\n"
        "from engine import explain, forward_steps, steps, walk\n"
        "from engine.picture.text import formula, tree\n"
        "root = example(); out = io.StringIO()\n"
        "walk(root, stdin=io.StringIO('run\\ngraph\\nexplain a\\ncheck b\\n'), stdout=out, width=80)\n"
        "print(steps(root).to_json(), forward_steps(root), explain(root.parents[0], root), formula(root),\n"
        "      tree(root), out.getvalue(), sep='\\n')\n"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"},
            cwd=Path(__file__).parents[3],
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
    assert b"step 0: loss" in outputs.pop()
