"""What the lessons on stepping claim, as numbers."""

from __future__ import annotations

import pytest

from demos import lesson_06_step_through_backprop as stepping
from demos import lesson_07_same_weight_twice as twice
from demos import lesson_08_why_topological_order as order


def test_stepping_shows_what_backward_does(capsys: pytest.CaptureFixture[str]) -> None:
    found = stepping.main()
    assert found["untouched while looking"] == 1.0
    assert found["w by steps"] == found["w by backward"] == pytest.approx(-0.75337, abs=1e-5)
    assert found["b by steps"] == found["b by backward"]
    text = capsys.readouterr().out
    assert "(walk 3/5) back" in text, "what is typed is shown"
    assert "stopped: w" in text


def test_the_copies_add_up_and_assigning_is_wrong() -> None:
    found = twice.main()
    assert found["shared"] == found["first copy"] + found["second copy"]
    assert found["assigned"] != found["shared"]
    assert found["check"] == 1.0


def test_too_early_is_wrong_and_every_path_is_long() -> None:
    found = order.main()
    assert (found["right"], found["too early"]) == (16.0, 4.0)
    assert found["check"] == 1.0
    assert found["visits of 16"] > 250 * found["visits of 8"]
