"""A layout program may fail in any way: what comes of it is a RenderError, no error of reading its words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("graphviz", reason="pictures need graphviz (extra `pictures`)")

from engine import RenderError, Value, draw, live, page

PROGRAMS = {  # what programs do that read DOT, end well, and are none
    "says nothing": "exit 0",
    "says hello": "echo hello",
    "gives the text back": "cat",
    "writes no UTF-8": r"printf '\377\376<svg></svg>'",
    "writes UTF-16": r"printf '\377\376<\000s\000v\000g\000/\000>\000'",
    "stops in the middle": 'echo \'<svg width="10pt" height="10pt"\'',
}
WAYS: dict[str, Callable[[Value], Any]] = {
    "svg": lambda root: draw(root).svg,
    "height": lambda root: draw(root).height,
    "page": lambda root: page(root).html,
    "live": lambda root: live(root).html,
}


@pytest.fixture
def root() -> Value:
    return Value(2.0, label="a") * Value(3.0, label="b")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("program", PROGRAMS)
def test_what_is_no_picture_is_refused(
    program: str, way: str, root: Value, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(tmp_path, monkeypatch, PROGRAMS[program])
    with pytest.raises(RenderError, match="gave no svg: what it wrote begins with"):
        WAYS[way](root)


@pytest.mark.parametrize("suffix", ["png", "pdf", "gif", "jpg"])
def test_a_file_of_another_format_is_not_written(
    suffix: str, root: Value, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(tmp_path, monkeypatch, "echo hello")
    with pytest.raises(RenderError, match=f"gave no {suffix}"):
        draw(root).save(tmp_path / f"picture.{suffix}")
    assert not (tmp_path / f"picture.{suffix}").exists()


def test_a_program_that_fails_may_say_anything(
    root: Value, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(tmp_path, monkeypatch, r"printf '\377 bad' >&2; exit 3")
    with pytest.raises(RenderError, match="exit status 3: � bad"):
        draw(root).svg  # noqa: B018  (a property that is computed)


def test_a_format_that_there_is_not(root: Value, tmp_path: Path) -> None:
    with pytest.raises(RenderError, match="no layout program writes 'foo'"):
        draw(root).save(tmp_path / "picture.foo")


def use(folder: Path, monkeypatch: pytest.MonkeyPatch, commands: str) -> None:
    """Let this be the layout program."""
    program = folder / "program"
    program.write_text(f'#!/bin/sh\n[ "$1" = -V ] && exit 0\n{commands}\n')
    program.chmod(0o755)
    monkeypatch.setenv("GRAPHVIZ_DOT", str(program))
