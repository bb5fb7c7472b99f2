"""The report of a check adds what marks say, on request: with `marks=health` how many digits are right."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from engine import Value, check_gradients, health


def cancels(x: Any) -> Any:
    """A value without digits, and a gradient with all of them."""
    return 1 - x.cos()


def test_digits_stand_in_the_report() -> None:
    result = check_gradients(cancels, at=[1e-6], marks=health)
    said = dict(result.remarks)
    assert said["cancels"].startswith("its number: 4.1 of 16 digits are right")
    assert said["x"] == "its number: every digit is right; its gradient: every digit is right"
    assert "cancels: its number: 4.1 of 16" in str(result)
    assert ["x", said["x"]] in json.loads(result.to_json())["remarks"]
    assert "digits" not in str(check_gradients(cancels, at=[1e-6]))


def test_of_many_outputs_each_is_named() -> None:
    def both(x: Any, y: Any) -> Sequence[Any]:
        return [x * y, x + 1]

    said = dict(check_gradients(both, at=[0.1, 0.3], marks=health).remarks)
    assert set(said) == {"both[0]", "both[1]", "x → both[0]", "y → both[0]", "x → both[1]"}


def test_leaves_are_as_they_were() -> None:
    w = Value(0.5, label="w")
    assert check_gradients(lambda: w * w, at=[w], marks=health)
    assert (w.data, w.grad) == (0.5, None)
