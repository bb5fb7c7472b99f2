"""What the lesson on a law of physics claims, in fewer steps."""

from __future__ import annotations

import pytest

from demos import lesson_28_physics as lesson
from engine import derivative


def test_the_textbook_obeys_the_law() -> None:
    def numerically(t: float) -> float:
        h = 1e-4
        before, here, after = lesson.exact(t - h), lesson.exact(t), lesson.exact(t + h)
        velocity, acceleration = (after - before) / (2 * h), (after - 2 * here + before) / h**2
        return acceleration + lesson.FRICTION * velocity + lesson.STIFFNESS * here

    assert [numerically(t) for t in (0.3, 1.0, 1.7)] == pytest.approx([0.0] * 3, abs=1e-5)
    assert lesson.exact(0.0) == 1.0


def test_the_motion_begins_at_one_and_at_rest() -> None:
    motion = lesson.Motion(seed=3)
    assert (motion(0.0).data, derivative(motion)(0.0).data) == (1.0, 0.0)


def test_it_is_trained_in_replay_as_in_eager_and_learns() -> None:
    pytest.importorskip("numpy")
    found = lesson.main(epochs=400, few=1)
    assert found["apart"] <= 1e-12
    assert found["last"] < found["first"] / 100
    assert found["worst"] < 0.2
