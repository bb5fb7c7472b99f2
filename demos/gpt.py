"""A GPT of single numbers, and names as its documents: what the lesson on language models is about."""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from engine import Value, dot, logsumexp, no_grad, pick, softmax
from nn import CausalSelfAttention, Embedding, Layer, Module, RMSNorm

__all__ = ["CONTEXT", "GPT", "LETTERS", "Document", "first_names", "invented", "make_loss"]

CONTEXT, SIZE, HEADS = 16, 16, 4
LETTERS = ".abcdefghijklmnopqrstuvwxyz"  # the point begins and ends a name


def small(inputs: int, outputs: int, rng: random.Random) -> float:  # noqa: ARG001  (as all initializers)
    """Normal with standard deviation 0.08: at first all letters are about equally likely."""
    return rng.gauss(0.0, 0.08)


class GPT(Module):
    """Numbers of letters in, for every place the scores of the next letter out."""

    def __init__(self, seed: int) -> None:
        rng = random.Random(seed)
        self.letter = Embedding(len(LETTERS), SIZE, initializer=small, seed=rng)
        self.place = Embedding(CONTEXT, SIZE, initializer=small, seed=rng)
        self.norms = [RMSNorm(SIZE) for _ in range(3)]
        self.attention = CausalSelfAttention(SIZE, HEADS, initializer=small, seed=rng)
        self.wide = Layer(SIZE, 4 * SIZE, "relu", initializer=small, seed=rng)
        self.narrow = Layer(4 * SIZE, SIZE, "linear", initializer=small, seed=rng)
        self.head = Layer(SIZE, len(LETTERS), "linear", initializer=small, seed=rng)

    def __call__(self, letters: Sequence[Any], /) -> list[list[Value]]:
        """The scores after each of the letters: a list of 27 for each."""
        before, inside, after = self.norms
        stream = [before(added(self.letter(x), self.place(place))) for place, x in enumerate(letters)]
        mixed = self.attention([inside(x) for x in stream])
        stream = [added(x, more) for x, more in zip(stream, mixed, strict=True)]
        stream = [added(x, self.narrow(self.wide(after(x)))) for x in stream]
        return [self.head(x) for x in stream]


def added(x: Sequence[Value], y: Sequence[Value]) -> list[Value]:
    """The sums of two lists, place by place."""
    return [a + b for a, b in zip(x, y, strict=True)]


@dataclass(frozen=True)
class Document:
    """A name as a lesson: at every place a letter, the letter that follows, and how much the place counts."""

    letters: list[int]
    following: list[int]
    shares: list[float]

    @classmethod
    def of(cls, name: str, length: int = 0) -> Document:
        """The document of a name; filled up to a length with places that do not count."""
        numbers = [0, *(LETTERS.index(letter) for letter in name), 0]
        places = len(numbers) - 1
        rest = max(0, length - places)
        shares = [1.0 / places] * places + [0.0] * rest
        return cls([*numbers[:-1], *[0] * rest], [*numbers[1:], *[0] * rest], shares)


def first_names() -> list[str]:
    """The first names that the package `names` brings along, in lower case, each once."""
    found = find_spec("names")
    if found is None or found.origin is None:
        sys.exit("this lesson learns from the lists in the package `names`: pip install names")
    names: dict[str, None] = {}
    for file in ("dist.female.first", "dist.male.first"):
        for line in (Path(found.origin).parent / file).read_text(encoding="ascii").splitlines():
            names[line.split()[0].lower()] = None
    return [name for name in names if len(name) < CONTEXT]


def make_loss(model: GPT) -> Any:
    """The loss of a document: the mean surprise, −log of the odds given to the letter that follows."""

    def loss(letters: Sequence[Any], following: Sequence[Any], shares: Sequence[Any]) -> Value:
        scores = model(letters)
        surprises = [logsumexp(s) - pick(s, letter) for s, letter in zip(scores, following, strict=True)]
        return dot(shares, surprises)

    return loss


def invented(model: GPT, count: int, seed: int, temperature: float = 0.7) -> list[str]:
    """New names, letter by letter, each drawn with the odds that the model gives it."""
    rng, found = random.Random(seed), []
    with no_grad():
        for _ in range(count):
            letters = [0]
            while len(letters) < CONTEXT:
                scores = model(letters)[-1]
                odds = [odd.data for odd in softmax([score / temperature for score in scores])]
                [letter] = rng.choices(range(len(LETTERS)), odds)
                if letter == 0:
                    break
                letters.append(letter)
            found.append("".join(LETTERS[letter] for letter in letters[1:]))
    return found
