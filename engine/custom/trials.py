"""What an operation of one's own is tried on when it is defined: floats, symbols, Values, and differences.

Each fault is one OperationError that says what was found and what to write. An operation that passes works
wherever the table's rows do, for nothing more is asked of those.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from contextvars import Context
from typing import Any

from engine.backward import adjoints
from engine.checking.blame import local_faults
from engine.checking.expressions import is_clear
from engine.checking.numeric import Sample, examine, step_scale
from engine.checking.signature import side_of
from engine.checking.verdict import Verdict, judge
from engine.custom.symbols import Symbol
from engine.errors import OperationError
from engine.graph import topological_order
from engine.operation import Operation
from engine.value import Value, make_node

__all__ = ["BOXES", "checked_partials", "formula_of", "sampled", "try_out"]

BOXES = ((-3.0, 3.0), (1e-2, 50.0), (-0.99, 0.99), (1.01, 50.0))  # where a domain that says nothing is tried
DRAWN, WANTED, NEEDED = 60, 12, 3  # points: drawn in a box, tried, and without which nothing can be tried
Point = tuple[float, ...]
Box = tuple[tuple[float, float], ...]
LANGUAGE = "write it with engine's functions instead of math's, and choose(x > 0.0, …, …) instead of if"


def sampled(name: str, evaluate: Callable[[Point], float], boxes: Sequence[Box]) -> tuple[Box, list[Point]]:
    """The box in which the operation has a value most often, and points in it at which it has one."""
    best: tuple[Box, list[Point]] = (boxes[0], [])
    refusal = ""
    for box in boxes:
        draw = random.Random(name)
        found: list[Point] = []
        for _ in range(DRAWN):
            point = tuple(draw.uniform(low, high) for low, high in box)
            try:
                if math.isfinite(evaluate(point)):
                    found.append(point)
            except (ArithmeticError, ValueError) as error:
                refusal = f"; at {_shown(point)} it raises {_error(error)}"
            except Exception as error:
                raise OperationError(
                    f"{name} cannot be called with floats: at {_shown(point)} it raises {_error(error)}; an "
                    "operation takes floats and returns a float",
                    name,
                ) from error
        if len(found) > len(best[1]):
            best = (box, found)
    if len(best[1]) < NEEDED:
        raise OperationError(
            f"{name} has hardly anywhere a value to try it with{refusal}; say where with "
            "domain=Domain(words, contains, sample)",
            name,
        )
    return best


def formula_of(function: Callable[..., Any], arity: int) -> Any:
    """What the function, or the test of a domain, makes of symbols; None where it runs on floats only."""
    try:
        found = function(*_symbols(arity))
    except Exception:  # noqa: BLE001  (whatever it is, it is no formula)
        return None
    return found if isinstance(found, (Symbol, float, int)) else None


def _symbols(arity: int) -> list[Symbol]:
    return [Symbol(f"x{place}") for place in range(1, arity + 1)] if arity > 1 else [Symbol("x")]


def checked_partials(name: str, arity: int, found: Any) -> tuple[Any, ...]:
    """The partials, one for each operand; OperationError otherwise."""
    if not isinstance(found, (tuple, list)):
        raise OperationError(
            f"the partials of {name} are a tuple with a local derivative for each operand, (…,) for a single "
            f"one; got {found!r:.60}",
            name,
        )
    if len(found) != arity:
        raise OperationError(
            f"{name} has {_count(arity, 'operand')}, and its partials gave "
            f"{_count(len(found), 'local derivative')}: {found!r:.80}",
            name,
        )
    return tuple(found)


def try_out(row: Operation, points: Sequence[Point]) -> None:
    """Raise OperationError unless the partials of the row run on everything, and are its derivatives."""
    clear = sorted(point for point in points if is_clear(row, point, 1e-2))
    clear = clear[:: max(1, len(clear) // WANTED)]  # spread over the whole box
    Context().run(_try_at, row, clear)  # whatever is switched on here: no_grad, a recording


def _try_at(row: Operation, points: Sequence[Point]) -> None:
    for point in points:
        _try_again(row, point)
    if row.lowered:
        _try_formula(row, points)
    for point in points:
        _try_floats(row, point)
    _try_symbols(row)
    for point in points:
        _try_values(row, point)
        if not row.surrogate:
            _try_differences(row, point)
            _try_second_differences(row, point)


def _try_again(row: Operation, point: Point) -> None:
    first, second = row.evaluate(point), row.evaluate(point)
    if first != second:
        raise OperationError(
            f"{row.name} gives {first!r} and then {second!r} at {_shown(point)}; an operation depends on "
            "nothing but its operands: draw random numbers before, and pass them as one",
            row.name,
        )


def _try_formula(row: Operation, points: Sequence[Point]) -> None:
    for point in points:
        expected, found = row.evaluate(point), float(row.lowered(*point))  # type: ignore[misc]
        if not math.isclose(found, expected, rel_tol=1e-12, abs_tol=1e-300):
            raise OperationError(
                f"lowered is not what {row.name} computes: at {_shown(point)} it gives {found!r}, and the "
                f"function {expected!r}",
                row.name,
            )


def _try_floats(row: Operation, point: Point) -> None:
    given = (row.evaluate(point), *point)
    try:
        found = row.partials(*given)
    except OperationError:
        raise
    except (ArithmeticError, ValueError):
        return  # undefined here
    except Exception as error:
        raise OperationError(
            f"the partials of {row.name} cannot be called with floats: partials{_shown(given)} raises "
            f"{_error(error)}; they take out, which is what {row.name} gives, and then its operands",
            row.name,
        ) from error
    where = f"at {_shown(point)}"
    _refuse_what_is_no_slope(row, found, (float,), where)
    for place, slope in enumerate(found, 1):
        if slope is not None and math.isnan(slope):
            raise OperationError(
                f"the partials of {row.name} gave nan for operand {place} {where}, where {row.name} has a "
                "value; a local derivative is a number, or None for no path",
                row.name,
            )


def _try_symbols(row: Operation) -> None:
    try:
        found = row.partials(Symbol("out"), *_symbols(row.arity or 0))
    except OperationError:
        raise
    except Exception as error:
        raise OperationError(
            f"the partials of {row.name} run on floats only, and so could not be differentiated, explained "
            f"or replayed: on symbols they raise {_error(error)}; {LANGUAGE}",
            row.name,
        ) from error
    _refuse_what_is_no_slope(row, found, (Symbol, float, int), "on symbols")


def _try_values(row: Operation, point: Point) -> None:
    leaves = [Value(number) for number in point]
    node = make_node(row, leaves)
    try:
        found = row.partials(node, *leaves)
    except OperationError:
        raise
    except (ArithmeticError, ValueError):
        return
    except Exception as error:
        raise OperationError(
            f"the partials of {row.name} cannot be called with Values: they raise {_error(error)}; "
            f"{LANGUAGE}",
            row.name,
        ) from error
    _refuse_what_is_no_slope(row, found, (Value, float, int), "on Values")


def _refuse_what_is_no_slope(
    row: Operation, found: Sequence[Any], kinds: tuple[type, ...], where: str
) -> None:
    for place, slope in enumerate(found, 1):
        if slope is not None and not isinstance(slope, kinds):
            raise OperationError(
                f"the partials of {row.name} gave {type(slope).__name__} ({slope!r:.60}) for operand {place} "
                f"{where}; a local derivative is a number, or None for no path",
                row.name,
            )


def _try_differences(row: Operation, point: Point) -> None:
    """The first order, by the same measurement as a gradient check's blame."""
    node = make_node(row, [Value(number) for number in point])
    for _, blame in local_faults(topological_order(node)):
        which = f" by operand {blame.operand + 1}" if len(point) > 1 else ""
        raise OperationError(
            f"the partials of {row.name} are wrong: at {_shown(point)} the derivative{which} is given as "
            f"{blame.analytic:.7g}, and measured as {blame.numeric:.7g}; looks like: {blame.cause}. If it is "
            "meant to be another one, say surrogate=True",
            row.name,
        )


def _try_second_differences(row: Operation, point: Point) -> None:
    """The partials as functions: differentiated as Values, and measured."""
    leaves = [Value(number) for number in point]
    try:
        slopes = row.partials(make_node(row, leaves), *leaves)
    except (ArithmeticError, ValueError):
        return
    for slot, slope in enumerate(slopes):
        if slope is None:
            continue
        found = adjoints(slope, lambda node: node.partials) if isinstance(slope, Value) else {}
        for place, leaf in enumerate(leaves):
            probe = _probe(row, point, slot, place)
            if probe(point[place]) is None:
                continue  # infinite here: nothing to differentiate
            measured = examine(probe, point[place], step_scale(point[place]))
            given = float(found.get(leaf, 0.0))
            if judge(measured, given) is Verdict.WRONG:
                raise OperationError(
                    f"the partials of {row.name} are right, but not their own derivatives: at {_shown(point)}"
                    f" that of number {slot + 1} by operand {place + 1} is {given:.7g}, and measured as "
                    f"{measured.estimate.value:.7g}; {LANGUAGE}",
                    row.name,
                )


def _probe(row: Operation, point: Point, slot: int, place: int) -> Callable[[float], Sample | None]:
    """One local derivative as a function of one operand."""

    def probe(t: float) -> Sample | None:
        moved = (*point[:place], t, *point[place + 1 :])
        try:
            slope = row.partials(row.evaluate(moved), *moved)[slot]
        except (ArithmeticError, ValueError):
            return None
        is_number = slope is not None and math.isfinite(slope)
        return Sample(slope, side_of(row, moved)) if is_number else None

    return probe


def _shown(point: Sequence[float]) -> str:
    return f"({', '.join(f'{number:.4g}' for number in point)}{',' if len(point) == 1 else ''})"


def _error(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
