"""One sample, as a network takes it: a list of numbers or Values; and the answers to what is none.

>>> nodes([[1.0, 2.0], [3.0, 4.0]])
Traceback (most recent call last):
    ...
TypeError: expected one sample, a list of numbers, got 2 of them; predict takes many: \
write model.predict([[1.0, 2.0], [3.0, 4.0]]), or model([1.0, 2.0]) for the first
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from engine import Constant, Value

__all__ = ["Nodes", "no_list", "no_sample", "no_table", "nodes", "wrong_inputs"]

Nodes: TypeAlias = list[Value]
LONGEST = 60  # characters of what was found, in a message


def nodes(sample: Iterable[Value | float]) -> Nodes:
    """A sample as nodes: Values as they are, plain numbers as constants of the graph."""
    try:
        return [member if isinstance(member, Value) else Constant(member) for member in sample]
    except TypeError:
        if wrong := no_sample(sample):
            raise TypeError(wrong) from None
        raise


def no_sample(found: Any) -> str:
    """What is wrong with a sample that is a number or a table, and the line to write; "" for others."""
    if isinstance(found, Value) or _is_number(found):
        text = _short(found)
        return f"expected one sample, a list of numbers, got {text}; write model([{text}])"
    if found is None:
        return f"expected one sample, a list of numbers, got {_short(found)}"
    rows = _listed(found)
    if rows and isinstance(rows[0], list):
        return (
            f"expected one sample, a list of numbers, got {len(rows)} of them; predict takes many: "
            f"write model.predict({_short(rows)}), or model({_short(rows[0])}) for the first"
        )
    return ""


def no_list(found: Sequence[Any]) -> str:
    """What is wrong with a sample that is given number by number, and the line to write."""
    line = f"model({_short(list(found))})"
    return f"expected one sample, a list of numbers, got {len(found)} arguments; write {line}"


def no_table(found: Any, inputs: int | None) -> str:
    """What is wrong with samples that are one row, for a network of so many inputs; "" for others."""
    given = f"predict takes many samples, a list of lists, got {_short(found)}"
    row = [found] if _is_number(found) else _listed(found)
    if not row or not all(map(_is_number, row)):
        return given if found is None else ""
    many = [[number] for number in row]
    return f"{given}; write model.predict({_short(many if inputs == 1 else [row])})"


def wrong_inputs(who: str, expected: int, got: int) -> str:
    """The message for a sample that has not as many numbers as a network has inputs."""
    return f"{who} takes {expected} inputs, got {got}; each sample must have {expected} numbers"


def _is_number(found: Any) -> bool:
    return isinstance(found, int | float) or (hasattr(found, "item") and getattr(found, "shape", None) == ())


def _listed(found: Any) -> list[Any]:
    """A list, tuple or array as a list of lists or numbers; [] for anything else."""
    if hasattr(found, "tolist"):
        found = found.tolist()
    if not isinstance(found, list | tuple):
        return []
    rows = [row.tolist() if hasattr(row, "tolist") else row for row in found]
    return [list(row) if isinstance(row, tuple) else row for row in rows]


def _short(found: Any) -> str:
    text = repr(found.tolist() if hasattr(found, "tolist") else found)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
