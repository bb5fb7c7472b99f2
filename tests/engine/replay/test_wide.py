"""Wide nodes: many operands are looked at at once, and what is said of few is said of them too."""

from __future__ import annotations

import math
import time
from typing import Any

import pytest

from engine import ReplayError, Value, dot, no_grad
from engine.replay.backends import strict
from engine.replay.recording.nodes import FEW
from engine.replay.recording.reach import Reach
from engine.replay.recording.record import record, with_numbers
from engine.replay.recording.tape import LeafKind
from engine.replay.recording.watch import Watch

WIDTHS = pytest.mark.parametrize("width", [1, FEW])  # 2 operands and 16: on either side of `FEW`


def weights(width: int) -> list[Value]:
    return [Value(0.5 + k, label=f"w[{k}]") for k in range(width)]


@WIDTHS
def test_what_was_computed_elsewhere_is_held(width: int) -> None:
    w = weights(width)
    computed = Value(3.0, label="a") * 2.0
    tape = record(lambda x: dot(w, [computed, *[x] * (width - 1)]), w, [1.0])
    assert [leaf.number for leaf in tape.leaves if leaf.kind is LeafKind.HELD] == [6.0]
    assert tape.held == (computed,)


@WIDTHS
@pytest.mark.parametrize(
    "keep", [lambda x, w: x * w, lambda x, w: (x * w).parents[0]], ids=["a result", "data"]
)
def test_what_is_kept_from_another_recording_is_refused(width: int, keep: Any) -> None:
    w: list[Any] = weights(width)
    kept: list[Any] = []

    def keeping(x: Any) -> Any:
        kept.append(keep(x, w[0]))
        return x * w[0]

    record(keeping, w, [1.0])
    with pytest.raises(ReplayError, match="computed outside of this call"):
        record(lambda x: dot(w, kept * width) * x, w, [1.0])


@WIDTHS
def test_numbers_and_data_among_the_operands_are_what_they_are(width: int) -> None:
    w = weights(width)
    tape = record(lambda x: dot(w, [x] * width, 0.25) + dot(w, [2.0] * width), w, [3.0])
    numbers = [each.data for each in w]
    assert strict.numbers(tape, numbers, [5.0])[tape.outputs[0]] == dot(w, [5.0] * width, 0.25).data + sum(
        2.0 * number for number in numbers
    )
    with no_grad():
        hidden = record(lambda x: dot(w, [x] * width), w, [3.0])
    assert strict.gradients(hidden, numbers, [2.0])[1] == [2.0] * width  # gradients are on in a recording


@WIDTHS
def test_made_without_a_gradient_is_cut_off(width: int) -> None:
    w = weights(width)

    def f(x: Any) -> Any:
        with no_grad():
            fixed = dot(w, [x] * width)
        return fixed * w[0]

    numbers = [each.data for each in w]
    slopes = strict.gradients(record(f, w, [3.0]), numbers, [2.0])[1]
    assert slopes == [2.0 * sum(numbers)] + [0.0] * (width - 1)


def test_the_parameters_have_the_bits_of_the_weights_and_then_their_own() -> None:
    w = [Value(0.0), Value(1.0)]
    with with_numbers(w, [-0.0, 1.0]):
        assert math.copysign(1.0, w[0].data) == -1.0
        w[1].data = 5.0
    assert math.copysign(1.0, w[0].data) == 1.0
    with with_numbers(w, [0.0, 1.0]):  # the bits that are there: nothing is set, and yet all put back
        w[1].data = 5.0
    assert w[1].data == 1.0


@pytest.mark.parametrize("kind", [list, tuple])
def test_a_list_of_weights_is_watched_and_their_gradients_are_refused(kind: Any) -> None:
    w = kind(weights(3))
    named = {"weights": w, "first": w[0]}
    read = [place.path for place in Reach(lambda x: named["weights"][2].grad * x).places]
    assert "named['weights'][2].grad" in read
    assert Watch(lambda x: x * w[1].grad, w).refusal.startswith("reads w[0].grad, which every step changes")
    watch = Watch(lambda x: x * named["weights"][1], w)
    assert watch.same()
    named["weights"] = kind(weights(3))
    assert not watch.same()
    assert watch.look() == "named['weights'][0] was a Value and is a Value"


def test_whether_a_number_is_settled_takes_no_walk_through_all_it_was_made_of() -> None:
    def counting(x: Any, label: Any) -> Any:
        total: Any = x * [1.0, 2.0][int(label)]  # from here on it is asked of every operand
        for _ in range(3000):
            total = total + 0.5
        return total * Value(1.0)

    start = time.process_time()
    record(counting, [], [0.5, 1])
    assert time.process_time() - start < 0.7
