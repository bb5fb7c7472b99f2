"""A memory that foretells the sun

The number of sunspots rises and falls, every eleven years or so and never twice alike. To say what the next
year will bring, one year is not enough: is it on its way up or down? A recurrent network reads one year after
the other and keeps a memory; at every year three gates say what enters it, what of it is kept, and what of it
is shown. This one, an LSTM, is a Python loop over Values, as the textbooks write it.

Notice: the program that replay makes of the loop has one block, which is repeated 33 times; a longer past is
no longer program. It carries what the next year needs, six numbers of memory and the six that are shown, and
on the way back their gradients. What is learned: years that it has never seen are foretold better than by
the line through the last two years, which Yule invented for this very table in 1927. Left alone with its own
answers it goes on in cycles, all of one height: what makes one high is not in the past.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from demos.place import heading, picture
from demos.sunspots import FIRST, LSTM, SUNSPOTS
from engine import compile  # noqa: A004  (as re.compile is)
from nn import Adam, fit, plots, schedules

PAST, SIZE, FROM = 33, 6, 1950  # three cycles; the size of the memory; the first year that is not trained on
SCALE, SEEN = 100.0, FROM - FIRST
NUMBERS = [number / SCALE for number in SUNSPOTS]


def windows(begin: int, end: int) -> tuple[list[list[float]], list[float]]:
    """The years before each of these, and what each had."""
    return [NUMBERS[place - PAST : place] for place in range(begin, end)], NUMBERS[begin:end]


def train(gear: str, epochs: int, end: int) -> tuple[LSTM, list[float], float]:
    """(the model, the losses, seconds) of a training on the years before the end."""
    model = LSTM(SIZE, seed=0)
    inputs, targets = windows(PAST, end)
    rate = schedules.Cosine(0.02, steps=epochs * -(-len(inputs) // 32))
    begun = time.perf_counter()
    history = fit(
        model, inputs, targets, loss="mean_squared_error", optimizer=Adam(rate), epochs=epochs, gear=gear,
        progress=False,
    )  # fmt: skip
    return model, history["loss"], time.perf_counter() - begun


def loops(model: LSTM) -> str:
    """What the program says of its loops: what a trip computes, forward and back."""
    inputs, targets = windows(SEEN, SEEN + 2)
    program = compile(lambda years, number: (model(years)[0] - number) ** 2, model)
    program(inputs, targets)
    return "\n".join(re.findall(r"^ *\d+ times.*\n(?: {6}.*\n)*", str(program), re.MULTILINE))


def off(found: Sequence[float], truth: Sequence[float]) -> float:
    """How far predictions are from what was counted: the root of the mean square, in sunspots."""
    return SCALE * float(np.sqrt(np.mean((np.array(found) - np.array(truth)) ** 2)))


def yule() -> list[float]:
    """What the line through the last two years that fits those before 1950 best says of those after."""
    rows = np.array([[1.0, now, before] for before, now in pairwise(NUMBERS[:-1])])
    line, *_ = np.linalg.lstsq(rows[: SEEN - 2], np.array(NUMBERS[2:SEEN]), rcond=None)
    return list(rows[SEEN - 2 :] @ line)


def alone(model: LSTM, years: int) -> list[float]:
    """What the model says of the years from 1950 on, told nothing more: its own answers become its past."""
    numbers = NUMBERS[SEEN - PAST : SEEN]
    for _ in range(years):
        numbers.append(model(numbers[-PAST:])[0].data)
    return numbers[PAST:]


def draw(truth: Sequence[float], lines: Mapping[str, Sequence[float]]) -> None:
    """What was counted, once with each line."""
    years = range(FROM, FROM + len(truth))
    with plots.chart(2, 1, size=(9.0, 5.6), path=picture("lesson_29_sunspots.png")) as (_, axes):
        for axis, (title, found) in zip(axes, lines.items(), strict=True):
            axis.fill_between(years, [SCALE * x for x in truth], color="#d0d0d0", label="counted")
            axis.plot(years, [SCALE * x for x in found], color="#d1661f", label=title)
            axis.set_ylabel("sunspots")
            axis.legend(loc="upper right", fontsize=8)


def main(epochs: int = 100, few: int = 20) -> dict[str, float]:
    """Run the lesson."""
    heading("What is repeated, and what is carried from year to year")
    print(loops(LSTM(SIZE, seed=0)))
    (_, slowly, eager), (_, quickly, _) = (train(gear, 1, PAST + few) for gear in ("eager", "replay"))
    apart = abs(slowly[0] - quickly[0]) / slowly[0]
    print(f"{few} samples take {eager:.2f} s in eager; the loss differs from replay's by {apart:.0e}")
    model, losses, seconds = train("auto", epochs, SEEN)
    print(f"{epochs} epochs of {SEEN - PAST} in {seconds:.2f} s: loss {losses[0]:.3f} -> {losses[-1]:.4f}")

    heading("Years that it has never seen, 1950 to 2008: how far predictions are off")
    inputs, truth = windows(SEEN, len(NUMBERS))
    told, continued = [number for (number,) in model.predict(inputs)], alone(model, len(truth))
    found = {
        "the same as this year": off(NUMBERS[SEEN - 1 : -1], truth),
        "Yule's line, 1927": off(yule(), truth),
        "the LSTM": off(told, truth),
    }
    for name, error in found.items():
        print(f"{name:24} {error:5.1f} sunspots")
    draw(truth, {"told a year ahead": told, "left alone in 1950": continued})
    peaks = [k for k in range(1, len(truth) - 1) if continued[k - 1] < continued[k] >= continued[k + 1]]
    cycle = (peaks[-1] - peaks[0]) / (len(peaks) - 1)
    print(f"left alone it goes on in cycles of {cycle:.1f} years")
    return {"apart": apart, "cycle": cycle, "first": losses[0], "last": losses[-1], **found}


if __name__ == "__main__":
    main()
