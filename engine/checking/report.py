"""What a gradient check found: a row for every input, the operation to blame, and all of it as text."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from textwrap import wrap
from typing import Any

from engine.checking.blame import Blame
from engine.checking.verdict import FAILED, SKIPPED, Verdict
from engine.terminal import Record, shown

__all__ = ["ALL", "CheckResult", "Identity", "Row"]

SHOWN = 24  # rows in the printed report; the failed ones come first
WIDTH = 100
NOTHING = 1e-300  # an error below which only the last subnormal numbers are uncertain
ALL = "one direction through all"  # in the place of an input's name


@dataclass(frozen=True, slots=True, repr=False)
class Row(Record):
    """One input: the engine's derivative, the measured one with its error, and the verdict.

    At a kink `numeric` is nan, and `left` and `right` are the slopes on both sides. `order` is 1 for
    the gradient, 2 for the derivative of the gradient along a direction, and so on.
    """

    input: str
    analytic: float
    numeric: float
    error: float
    verdict: Verdict
    note: str = ""
    left: float = math.nan
    right: float = math.nan
    order: int = 1

    @property
    def relative(self) -> float:
        """|a − n| ÷ max(|a|, |n|); 0 where both are 0, nan at a kink."""
        if self.analytic == self.numeric:
            return 0.0
        apart = abs(self.analytic - self.numeric)
        return apart / max(abs(self.analytic), abs(self.numeric)) if math.isfinite(apart) else math.nan


@dataclass(frozen=True, slots=True)
class Identity:
    """An equation between derivatives that holds to rounding, without finite differences."""

    name: str
    holds: bool
    found: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class CheckResult:
    """The whole of a gradient check: truthy when all is well, and its str() is the report.

    `rows` has every input checked, `worst` the one furthest off, `blame` the operation at fault (None
    when there is none), `skipped` the rows about which nothing could be said; `strict` fails these too. A
    check that decided nothing about an order is `undecided`, and no more true than one that failed.

    Rows of order 2 and above are derivatives of the gradient along `directions`, one for each order from 2
    on: with one input the derivative itself. `beside` is another point, near the one that was checked.
    """

    rows: tuple[Row, ...]
    identities: tuple[Identity, ...]
    blame: Blame | None
    evaluations: int
    seed: int
    strict: bool
    inputs: int
    function: str = "f"
    directions: tuple[tuple[float, ...], ...] = ()
    beside: tuple[float, ...] = ()
    remarks: tuple[tuple[str, str], ...] = ()  # (output or input, what marks say of it)

    @property
    def ok(self) -> bool:
        """Whether no row and no identity fails, and something was decided of every order."""
        return not self._is_faulty and not self.undecided

    @property
    def _is_faulty(self) -> bool:
        return bool(self.failed) or not all(identity.holds for identity in self.identities)

    @property
    def undecided(self) -> tuple[int, ...]:
        """The orders of derivatives of which nothing at all could be said."""
        orders = sorted({row.order for row in self.rows})
        return tuple(
            order
            for order in orders
            if all(row.verdict in SKIPPED for row in self.rows if row.order == order)
        )

    def __bool__(self) -> bool:
        return self.ok

    @property
    def skipped(self) -> tuple[Row, ...]:
        """The rows about which nothing can be said."""
        return tuple(row for row in self.rows if row.verdict in SKIPPED)

    @property
    def failed(self) -> tuple[Row, ...]:
        """The rows that make the check fail."""
        bad = FAILED + SKIPPED if self.strict else FAILED
        return tuple(row for row in self.rows if row.verdict in bad)

    @property
    def worst(self) -> Row | None:
        """The row to look at first: the failed one with the largest relative error, else of all."""
        rows = self.failed or self.rows
        return max(rows, key=lambda row: -1.0 if math.isnan(row.relative) else row.relative, default=None)

    def to_json(self) -> str:
        """Everything as JSON; numbers that are not finite are given as text."""

        def plain(found: Any) -> Any:
            if isinstance(found, float) and not math.isfinite(found):
                return str(found)
            if isinstance(found, dict):
                return {key: plain(part) for key, part in found.items()}
            return [plain(part) for part in found] if isinstance(found, (list, tuple)) else found

        return json.dumps(plain({"ok": self.ok, **asdict(self)}), indent=2)

    def __str__(self) -> str:
        broken = [f"does not hold: {same.name} ({same.found})" for same in self.identities if not same.holds]
        hidden = len(self.rows) - SHOWN
        tail = [f"… and {hidden} more rows"] if hidden > 0 else []
        tail += broken
        tail += [f"{name}: {words}" for name, words in self.remarks]
        tail += self._directions()
        tail += self._advice() if self.undecided and not self._is_faulty else []
        tail += blame_lines(self.blame) if self.blame is not None else []
        lines = [*wrapped([self._headline()]), *table(self._shown()), *wrapped(tail)]
        return shown("\n".join(lines + self._again()))

    def __repr__(self) -> str:
        return str(self)

    def _directions(self) -> list[str]:
        """Along what the derivatives of the rows of higher orders are taken, where there is a choice."""
        if self.inputs == 1:
            return []
        lines = []
        for order, direction in enumerate(self.directions, 2):
            numbers = ", ".join(f"{x:g}" for x in direction[:8]) + (", …" if len(direction) > 8 else "")
            of = "the gradient" if order == 2 else f"what order {order - 1} shows"
            lines.append(f"order {order}: the derivative of {of} along ({numbers})")
        return lines

    def _advice(self) -> list[str]:
        """How to find a point at which something can be decided."""
        kinds = {row.verdict for row in self.rows if row.order in self.undecided}
        why = (
            "off the jump"
            if Verdict.DISCONTINUOUS in kinds
            else "where f is finite and its slopes are no noise"
        )
        which = "" if 1 in self.undecided else f" about order {self.undecided[0]}"
        near = ", ".join(f"{x:.4g}" for x in self.beside[:6]) + (", …" if len(self.beside) > 6 else "")
        return [f"nothing could be decided{which} here: choose a point {why}, for example {near}"]

    def _again(self) -> list[str]:
        """The call that looks at the worst row alone."""
        if not self._is_faulty or self.worst is None:
            return []
        name = self.worst.input.partition(" → ")[0]
        only = f", only={name!r}" if self.worst in self.failed and name != ALL else ""
        order = f", order={self.worst.order}" if self.worst.order > 1 else ""
        return [f"again: check_gradients({self.function}, at=…{order}{only}, seed={self.seed})"]

    def _headline(self) -> str:
        rows, failed = len(self.rows), len(self.failed)
        kinks = sum(row.verdict is Verdict.KINK for row in self.rows)
        surrogates = sum(row.verdict is Verdict.SURROGATE for row in self.rows)
        skipped = 0 if self.strict else len(self.skipped)
        state = "passed" if self.ok else "FAILED" if self._is_faulty else "UNDECIDED"
        counts = [f"{failed} of {rows} wrong" if failed else f"{rows - skipped - surrogates} of {rows} right"]
        counts += [f"{kinks} kink{'s' * (kinks > 1)} accepted"] if kinks else []
        counts += [f"{surrogates} by a surrogate"] if surrogates else []
        counts += [f"{skipped} skipped"] if skipped or not self.ok else []
        broken = sum(not identity.holds for identity in self.identities)
        counts += [f"{broken} identit{'ies' if broken > 1 else 'y'} broken"] if broken else []
        sampled = any(row.input.startswith(ALL) for row in self.rows)
        counts += [f"sampled from {self.inputs:,} inputs"] if sampled else []
        effort = f"({self.evaluations:,} evaluations, seed {self.seed})"
        return f"gradient check {state}: {', '.join(counts)}    {effort}"

    def _shown(self) -> Sequence[Row]:
        """The rows worth printing: all of them, or the failed, the skipped, and the least exact ones."""
        if len(self.rows) <= SHOWN:
            return self.rows
        notable = [*self.failed, *(row for row in self.skipped if row not in self.failed)]
        others = (row for row in self.rows if row not in notable)
        return [*notable, *sorted(others, key=lambda row: -row.relative)][:SHOWN]


def wrapped(lines: Sequence[str]) -> list[str]:
    """The lines, those that are too long continued on indented ones."""
    parts = [[line] if len(line) <= WIDTH else wrap(line, WIDTH, subsequent_indent="    ") for line in lines]
    return [line for part in parts for line in part]


def number(x: float, digits: int = 7) -> str:
    """A number in a column of the report; – for none."""
    return "–" if math.isnan(x) else f"{x + 0.0:.{digits}g}"


def table(rows: Sequence[Row]) -> list[str]:
    """The rows as aligned lines, at most 100 columns wide; notes that are longer stand below."""
    heads = ("input", "analytic", "numeric", "± error", "relative", "verdict")
    lines = [tuple(map(shown, cells)) for cells in (heads, *map(_cells, rows))]
    widths = [max(len(line[column]) for line in lines) for column in range(5)]
    widths[0] = min(widths[0], 36)
    text, notes = [], []
    for line, note in zip(lines, ["", *(row.note for row in rows)], strict=True):
        name = line[0] if len(line[0]) <= widths[0] else "…" + line[0][1 - widths[0] :]
        cells = [name.ljust(widths[0])] + [c.rjust(w) for c, w in zip(line[1:5], widths[1:], strict=True)]
        short = "  ".join((*cells, line[5]))
        fits = len(short) + 2 + len(note) <= WIDTH
        text.append(f"{short}  {note}".rstrip() if fits else short)
        if not fits and (remark := f"  {line[5]}: {note}") not in notes:
            notes.append(remark)
    return text + wrapped(notes)


def _cells(row: Row) -> tuple[str, ...]:
    name = row.input if row.order == 1 else f"{row.input} (order {row.order})"
    numeric = number(row.numeric)
    if not math.isnan(row.left):
        numeric = f"{number(row.left, 4)} | {number(row.right, 4)}"
    known = math.isfinite(row.error)
    error = f"{row.error if row.error > NOTHING else 0.0:.0e}" if known else "–"
    relative = f"{row.relative:.1e}" if not math.isnan(row.relative) else "–"
    return name, number(row.analytic), numeric, error, relative, str(row.verdict)


def blame_lines(blame: Blame) -> list[str]:
    """The operation at fault, what was found there, and what it looks like."""
    label = f" {blame.label!r}" if blame.label else ""
    place = ", ".join(part for part in (blame.node, Path(blame.line).name) if part)
    others = f"; {blame.others} more after it" if blame.others else ""
    name = f"{blame.operation}{label} ({place}){others}"
    if blame.fault != "local derivative":
        gradients = f"its gradient is {number(blame.analytic)}, it should be {number(blame.numeric)}"
        return [f"first wrong sum: {name}", f"  {gradients}   looks like: {blame.cause}"]
    given = ", ".join(number(operand) for operand in blame.operands[:6])
    more = ", …" if len(blame.operands) > 6 else ""
    which = f" by operand {blame.operand + 1}" if len(blame.operands) > 1 else ""
    found = f"analytic {number(blame.analytic)}, numeric {number(blame.numeric)}"
    return [
        f"first wrong operation: {name}",
        f"  of {given}{more}   local derivative{which}: {found}",
        f"  looks like: {blame.cause}",
    ]
