"""Instructions as text, one a line; a loop with its body indented."""

from __future__ import annotations

from engine.replay.program.expression import Argument, substituted
from engine.replay.program.instructions import (
    Elementwise,
    LaneProduct,
    MatrixProduct,
    Pick,
    Reduction,
    Scatter,
    SumOfProducts,
)
from engine.replay.program.repeat import Instruction, Repeat

__all__ = ["describe"]

FIRST, EACH, LAST = ", in the first trip", ", by trip", ", in the last trip"


def describe(instruction: Instruction) -> str:
    """The instruction as a line of text; a loop as several."""
    if isinstance(instruction, Repeat):
        return "\n".join(_lines(instruction))
    sign = "+=" if instruction.accumulate else "="
    match instruction:
        case MatrixProduct(out, matrix, operand, bias):
            what = f"{matrix} @ {operand}" + (f" + {bias}" if bias else "")
        case LaneProduct(_, left, right):
            out, what = instruction.out, f"{left} @ {right}ᵀ"  # type: ignore[assignment]
        case SumOfProducts(out, ends, left, right, coefficients):
            terms = f"{len(left) // len(ends)} terms" if instruction.uniform else f"{len(left)} terms, ragged"
            what = (
                f"Σ {left}" + (f" × {right}" if right else "") + (f", {terms}" if terms != "1 terms" else "")
            )
            what += (
                f", times {coefficients[0]:.4g}{' …' if len(set(coefficients)) > 1 else ''}"
                if coefficients
                else ""
            )
        case Elementwise(out, expression, operands):
            names = {number: Argument(number, str(rows)) for number, rows in enumerate(operands)}
            what = repr(substituted(expression, names))
        case Reduction(out, operation, operand):
            what = f"{operation.name} of {operand}"
        case Pick(out, index, table):
            what = f"pick {index} of {table}"
        case Scatter(out, index, left):
            what = f"{left} to the places {index}"
    return f"{out} {sign} {what}"


def _lines(loop: Repeat) -> list[str]:
    """What a trip consists of: what comes in, the body, what goes out."""
    way = " back" if loop.reverse else ""
    ends = (loop.entering, loop.leaving) if loop.reverse else (loop.leaving, loop.entering)
    carrying = f", carrying {ends[0]} to {ends[1]}" if loop.entering else ""
    found = [f"{loop.trips:,} times{way}{carrying}:"]
    if loop.reverse:
        coming = [(loop.finals, LAST), (loop.outputs, EACH)]
        going = [(loop.given, ""), (loop.steps, EACH), (loop.before, FIRST)]
    else:
        coming = [(loop.before, FIRST), (loop.given, ""), (loop.steps, EACH)]
        going = [(loop.outputs, EACH), (loop.finals, LAST)]
    sign = "+=" if loop.reverse else "="
    found += [f"{t.inside} {sign} {t.outside}{when}" for some, when in coming for t in some]
    found += [describe(plain) for plain in loop.body]
    found += [f"{t.outside} {sign} {t.inside}{when}" for some, when in going for t in some]
    return [found[0], *(f"  {line}" for line in found[1:])]
