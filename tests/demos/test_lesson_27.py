"""What the lesson on replay claims."""

from __future__ import annotations

import pytest

from demos import lesson_27_replay as lesson


def test_the_claims(capsys: pytest.CaptureFixture[str]) -> None:
    facts = lesson.main()
    assert facts["apart"] < 1e-12
    assert facts["faster"] > 20  # hundreds, on a machine that has nothing else to do
    assert facts["instructions"] < 60
    assert facts["paths"] == 2
    assert facts["refused"] == 1.0
    assert "guard" in capsys.readouterr().out
