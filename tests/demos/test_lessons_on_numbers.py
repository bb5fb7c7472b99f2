"""What the lessons on digits and formulas claim, as numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

from demos import lesson_25_how_many_digits as digits
from demos import place


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(place, "OUT", tmp_path)
    return tmp_path


def test_rewritten_the_disasters_have_their_digits(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = digits.main()
    for what, *_ in digits.DISASTERS:
        assert found[f"{what}: digits"] < 8 < 14.5 < found[f"{what}: rewritten"], what
        assert found[f"{what}: hinted"] == 1.0, what
    assert found["tanh: digits of the gradient"] < 2 < 15.5 < found["tanh: digits of the value"]
    assert (found["undecided with floats"], found["undecided with more digits"]) == (1.0, 0.0)
    assert "12.6 digits are lost there, by subtract; write 2 × sin(x ÷ 2)²" in capsys.readouterr().out
    assert (out / "lesson_25_digits.svg").exists()


def test_the_textbook_derives_itself(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("sympy")
    pytest.importorskip("matplotlib")
    formulas = pytest.importorskip("demos.lesson_26_formulas")
    found = formulas.main()
    assert found["tanh"] == found["p minus y"] == 1.0
    assert found["least squares off by"] < 1e-15
    assert found["formula off by"] < 1e-15
    assert r"\frac{\partial loss}{\partial w} = " in capsys.readouterr().out
    assert (out / "lesson_26_formulas.svg").stat().st_size > 5000
