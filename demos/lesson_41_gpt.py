"""A language model from scalars

A GPT, small and whole: letters become vectors, attention mixes what came before, a network thinks it over,
and out come the odds of every next letter. It is plain Python over single numbers, 4,411 of them parameters,
and it learns to spell first names from a list.

Notice: the loss is the same number in both gears. But eager makes some 3,500 nodes for every name, each a
Python object, while replay recorded them once and runs many names at a time as matrix code. Most of what it
invents in the end is in no list, and yet sounds like a name.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from demos.place import heading
from engine import Value, compile, dot, logsumexp, no_grad, pick, softmax  # noqa: A004  (as re.compile is)
from nn import Adam, CausalSelfAttention, Embedding, Layer, Module, RMSNorm

CONTEXT, SIZE, HEADS = 16, 16, 4
LETTERS = ".abcdefghijklmnopqrstuvwxyz"  # the point begins and ends a name
BATCH = 8


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


def train_eagerly(model: GPT, optimizer: Adam, names: Sequence[str]) -> list[float]:
    """One step of the optimizer for each name, node by node; returns the losses."""
    loss, parameters, losses = make_loss(model), model.parameters(), []
    for name in tqdm(names, desc="eager", unit="name"):
        document = Document.of(name)
        model.zero_grad()
        found = loss(document.letters, document.following, document.shares)
        found.backward()
        optimizer.step(parameters)
        losses.append(found.data)
    return losses


def train_in_replay(model: GPT, optimizer: Adam, names: Sequence[str], batch: int) -> list[float]:
    """The same, recorded once and run as matrix code, a step for each batch; returns the losses of all names.

    Every document is filled up to the whole context, so that one recording fits all.
    """
    program = compile(make_loss(model), model)
    weights = np.array([parameter.data for parameter in model.parameters()])
    losses: list[float] = []
    bar = tqdm(total=len(names), desc="replay", unit="name")
    for start in range(0, len(names), batch):
        documents = [Document.of(name, CONTEXT) for name in names[start : start + batch]]
        columns = [[getattr(d, part) for d in documents] for part in ("letters", "following", "shares")]
        found, gradient = program.value_and_gradients(weights, *columns)
        [weights] = optimizer.update([weights], [gradient / len(documents)])
        losses += found.tolist()
        bar.update(len(documents))
    bar.close()
    for parameter, number in zip(model.parameters(), weights.tolist(), strict=True):
        parameter.data = number
    return losses


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


def mean_of(losses: Sequence[float]) -> float:
    """The mean of the losses."""
    return sum(losses) / len(losses)


def main(documents: int = 1000, few: int = 5, samples: int = 12) -> dict[str, Any]:
    """Both gears on the same few names, then replay on many; new names at the end."""
    names = first_names()
    random.Random(0).shuffle(names)
    model, twin = GPT(seed=0), GPT(seed=0)

    heading(
        f"{len(names):,} names, {len(model.parameters()):,} parameters; the same {few} names in both gears"
    )
    begun = time.perf_counter()
    eager = train_eagerly(model, Adam(0.01), names[:few])
    seconds = time.perf_counter() - begun
    replayed = train_in_replay(twin, Adam(0.01), names[:few], batch=1)
    apart = max(abs(a - b) for a, b in zip(eager, replayed, strict=True))
    print(f"losses {', '.join(f'{x:.6f}' for x in eager)}: at most {apart:.0e} apart")

    heading(f"{documents:,} names in replay, {BATCH} at a step")
    model = GPT(seed=0)
    begun = time.perf_counter()
    losses = train_in_replay(model, Adam(0.01), names[:documents], BATCH)
    fast = time.perf_counter() - begun
    slow = documents * seconds / few
    print(f"{fast:.2f} s, recording included; eager would take {slow:.0f} s")
    tenth = max(1, documents // 10)
    first, last = mean_of(losses[:tenth]), mean_of(losses[-tenth:])
    print(f"mean loss of the first tenth {first:.3f}, of the last {last:.3f}; guessing has log 27 = 3.296")

    heading("names that it invents")
    new = invented(model, samples, seed=1)
    known = set(names)
    print(", ".join(name.capitalize() + (" (known)" if name in known else "") for name in new))
    return {"apart": apart, "first": first, "last": last, "names": new, "seconds": fast}


if __name__ == "__main__":
    main()
