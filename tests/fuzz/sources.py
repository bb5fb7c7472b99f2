"""Sources: the text of a random function of one sample, put together from snippets, and what it makes."""

from __future__ import annotations

import linecache
import random
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from string import Template
from typing import Any

from engine import Value

from .snippets import SNIPPETS, Snippet

__all__ = ["Source", "make_source"]

HEADER = """\
import functools, itertools, math, random, time
from collections import Counter
from types import SimpleNamespace

import numpy as np

import nn
from engine import *
"""
MOST_SNIPPETS = 4
KINKS = (0.0, -0.0, 1.0, -1.0, 0.5)


@dataclass(frozen=True)
class Source:
    """The text of a module whose `make()` returns (loss, parameters, change), and the calls to make of it.

    `turns` has the batches of each turn, columns of x, y and k; between turns `change(turn)` is called.
    """

    seed: int
    text: str
    snippets: tuple[Snippet, ...]
    turns: tuple[tuple[tuple[list[Any], ...], ...], ...]

    @property
    def is_honest(self) -> bool:
        """Whether replay must follow it."""
        return all(snippet.honest for snippet in self.snippets)

    def made(self) -> tuple[Callable[..., Any], list[Value], Callable[[int], None]]:
        """A fresh (loss, parameters, change); random numbers begin at the seed."""
        file = f"<fuzz {self.seed}>"
        linecache.cache[file] = (len(self.text), None, self.text.splitlines(keepends=True), file)
        namespace: dict[str, Any] = {"__name__": "fuzzed"}
        exec(compile(self.text, file, "exec"), namespace)
        random.seed(self.seed)
        return namespace["make"]()  # type: ignore[no-any-return]

    def __str__(self) -> str:
        return f"{self.text}\n# called with, turn by turn: {self.turns}"


class Words(Mapping[str, str]):
    """What the placeholders of one snippet stand for."""

    def __init__(self, draw: random.Random, number: int, values: list[str]) -> None:
        self.draw, self.number = draw, number
        self.value = draw.choice(values)
        self.data = draw.choice("xxy")
        self.parameter = f"w{draw.randrange(3)}"

    def __getitem__(self, key: str) -> str:
        if key == "c":
            return repr(self.draw.choice([0.5, 2.0, -1.5, 0.3, 1.7, -0.4]))
        words = {"n": str(self.number), "o": f"v{self.number}", "x": self.data, "w": self.parameter}
        return words.get(key, self.value)

    def __iter__(self) -> Iterator[str]:
        return iter("cnoxwv")

    def __len__(self) -> int:
        return 6


def make_source(seed: int, *, honest: bool = False) -> Source:
    """The random function of a seed; an honest one has only what replay must follow."""
    draw = random.Random(seed)
    among = [snippet for snippet in SNIPPETS if snippet.honest or not honest]
    chosen = tuple(draw.sample(among, draw.randint(1, MOST_SNIPPETS)))
    values = ["(w0 * x + w1)", "(w1 - w2 * y)", "(w2 + 0.3)"]
    module, setup, body, change = [], [], [], []
    for number, snippet in enumerate(chosen):
        words = Words(draw, number, values)
        module.append(Template(snippet.module).substitute(words))
        setup.append(Template(snippet.setup).substitute(words))
        change.append(Template(snippet.change).substitute(words))
        lines = Template(snippet.body).substitute(words)
        if draw.random() < 0.3:
            lines, part = _as_function(lines, number)
            setup.append(part)
        body.append(lines)
        values.append(f"v{number}")
    parts = " + ".join(f"v{n} / (1.0 + abs(v{n}))" for n in range(len(chosen)))
    body.append(f"return {parts} + w0 * w1 * 0.1")
    text = _text(draw, module, setup, body, change)
    return Source(seed, text, chosen, _turns(draw))


def _as_function(lines: str, number: int) -> tuple[str, str]:
    """(the call, the function) that takes all values so far, and has these lines."""
    known = ", ".join(["x", "y", "k", "w0", "w1", "w2", *(f"v{n}" for n in range(number))])
    inside = textwrap.indent(f"{lines}\nreturn v{number}", "    ")
    return f"v{number} = piece{number}({known})", f"def piece{number}({known}):\n{inside}"


def _text(
    draw: random.Random, module: list[str], setup: list[str], body: list[str], change: list[str]
) -> str:
    numbers = [round(draw.choice([-1, 1]) * draw.uniform(0.3, 1.5), 2) for _ in range(3)]
    begin = [f"w{k} = Value({number}, label='w{k}')" for k, number in enumerate(numbers)]
    # `nonlocal` and `global` come first in a function
    lines = [line for part in change for line in part.splitlines()]
    changes = sorted(lines, key=lambda line: not line.startswith(("nonlocal", "global"))) or ["pass"]
    inside = [
        *begin,
        *setup,
        "def loss(x, y, k):\n" + textwrap.indent("\n".join(body), "    "),
        "def change(turn):\n" + textwrap.indent("\n".join(changes), "    "),
        "return loss, [w0, w1, w2], change",
    ]
    whole = [*module, "def make():\n" + textwrap.indent("\n".join(filter(None, inside)), "    ")]
    return HEADER + "\n".join(filter(None, whole)) + "\n"


def _turns(draw: random.Random) -> tuple[tuple[tuple[list[Any], ...], ...], ...]:
    """The first turn begins with few samples, and goes on with many, as do the others."""
    few, many = draw.choice([1, 1, 2, 4]), draw.choice([3, 8, 12])
    first = (_columns(draw, few), _columns(draw, many))
    return (first, (first[1],), (_of_other_types(draw, _columns(draw, few)), _of_other_types(draw, first[1])))


def _columns(draw: random.Random, count: int) -> tuple[list[Any], ...]:
    x, y = ([_number(draw) for _ in range(count)] for _ in range(2))
    return x, y, [draw.randrange(4) for _ in range(count)]


def _of_other_types(draw: random.Random, columns: tuple[list[Any], ...]) -> tuple[list[Any], ...]:
    """The same columns, or one of them with whole numbers in the place of floats, or the other way round."""
    x, y, k = columns
    kind = draw.randrange(6)
    return ([round(n) for n in x] if kind == 0 else x), y, ([float(n) for n in k] if kind == 1 else k)


def _number(draw: random.Random) -> float:
    return draw.choice(KINKS) if draw.random() < 0.25 else round(draw.gauss(0.3, 0.8), 1)
