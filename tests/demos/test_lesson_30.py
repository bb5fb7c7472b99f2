"""What the lesson on language models claims, on fewer names."""

from __future__ import annotations

import math
from importlib.util import find_spec
from typing import Any

import pytest

from demos import gpt, lesson_30_gpt

pytestmark = pytest.mark.skipif(find_spec("names") is None, reason="the package `names` is not installed")


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    return lesson_30_gpt.main(documents=240, few=2, samples=4)


def test_both_gears_have_the_same_losses(found: dict[str, Any]) -> None:
    assert found["apart"] <= 1e-12


def test_it_learns(found: dict[str, Any]) -> None:
    assert found["last"] < found["first"] < math.log(27)


def test_it_invents_names(found: dict[str, Any]) -> None:
    assert len(found["names"]) == 4
    assert all(len(name) < gpt.CONTEXT and set(name) <= set(gpt.LETTERS[1:]) for name in found["names"])


def test_a_filled_up_document_means_the_same() -> None:
    model = gpt.GPT(seed=0)
    loss = gpt.make_loss(model)
    short, long = gpt.Document.of("ada"), gpt.Document.of("ada", gpt.CONTEXT)
    assert (len(short.letters), len(long.letters)) == (4, 16)
    found = [loss(d.letters, d.following, d.shares).data for d in (short, long)]
    assert found[0] == pytest.approx(found[1], rel=1e-14)


def test_the_list_of_names() -> None:
    names = gpt.first_names()
    assert len(names) == len(set(names)) > 5000
    assert {"mary", "james"} <= set(names)
    assert all(set(name) <= set(gpt.LETTERS[1:]) and len(name) < gpt.CONTEXT for name in names)
