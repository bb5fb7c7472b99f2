"""Every example of the README runs and prints what it says; its table is the rows' own."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

from engine.conventions import conventions

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
