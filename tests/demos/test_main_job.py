"""`make demo` keeps its promises: the steps named, the network trained, the pictures written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import demos.__main__ as main_job
from demos import place
from engine import Value, draw

ROOT = Path(__file__).parents[2]


@pytest.fixture
def printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[float, str]:
    monkeypatch.setattr(place, "OUT", tmp_path / "demos" / "out")
    monkeypatch.setattr(main_job, "OUT", tmp_path / "demos" / "out")
    (tmp_path / "demos").mkdir()
    return main_job.main(), capsys.readouterr().out


def test_the_main_job(printed: tuple[float, str], tmp_path: Path) -> None:
    accuracy, text = printed
    assert accuracy >= 0.93
    assert [int(n) for n in re.findall(r"Step (\d) of 6", text)] == [1, 2, 3, 4, 5, 6]
    assert "d v5/d v4 = 1 − out² = 0.9151" in text
    assert "gradient check passed: 3 of 3 right" in text
    assert f"test  accuracy {accuracy:.3f}" in text
    for name in ("expression.svg", "neuron.svg", "loss.svg"):
        written = (tmp_path / "demos" / "out" / name).read_text()
        assert "<svg" in written
        assert f"demos/out/{name}" in text
    assert "<html" in (tmp_path / "demos" / "out" / "expression.html").read_text()


def test_the_picture_in_the_readme_is_the_projects_own() -> None:
    """Layout programs differ in places and widths; what the picture says does not."""
    a, b, c = Value(0.5, label="a"), Value(-1.0, label="b"), Value(0.8, label="c")
    loss = main_job.expression(a, b, c)
    loss.label = "loss"
    loss.backward()
    kept = (ROOT / "demos" / "expression.svg").read_text()
    said = [re.findall(r"<text[^>]*>([^<]*)</text>", svg) for svg in (kept, draw(loss).svg)]
    assert sorted(said[0]) == sorted(said[1])
    assert "demos/expression.svg" in (ROOT / "README.md").read_text()
