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
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from tqdm import tqdm

from demos.gpt import CONTEXT, GPT, Document, first_names, invented, make_loss
from demos.place import heading
from engine import compile  # noqa: A004  (as re.compile is)
from nn import Adam

BATCH = 8


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
