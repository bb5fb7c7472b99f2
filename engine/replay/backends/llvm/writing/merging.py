r"""Merging: functions that are alike but for whole numbers become one, which is given how these differ.

Two layers of a network are two pairs of functions with other addresses and counts in them, which lie equally
far from one another. To make code takes time by the line, so what is alike is made once.

>>> lines = [
...     "define internal void @NAME(ptr %m) {",
...     "%v1 = add i64 16, 8",
...     "store i64 %v1, ptr %m",
...     "ret void",
...     "}",
... ]
>>> one = "\n".join(lines)
>>> both = [one.replace("NAME", "a"), one.replace("NAME", "b").replace("16", "24")]
>>> caller = "define void @c(ptr %m) {\ncall void @a(ptr %m)\ncall void @b(ptr %m)\nret void\n}"
>>> print(merged("\n".join([*both, caller])))
define internal void @alike0(ptr %m, i64 %n0) {
%a0 = add i64 %n0, 16
%v1 = add i64 %a0, 8
store i64 %v1, ptr %m
ret void
}
define void @c(ptr %m) {
call void @alike0(ptr %m, i64 0)
call void @alike0(ptr %m, i64 8)
ret void
}
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["merged"]

MOST_NUMBERS = 16  # that a function is given
LEAST_LINES = 4  # of a function that is worth a call
_HEAD = re.compile(r"define internal void @([\w.]+)\((.*)\) \{$")
_WHOLE = re.compile(r"(\bi64 (?:%[\w.]+, )?)(-?\d+)(?=[,)\]]|$)", re.MULTILINE)
_CALL = re.compile(r"call void @([\w.]+)\(([^)]*)\)")
_FIXED = re.compile(r"extractelement|insertelement|<i64|alloca|switch")  # lines whose numbers stay


Differences = tuple[int, ...]  # of each function, from the first


class _Function(NamedTuple):
    """A function taken apart: the text between its whole numbers, and these."""

    name: str
    parameters: str
    between: tuple[str, ...]
    numbers: tuple[str, ...]


def merged(text: str) -> str:
    """The text of a module that does the same, bit for bit."""
    first, *rest = text.split("\ndefine ")
    functions = [f"define {each}" for each in rest]
    if first.startswith("define "):
        functions.insert(0, first)
        first = ""
    called: dict[str, tuple[str, str]] = {}  # by a name: another one, and what that is given too
    for number, (places, members) in enumerate(_alike(functions)):
        name = f"alike{number}"
        function, given = _as_one(name, members)
        for place in places:
            functions[place] = function if place == places[0] else ""
        called.update({member.name: (name, more) for member, more in zip(members, given, strict=True)})

    def call(found: re.Match[str]) -> str:
        name, more = called.get(found[1], (found[1], ""))
        return f"call void @{name}({found[2]}{more})"

    return _CALL.sub(call, "\n".join(filter(None, [first, *functions])))


def _alike(functions: Sequence[str]) -> list[tuple[list[int], list[_Function]]]:
    """(places, functions) of each group of two or more that differ in whole numbers only, in few ways."""
    by_size: dict[int, list[int]] = defaultdict(list)
    for place, function in enumerate(functions):
        by_size[function.count("\n")].append(place)
    found: dict[tuple[str, tuple[str, ...]], list[int]] = defaultdict(list)
    apart: dict[int, _Function] = {}
    for lines, places in by_size.items():
        for place in places if lines >= LEAST_LINES and len(places) > 1 else ():
            if (parts := _apart(functions[place])) is not None:
                apart[place] = parts
                found[parts.parameters, parts.between].append(place)
    groups = [(places, [apart[place] for place in places]) for places in found.values() if len(places) > 1]
    return [(places, alike) for places, alike in groups if len(_differing(alike)) <= MOST_NUMBERS]


def _apart(function: str) -> _Function | None:
    head, _, body = function.partition("\n")
    found = _HEAD.match(head)
    if found is None:
        return None
    between, numbers = [""], []
    for line in body.split("\n"):
        pieces = [line] if "i64 " not in line or _FIXED.search(line) else _WHOLE.split(line)
        between[-1] += pieces[0]
        for before, number, after in zip(pieces[1::3], pieces[2::3], pieces[3::3], strict=True):
            between[-1] += before
            numbers.append(number)
            between.append(after)
        between[-1] += "\n"
    return _Function(found[1], found[2], tuple(between), tuple(numbers))


def _differing(functions: Sequence[_Function]) -> dict[Differences, str]:
    """{how far the numbers at some place are from those of the first function: what stands for it}."""
    found = dict.fromkeys(map(_differences, zip(*(function.numbers for function in functions), strict=True)))
    return {each: f"%n{number}" for number, each in enumerate(filter(any, found))}


def _differences(numbers: Sequence[str]) -> Differences:
    first = int(numbers[0])
    return tuple([int(number) - first for number in numbers])


def _as_one(name: str, functions: Sequence[_Function]) -> tuple[str, list[str]]:
    """The function that is given differences, and what it is given, too, instead of each of these."""
    differing, first = _differing(functions), functions[0]
    columns = list(zip(*(function.numbers for function in functions), strict=True))
    lines: list[str] = []
    rest = first.between[0]
    for place, (column, after) in enumerate(zip(columns, first.between[1:], strict=True)):
        number = differing.get(_differences(column))
        if number is None:
            rest += column[0] + after
            continue
        before, _, line = rest.rpartition("\n")
        lines += [before, f"%a{place} = add i64 {number}, {column[0]}"]
        rest = f"{line}%a{place}{after}"
    body = "\n".join([*lines, rest.rstrip()])
    more = "".join(f", i64 {parameter}" for parameter in differing.values())
    given = ["".join(f", i64 {each[place]}" for each in differing) for place in range(len(functions))]
    return f"define internal void @{name}({first.parameters}{more}) {{\n{body}", given
