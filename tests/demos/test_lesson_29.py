"""What the lesson on sunspots claims, in fewer epochs."""

from __future__ import annotations

from pathlib import Path

import pytest

from demos import lesson_29_sunspots as lesson
from demos import place
from demos.sunspots import FIRST, LSTM, SUNSPOTS


def test_the_table_is_whole() -> None:
    assert (FIRST, FIRST + len(SUNSPOTS)) == (1700, 2009)
    assert max(SUNSPOTS) == SUNSPOTS[1957 - FIRST] == 190.2


def test_a_memory_that_keeps_everything_remembers() -> None:
    model = LSTM(1, seed=0)
    for layer, bias in ((model.enter, -99.0), (model.keep, 99.0), (model.show, 99.0)):
        layer.neurons[0].bias.data = bias
    model.candidate.neurons[0].bias.data = 99.0
    assert model([0.3] * 40)[0].data == pytest.approx(0.0, abs=1e-30)  # nothing entered
    model.enter.neurons[0].bias.data = 99.0
    weight = model.output.neurons[0].weights[0].data
    assert model([0.3])[0].data == pytest.approx(0.76159416 * weight)  # tanh(1)
    assert model([0.3] * 40)[0].data == pytest.approx(weight)  # 1 for each year, and tanh(40)


def test_it_learns_to_foretell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    pytest.importorskip("numpy")
    monkeypatch.setattr(place, "OUT", tmp_path)
    found = lesson.main(epochs=40, few=4)
    assert found["apart"] <= 1e-12
    printed = capsys.readouterr().out
    repeated = f"{lesson.PAST - 1} times"  # the first year, without a memory, stands before the loop
    assert printed.count(repeated) == 2
    assert "tanh" in printed[printed.index(repeated) :]
    assert found["the LSTM"] < found["Yule's line, 1927"] < found["the same as this year"]
    assert 10.0 < found["cycle"] < 12.0
    assert (tmp_path / "lesson_29_sunspots.png").stat().st_size > 5000
