"""The walk at a terminal: its width, letters, colors, completion, pages and interruptions."""

from __future__ import annotations

import io
import math
import sys
import types
from pathlib import Path

import pytest
from walked import PLAIN, example, shown, typed

from engine import Value, walk
from engine.picture.text import tree
from engine.stepping import prompt
from engine.stepping.steps import Steps, steps
from engine.stepping.walk import Walker


def test_the_width_is_kept() -> None:
    lines = typed(example(), "run", "explain a", "graph", "help", "check a", width=50).splitlines()
    assert max(map(len, lines)) <= 50


class Terminal(io.TextIOWrapper):
    """A terminal as far as the walker can tell."""

    def isatty(self) -> bool:
        return True


def on_terminal(encoding: str, *lines: str) -> str:
    raw = io.BytesIO()
    out = Terminal(raw, encoding=encoding, write_through=True)
    walk(example(), stdin=io.StringIO("\n".join(lines)), stdout=out, width=80)
    return raw.getvalue().decode(encoding)


def test_ascii_where_the_encoding_knows_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    text = on_terminal("ascii", "run", "graph", "explain a")
    assert "a.grad: 1 -> 1 + 10 * 3 = 31" in text
    assert "|- v7" in text


def test_color_on_a_terminal_but_not_with_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert "\x1b[94m  a.grad: – → 1 × 1 = 1\x1b[0m" in on_terminal("utf-8", "step")
    monkeypatch.setenv("NO_COLOR", "1")
    assert PLAIN not in on_terminal("utf-8", "step")
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert PLAIN not in on_terminal("utf-8", "step")
    assert PLAIN not in typed(example(), "step")


def walker(root: Value, lines: str = "") -> Walker:
    return Walker(steps(root), tree, no_page, stdin=io.StringIO(lines), stdout=io.StringIO())


def no_page(backward: Steps, number: int, path: str) -> str:
    raise OSError(f"no page of {len(backward)} steps at {number} for {path}")


def test_names_and_commands_are_completed() -> None:
    at = walker(example())
    assert at.completedefault("l0", "until l0", 6, 8) == ["l0.n3.w[1]"]
    assert at.completedefault("s", "u s", 2, 3) == ["sum"]
    assert "tanh" in at.completedefault("tan", "break tan", 6, 9)
    assert at.completedefault("s", "help s", 5, 6) == ["step"]
    assert at.completedefault("l", "html l", 5, 6) == []
    assert "step" in at.completenames("st")
    blank = Value(1.0, label="my bias") * 2.0
    assert walker(blank).completedefault("bi", "watch my bi", 9, 11) == ["bias"]


def test_completion_breaks_words_at_blanks_only_while_walking(monkeypatch: pytest.MonkeyPatch) -> None:
    set_to: list[str] = []
    stand_in = types.SimpleNamespace(
        get_completer_delims=lambda: "before", set_completer_delims=set_to.append
    )
    monkeypatch.setattr(prompt, "readline", stand_in)
    typed(example(), "quit")
    assert set_to == [" \t\n", "before"]
    monkeypatch.setattr(prompt, "readline", None)
    assert "no grad was changed" in typed(example(), "quit")


def test_the_page_is_written_at_this_step_and_failures_are_said(tmp_path: Path) -> None:
    path = tmp_path / "loss.html"
    pages: list[tuple[int, str]] = []

    def write_page(backward: Steps, number: int, target: str) -> str:
        pages.append((number, target))
        return "file:///somewhere#step=2"

    out = io.StringIO()
    lines = io.StringIO(f"s 2\nhtml {path}\nhtml")
    Walker(steps(example()), tree, write_page, stdin=lines, stdout=out).cmdloop()
    assert pages == [(2, str(path))]
    assert "written: file:///somewhere#step=2" in out.getvalue()
    assert "html needs the path" in out.getvalue()
    failing = walker(example(), "html there.html")
    failing.cmdloop()
    assert isinstance(failing.stdout, io.StringIO)
    assert "the page could not be written: no page of 6 steps at 0" in failing.stdout.getvalue()


def test_control_c_gives_up_the_line_only(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter(["C-c", "step", "quit"])

    def answer(_: str) -> str:
        line = next(answers)
        if line == "C-c":
            raise KeyboardInterrupt
        return line

    out = io.StringIO()
    monkeypatch.setattr("builtins.input", answer)
    monkeypatch.setattr(sys, "stdout", out)
    walk(example(), width=80)
    assert "(quit to leave)" in out.getvalue()
    assert "step 1" in out.getvalue()


def test_in_a_notebook_there_is_a_page_and_no_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("graphviz")
    kernel = types.SimpleNamespace(get_ipython=lambda: types.SimpleNamespace(kernel=object()))
    monkeypatch.setitem(sys.modules, "IPython", kernel)
    assert hasattr(walk(example()), "_repr_mimebundle_")


def test_a_chain_of_10_000_is_walked() -> None:
    x = Value(0.5, label="x")
    y = x
    for _ in range(10_000):
        y = y * 1.0001
    lines = shown(y, "step", "break |grad| > 2.7156", "run", "clear", "until x", "graph", "back 5")
    assert lines[0].startswith("step 1: root = v19998 × 1")
    assert any(line.startswith("step 9991") for line in lines)
    assert any("x.grad: – → " in line for line in lines)


def test_what_is_no_value_is_refused() -> None:
    with pytest.raises(TypeError, match="steps start from a Value"):
        walk(math.pi, stdin=io.StringIO(), stdout=io.StringIO())  # type: ignore[arg-type]
