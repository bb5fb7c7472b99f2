"""Which inputs a check looks at: all, those asked for, or a seeded sample with a share for every layer."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Sequence

__all__ = ["EVERY", "chosen_places"]

EVERY = 200  # up to so many inputs are all checked unless the caller says otherwise
SAMPLED = 50

Choice = str | int | Iterable[str | int] | None


def chosen_places(
    names: Sequence[str], only: Choice, samples: int | None, random_numbers: random.Random
) -> list[int]:
    """The places of the inputs to check, in order.

    ValueError when `only` names no input, or `samples` is below 1.
    """
    if samples is not None and samples < 1:
        raise ValueError(f"samples is the number of inputs to check, at least 1; got {samples!r}")
    places = list(range(len(names))) if only is None else _named(names, only)
    if samples is None:
        samples = len(places) if only is not None or len(places) <= EVERY else SAMPLED
    return places if samples >= len(places) else _shared_out(names, places, samples, random_numbers)


def _named(names: Sequence[str], only: str | int | Iterable[str | int]) -> list[int]:
    """The inputs with these places, names or beginnings of names (`layers[0]` is the whole layer)."""
    found: set[int] = set()
    for wanted in [only] if isinstance(only, (str, int)) else only:
        fits = [place for place, name in enumerate(names) if _is(wanted, place, name)]
        if not fits:
            known = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
            raise ValueError(f"only={wanted!r} fits no input; there are {len(names)}: {known}")
        found.update(fits)
    return sorted(found)


def _is(wanted: str | int, place: int, name: str) -> bool:
    return wanted in (place, name) or name.startswith((f"{wanted}.", f"{wanted}["))


def _shared_out(
    names: Sequence[str], places: Sequence[int], samples: int, random_numbers: random.Random
) -> list[int]:
    """A sample that takes from each group in turn; a group is the weights, or the biases, of one layer."""
    groups: dict[tuple[str, str], list[int]] = {}
    for place in places:
        first, _, rest = names[place].partition(".")
        groups.setdefault((first if rest else re.sub(r"\[.*", "", first), _kind(rest)), []).append(place)
    for members in groups.values():
        random_numbers.shuffle(members)
    taken: list[int] = []
    while len(taken) < samples:
        for members in groups.values():
            if members and len(taken) < samples:
                taken.append(members.pop())
    return sorted(taken)


def _kind(path: str) -> str:
    return re.sub(r"\[.*", "", path.rpartition(".")[2])
