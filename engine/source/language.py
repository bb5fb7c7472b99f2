"""What has to be known of a language to write arithmetic in it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from engine.frozen import frozen
from engine.operation import Operation

__all__ = ["Frame", "Language", "Native", "Statements", "native"]


@frozen
class Native:
    """A function that a language lacks, or has with other edges: its text, and the rows that it calls."""

    text: str | None
    needs: tuple[Operation, ...] = ()


def native(text: str) -> Native:
    """The text of a function that calls no other row's."""
    return Native(text.strip("\n"))


@frozen
class Statements:
    """How a language names a number for good, changes one, and does something only where a condition holds.

    Without `when` there is none: what depends on a condition is then written as a choice.
    """

    constant: str
    variable: str
    flag: str
    assign: str
    when: str
    otherwise: str
    end: str
    true: str


@frozen
class Frame:
    """What stands around the lines of a function, and how it returns numbers.

    `results` is given the texts of the values and, where they are wanted, of the gradients.
    """

    notes: str
    imports: str
    gradients: str
    values: str
    results: Callable[[Sequence[str], Sequence[str] | None], Sequence[str]]
    end: str = ""
    indent: str = "    "


@frozen
class Language:
    """How a language writes numbers, choices and functions.

    `natives` has the rows that it can compute: by the name of a function of its own, or by a text. Whatever
    is not there is written from the row's own formula.
    """

    title: str
    natives: Mapping[Operation, str | Native]
    infinity: str
    nan: str
    statements: Statements
    frame: Frame
    choice: Callable[[str, str, str], str]
    function: Callable[[str, Sequence[str], str, str], str]
    several: Callable[[str, int], str] = lambda arguments, _: arguments
    both: str = "&&"
    either: str = "||"
    opposite: Callable[[str], str] = lambda condition: f"!({condition})"
    encloses_comparisons: bool = False  # where & binds tighter than <
    prefix: str = "op_"
    missing: str = "None"  # how no path is written
    comment: str = "//"
    reserved: frozenset[str] = frozenset()

    def number(self, number: float) -> str:
        """A number with the digits that give it back exactly."""
        if number != number:
            return self.nan
        if math.isinf(number):
            return self.infinity if number > 0 else f"-{self.infinity}"
        return repr(float(number))

    def file(
        self,
        about: str,
        functions: Sequence[str],
        lines: Sequence[tuple[int, str]],
        values: Sequence[str],
        gradients: Sequence[str] | None,
    ) -> str:
        """A whole file: what it is, the functions that the language lacks, and the function itself."""
        frame = self.frame
        opening = frame.values if gradients is None else frame.gradients
        inside = [*lines, *((0, line) for line in frame.results(values, gradients))]
        body = [f"{frame.indent * (depth + 1)}{line}".rstrip() for depth, line in inside]
        return self.around(about, [*functions, "\n".join([opening, *body, *frame.end.split()])])

    def around(self, about: str, parts: Sequence[str]) -> str:
        """A whole file of these parts."""
        notes = [f"{self.comment} {line}" for line in (about + self.frame.notes).splitlines()]
        return "\n\n".join(part for part in ("\n".join(notes), self.frame.imports, *parts) if part) + "\n"
