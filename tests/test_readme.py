"""Every example of the README runs and prints what it says; its table is the rows' own."""

from __future__ import annotations

import doctest
import inspect
import re
from pathlib import Path
from typing import Any

import pytest

from engine import backward, graph, ops, value
from engine.conventions import conventions
from nn.modules import layers

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
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
    path: list[Any] = [ops, graph.Node, value.make_node, backward.adjoints, layers.Neuron]
    assert sum(len(inspect.getsource(part).splitlines()) for part in path) <= 500
    for part in path[1:]:
        assert f"`{part.__name__}` in" in README
