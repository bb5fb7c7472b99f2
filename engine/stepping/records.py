"""The records of stepping: one application of the chain rule, one node computed; each prints as text."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from engine.formula import number_text
from engine.graph import Node
from engine.terminal import Record, at_prompt, shown
from engine.value import Constant
from engine.wording import NO_PATH

__all__ = ["Contribution", "ForwardStep", "Operand", "Step", "as_plain"]

SHOWN_CONTRIBUTIONS = 12
_NODES = {"node", "nodes", "operand", "user"}  # the fields that hold nodes themselves


@dataclass(frozen=True, slots=True, repr=False)
class Contribution(Record):
    """What one node contributes to one of its operands: `amount` = the node's gradient × `partial`.

    `slot` is the operand's place, so `x * x` makes two contributions to x. `before` and `after` are the
    operand's gradient, None until something has reached it. `partial` is None where there is no path,
    and `amount` is None where there is no contribution. `condition` is why the row chose this `formula`.
    """

    operand: Node
    operand_id: str
    operand_name: str
    slot: int
    edge: str
    partial: float | None
    formula: str
    amount: float | None
    before: float | None
    after: float | None
    condition: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Step:
    """One application of the chain rule; step 0 is the seed, the derivative of the root by itself.

    `gradient` is d root / d node, complete by now; None where no path from the root reaches the node.
    `remark` is what the marks given to `steps` say about the node.
    """

    number: int
    node: Node
    id: str
    name: str
    operation: str
    formula: str
    data: float
    gradient: float | None
    contributions: tuple[Contribution, ...]
    remark: str = ""

    def __repr__(self) -> str:
        return at_prompt(str(self))

    def __str__(self) -> str:
        remark = [f"  {self.remark}"] if self.remark else []
        return shown("\n".join([self.headline(), *self.details(), *remark]))

    def headline(self) -> str:
        """The first line: the node, how it was made, and its gradient."""
        made = "" if self.formula == self.name else f" = {self.formula}"
        start = f"step {self.number}: {self.name}{made} = {number_text(self.data)}"
        if self.number == 0:
            start = f"step 0: {self.name} = {number_text(self.data)}"
            return f"{start}, gradient 1, the seed: d {self.name}/d {self.name} = 1"
        if self.gradient is None:
            return f"{start}, no path leads here: gradient 0, nothing to pass on"
        return f"{start}, gradient {number_text(self.gradient)}"

    def details(self, limit: int = SHOWN_CONTRIBUTIONS) -> list[str]:
        """The lines below it: each local derivative, and what it adds to which gradient."""
        if self.gradient is None:
            return []
        twice = len({part.operand_id for part in self.contributions}) < len(self.contributions)
        lines: list[str] = []
        wanted = [part for part in self.contributions if not isinstance(part.operand, Constant)]
        for part in wanted[:limit]:
            lines += self._contribution_lines(part, numbered=twice)
        if len(wanted) > limit:
            lines.append(f"  … and {len(wanted) - limit} more operands")
        constants = len(self.contributions) - len(wanted)
        if constants:
            lines.append(f"  constants get nothing: {self._constants(limit)}")
        return lines

    def _contribution_lines(self, part: Contribution, *, numbered: bool) -> list[str]:
        which = f" (operand {part.slot + 1})" if numbered else ""
        because = f", as {part.condition}" if part.condition else ""
        if part.partial is None:
            return [f"  {NO_PATH} to {part.operand_name}{which}{because}: it gets nothing"]
        partial = number_text(part.partial)
        formula = "" if part.formula == partial else f" = {part.formula}"
        product = f"{number_text(self.gradient)} × {partial} = {number_text(part.after)}"
        sofar = "" if part.before is None else f"{number_text(part.before)} + "
        return [
            f"  d {self.name}/d {part.operand_name}{which}{formula} = {partial}{because}",
            f"  {part.operand_name}.grad: {number_text(part.before)} → {sofar}{product}",
        ]

    def _constants(self, limit: int) -> str:
        shown = [part.operand_name for part in self.contributions if isinstance(part.operand, Constant)]
        more = f", … {len(shown) - limit} more" if len(shown) > limit else ""
        return ", ".join(shown[:limit]) + more


@dataclass(frozen=True, slots=True, repr=False)
class Operand(Record):
    """One operand of a forward step, with its number."""

    node: Node
    id: str
    name: str
    slot: int
    edge: str
    data: float


@dataclass(frozen=True, slots=True, repr=False)
class ForwardStep:
    """One node being computed: its formula in names, the same in numbers, and the result."""

    number: int
    node: Node
    id: str
    name: str
    operation: str
    formula: str
    numbers: str
    operands: tuple[Operand, ...]
    data: float

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        made = [text for text in (self.name, self.formula, self.numbers, number_text(self.data)) if text]
        return shown(f"forward {self.number}: {' = '.join(dict.fromkeys(made))}")


def as_plain(thing: Any) -> Any:
    """A record as dicts and lists for JSON, without its nodes, whose ids stand beside them.

    >>> as_plain(Operand(Node(), id="n0", name="x", slot=0, edge="n1.0", data=math.inf))
    {'id': 'n0', 'name': 'x', 'slot': 0, 'edge': 'n1.0', 'data': 'inf'}
    """
    if isinstance(thing, tuple):
        return [as_plain(member) for member in thing]
    if is_dataclass(thing) and not isinstance(thing, type):
        named = ((field.name, getattr(thing, field.name)) for field in fields(thing))
        return {
            name: as_plain(member)
            for name, member in named
            if name not in _NODES and (name != "remark" or member)
        }
    if isinstance(thing, float) and not math.isfinite(thing):
        return repr(thing)
    return thing
