"""Arrays that machine code looks at itself: those of the form are copied, all others are left to NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite", reason="the LLVM executor needs llvmlite (extra `fast`)")

from engine import Value, compile, dot  # noqa: A004
from engine.replay.backends.llvm.call import WAITS, _SmallCall
from engine.replay.backends.llvm.writing.arrays import OTHER, is_possible

W, X, Y = np.array([0.5, -2.0]), np.arange(6.0).reshape(3, 2), np.array([1, 2, 3])


class Sub(np.ndarray):
    """Arrays of another class."""


def misaligned(array: Any) -> Any:
    found = np.zeros(array.nbytes + 1, np.uint8)[1:].view(array.dtype).reshape(array.shape)
    found[...] = array
    return found


@pytest.fixture(scope="module")
def call() -> _SmallCall:
    w = [Value(0.5), Value(-2.0)]
    p = compile(lambda x, y: dot(w, x) * y, w, "llvm")
    for _ in range(WAITS + 1):
        p.value_and_gradients(W, X, Y)
    found = p._validity.latest.__self__  # type: ignore[attr-defined]
    assert isinstance(found, _SmallCall)
    return found


def entered(call: _SmallCall, *given: Any) -> int:
    return call._enter(id(given), call._where)


def test_arrays_of_the_form_are_taken_as_they_are_now(call: _SmallCall) -> None:
    assert is_possible()
    for factor in (1.0, 3.0):
        given = (W * factor, X + factor, Y + int(factor))
        assert entered(call, *given) == 0
        found = call.run(given)
        assert found is not None
        assert found[0].tolist() == ((given[1] @ given[0]) * given[2]).tolist()
        assert found[1].tolist() == (given[1].T @ given[2]).tolist()


def test_what_is_refused_is_told_from_what_is_another_form(call: _SmallCall) -> None:
    given = (np.array([np.inf, 1.0]), X, Y)
    assert entered(call, *given) not in (0, OTHER)
    with pytest.raises(FloatingPointError):
        call.run(given)


@pytest.mark.parametrize(
    ("place", "other", "is_copied"),
    [
        (0, W[::-1], True),
        (0, misaligned(W), True),
        (0, W.astype(">f8"), False),
        (0, W.astype(np.float32), False),
        (0, W.view(Sub), False),
        (0, W.tolist(), False),
        (0, np.zeros(3), False),
        (1, np.asfortranarray(X), True),
        (1, X.reshape(2, 3), False),
        (1, X.ravel(), False),
        (1, X[:, :, None], False),
        (1, X[:2], False),
        (2, np.arange(6)[::2], True),
        (2, Y.astype(np.int32), False),
        (2, Y.astype(float), False),
        (2, Y.astype(np.uint64), False),
        (2, 1, False),
        (2, None, False),
    ],
)
def test_others_are_left_to_numpy(call: _SmallCall, place: int, other: Any, is_copied: bool) -> None:
    given: list[Any] = [W, X, Y]
    given[place] = other
    assert entered(call, *given) == OTHER
    found = call.run(tuple(given))
    assert (found is not None) is is_copied
    if found is not None:
        assert found[0].tolist() == ((given[1] @ given[0]) * given[2]).tolist()
    assert entered(call, W, X, Y) == 0


def test_a_list_and_another_number_of_arrays_are_not_entered(call: _SmallCall) -> None:
    assert call.run((W, X)) is None
    assert call.run((W, X, Y, Y)) is None
    found = call.run([W, X, Y])
    assert found is not None
    assert found[0].tolist() == ((X @ W) * Y).tolist()
