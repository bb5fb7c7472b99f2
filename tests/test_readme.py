"""Every example of the README runs and prints what it says; its table is the rows' own."""

from __future__ import annotations

import doctest
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import engine
import nn
from demos.next_lines import LINES, typed
from engine import Value, backward, graph, operation, ops, value
from engine.modes import refuse_to_record
from engine.real import as_number
from engine.wording.conventions import conventions

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
BACKWARD = (
    backward.backward,
    backward._restoring,
    backward._mark,
    backward._sweep,
    backward._settle,
    backward._write,
)
EXAMPLES = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_the_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    for text in EXAMPLES:
        test = doctest.DocTestParser().get_doctest(text, names, "README", "README.md", 0)
        runner.run(test, clear_globs=False)
        names = test.globs
    assert runner.summarize(verbose=False) == (0, len(re.findall("^>>>", "\n".join(EXAMPLES), re.MULTILINE)))


def test_the_conventions_are_the_rows_own() -> None:
    kept = README.partition("<!-- conventions -->\n")[2].partition("\n<!-- /conventions -->")[0]
    assert kept == conventions()


def test_the_files_it_names_are_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        if "://" not in target:
            assert (ROOT / target).exists(), target


def test_the_path_through_the_source_is_short() -> None:
    path: list[Any] = [operation.Operation, ops, graph.Node, value.Value.__mul__, *BACKWARD]
    assert sum(len(inspect.getsource(part).splitlines()) for part in path) <= 700
    table = README.partition("## Read it")[2].partition("## ")[0]
    found = re.findall(
        r"^\| (?:`([\w.]+)` in )?\[engine/\w+\.py\]\((engine/\w+\.py)\) \|", table, re.MULTILINE
    )
    assert found == [
        ("Operation", "engine/operation.py"),
        ("", "engine/ops.py"),
        ("Node", "engine/graph.py"),
        ("Value.__mul__", "engine/value.py"),
        ("backward", "engine/backward.py"),
    ]
    for name in ("make_node", "adjoints"):
        assert f"`{name}`" in table


def test_the_path_through_the_source_is_the_one_that_a_product_takes() -> None:
    """All code that runs is on it, except what backward() looks at before it begins."""
    a, b = Value(2.0), Value(3.0)
    ran: set[Any] = set()

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            ran.add(frame.f_code)

    sys.setprofile(note)
    c = a * b
    c.backward()
    sys.setprofile(None)
    assert (a.grad, b.grad) == (3.0, 2.0)
    assert isinstance(c, graph.Node)
    assert isinstance(c.operation, operation.Operation)
    assert c.operation is ops.multiply
    own = {code for code in ran if code.co_name != "<listcomp>"}
    expected = [Value.__mul__, Value.backward, refuse_to_record, as_number, *BACKWARD]
    assert own == {function.__code__ for function in expected}


def test_the_words_of_micrograd_and_torch_are_ours_in_every_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    table = README.partition("<!-- words -->\n")[2].partition("\n<!-- /words -->")[0]
    rows = [
        re.findall(r"`([^`]*)`", line.split(" | ")[1] + line.split(" | ")[2])
        for line in table.splitlines()[2:]
    ]
    assert len(rows) > 20
    for ours, gives in rows:
        names = {**{name: getattr(engine, name) for name in engine.__all__}, **vars(nn)}
        exec("w, x = Value(0.5), Value(2.0); y = (w * x).tanh(); model = MLP(2, [3, 1], seed=0)", names)
        *before, last = ours.split("; ")
        exec("; ".join(before), names)
        assert repr(eval(last, names)) == gives, ours  # noqa: S307


def test_the_ten_next_lines_show_what_they_say_at_a_plain_prompt(tmp_path: Path) -> None:
    assert f"```pycon\n{LINES}```" in README
    lines = typed()
    assert len(lines) == 10
    done = subprocess.run(
        [sys.executable, "-i", "-q"],
        input="\n".join([*lines, "quit", ""]),
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", "PYTHONUNBUFFERED": "1"},
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        check=True,
        timeout=120,
    )
    wanted = [line for line in LINES.splitlines() if not line.startswith(">>> ")]
    assert done.stdout.splitlines()[: len(wanted)] == wanted
    assert "Traceback" not in done.stderr
