"""What a row of the table of operations is, and the small language that its formulas are written in.

A row's `partials` are ordinary Python: `lambda out, x: (1 - out * out,)`. Because they use only
arithmetic, other rows and the words below, the same formula runs on floats (backward), on
Values (higher orders), and on symbols (text, replay).

    largest(operands)        the largest of them, a constant; None where they are symbols
    choose(condition, x, y)  x where the condition holds, else y; a branch may be a thunk, `lambda: …`
    None                     no path: this operand does not reach the output here
    nan                      undefined: backward raises if anybody wants this derivative
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FunctionType
from typing import Any, Protocol, TypeVar, overload

from engine import modes
from engine.errors import DomainError

__all__ = [
    "ALWAYS",
    "CALL",
    "NEAR",
    "TABLE",
    "Domain",
    "Inexact",
    "Kink",
    "Operand",
    "Operation",
    "called",
    "choose",
    "composed",
    "is_constant",
    "largest",
    "row",
    "sign_of",
    "ulps",
]

CALL = 100  # the precedence of `name(x)`, which never needs parentheses around it


class Operand(Protocol):
    """Anything but a number that an operation can be applied to: a Value, a symbol, a tracer."""

    def apply(self, operation: Operation, operands: Sequence[Any], /) -> Any:
        """The result of the operation on these operands, one of which is `self`."""


class Inexact(float):
    """A constant of a formula that no float is: the nearest float, and the formula that gives it exactly.

    `formula` is written in the rows' language, as a function of the number 1. Use it bare, as a factor: what
    is computed from it and a float is a float, and no longer knows.
    """

    __slots__ = ("formula",)
    formula: Callable[[Any], Any]

    def __new__(cls, formula: Callable[[Any], Any]) -> Inexact:
        """The float that the formula gives for the float 1."""
        constant = super().__new__(cls, formula(1.0))
        constant.formula = formula
        return constant


OperandT = TypeVar("OperandT", bound=Operand)


@dataclass(frozen=True, slots=True)
class Domain:
    """For which numbers an operation has a value: a test, its words, and where tests take samples.

    `sample` has an interval (low, high) per operand, in which the operation is smooth or its kinks
    are declared.
    """

    words: str
    contains: Callable[..., bool]
    sample: tuple[tuple[float, float], ...]
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Kink:
    """A point without a derivative, or at the edge of one, and the convention that is taken there.

    The convention itself is what the row's partials return `at` that point; `rule` says why.
    """

    at: tuple[float, ...]
    rule: str


def ALWAYS(*_: float) -> bool:  # noqa: N802  (a constant that is called)
    """For every operand."""
    return True


def sign_of(x: float, y: float = 0.0) -> int:
    """Which of two numbers is larger: 1 the first, -1 the second, 0 neither."""
    return (x > y) - (x < y)


def is_constant(y: Any, x: Any) -> bool:
    """Whether y is a plain number beside something else: then nobody wants a slope by it."""
    return isinstance(y, float) and not isinstance(x, float)


def _nowhere(*_: float) -> None:
    return None


def ulps(count: float, out: float) -> float:
    """So many units in the last place of a result, as a bound on its error; one more if subnormal."""
    bound = count * 2.0**-52 * abs(out)
    return bound if abs(out) > 2.0**-1021 else bound + math.ceil(count) * 5e-324


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """One row of the table: all that the project knows about one operation.

    `forward` takes floats and returns a float; `partials` takes (output, *operands) and returns one
    local derivative per operand. `arity` is None for an operation on any number of operands. `side`
    tells on which side of its kinks the operands lie. `overflow` gives the result where Python's
    math module raises OverflowError instead of returning an infinity. `advice` says what to use instead
    where its numbers have gone to infinity. A `surrogate` has partials that are meant to be another
    function's; no row of the table is one.

    `lowered` is the operation as a formula of other rows, for whoever has no implementation of its own: a
    function of the operands, like `partials`. It is run on arrays too, where both sides of a choice are
    computed: neither may overflow or leave its domain where the other is chosen.

    What is known of its numbers, for bounds on their errors (engine/health): `forward` is off by at most so
    many `ulp` of its result, or by a function of (out, *operands); infinite: nobody knows. `monotone` names
    the piece that the operands lie in, of those in which the row is monotone in each operand, the others
    being fixed (None: in none); a box with its corners in one piece is in it. No local derivative is larger
    than `steepest`. With `jump` the value jumps where `side` changes.
    """

    name: str
    arity: int | None
    forward: Callable[..., float]
    partials: Callable[..., tuple[Any, ...]]
    doc: str
    domain: Domain
    symbol: str = ""
    precedence: int = CALL
    kinks: tuple[Kink, ...] = ()
    side: Callable[..., float] | None = None
    overflow: Callable[..., float] = lambda *_: math.inf
    advice: str = ""
    lowered: Callable[..., Any] | None = None
    commutative: bool = False
    flat: bool = False
    surrogate: bool = False
    ulp: float | Callable[..., float] = math.inf
    monotone: Callable[..., Any] = _nowhere
    steepest: float = math.inf
    jump: bool = False

    def __repr__(self) -> str:
        return f"<operation {self.name}>"

    def __reduce__(self) -> str:
        """A copy of a row is the row: there is one of each."""
        return self.name

    @overload
    def __call__(self, *operands: float) -> float: ...  # type: ignore[overload-overlap]
    @overload
    def __call__(self, *operands: OperandT | float) -> OperandT: ...
    def __call__(self, *operands: Any) -> Any:
        """The float for numbers; for anything else, what the first such operand makes of it."""
        for operand in operands:
            if hasattr(operand, "apply"):
                return operand.apply(self, operands)
        return self.evaluate(operands)

    def evaluate(self, numbers: Sequence[float]) -> float:
        """The result for plain numbers, as IEEE 754 has it: overflow is infinite, underflow is 0.

        Raises DomainError outside the domain, and where a nan would arise from operands that are
        none; a nan that was put in flows through.
        """
        try:
            result = self.forward(*numbers)
        except OverflowError:
            return self.overflow(*numbers)
        except (ValueError, ZeroDivisionError):
            if any(number != number for number in numbers):
                return math.nan
            raise self.refusal(numbers) from None
        if result != result and all(number == number for number in numbers):
            raise self.refusal(numbers)
        return result

    def slopes(self, result: float, numbers: Sequence[float]) -> tuple[float | None, ...]:
        """The partials for plain numbers; nan, undefined, where a formula has none: nan ÷ 0, ∞ to the −∞."""
        try:
            return self.partials(result, *numbers)
        except (ArithmeticError, ValueError):
            return (math.nan,) * len(numbers)

    def miscounted(self, count: int) -> TypeError:
        """The error for so many operands."""
        accepted = "1 operand" if self.arity == 1 else f"{self.arity} operands"
        return TypeError(f"{self.name} takes {accepted}, got {count}")

    def refusal(self, numbers: Sequence[float], labels: Sequence[str] = ()) -> DomainError:
        """The error for operands outside the domain, in words."""
        named = [label or "" for label in labels] or [""] * len(numbers)
        shown = [
            f"{number!r} (operand {label!r})" if label else repr(number)
            for number, label in zip(numbers, named, strict=True)
        ]
        inside = self.domain.contains(*numbers)
        needs = "a result that is a number" if inside else self.domain.words
        hint = f"; {self.domain.hint}" if self.domain.hint and not inside else ""
        message = f"{self.name} needs {needs}; got {', '.join(shown)}{hint}"
        return DomainError(message, self.name, numbers, named)


TABLE: dict[str, Operation] = {}  # engine/ops.py fills it
NEAR = (-3.0, 3.0)  # where tests take samples, if a row does not say


def row(
    name: str,
    forward: Callable[..., float],
    partials: Callable[..., tuple[Any, ...]],
    doc: str,
    domain: Domain | None = None,
    **facts: Any,
) -> Operation:
    """Enter an operation; what a row does not say is: one operand, any number, smooth."""
    arity = facts.setdefault("arity", 1)
    domain = domain or Domain("a number", lambda *_: True, (NEAR,) * (arity or 5))
    TABLE[name] = Operation(name=name, forward=forward, partials=partials, doc=doc, domain=domain, **facts)
    return TABLE[name]


def composed(
    name: str, formula: Callable[..., Any], partials: Callable[..., tuple[Any, ...]], doc: str, **facts: Any
) -> Operation:
    """Enter an operation that is a formula of rows above; it is stated once, and serves for both.

    It is how the row is lowered. And it is `forward`, for which the rows in it are replaced by their own
    forwards: on floats it then costs what it would cost written with `math`.
    """
    forwards = {word: getattr(thing, "forward", thing) for word, thing in formula.__globals__.items()}
    forward = FunctionType(formula.__code__, forwards, name)
    return row(name, forward, partials, doc, lowered=formula, **facts)


def choose(condition: Any, accepted: Any, otherwise: Any) -> Any:
    """`accepted` where the condition holds, else `otherwise`; thunks are called only when chosen.

    >>> choose(2.0 > 1.0, 1.0, None)
    1.0
    """
    if type(condition) is bool:
        return called(accepted if condition else otherwise)
    if hasattr(condition, "choose_thunk"):  # recorded: the side that is not taken may have no value here
        return condition.choose_thunk(accepted, otherwise)
    return condition.choose(called(accepted), called(otherwise))


def called(side: Any) -> Any:
    """What a thunk gives, or the side itself."""
    return side() if callable(side) else side


def largest(operands: Sequence[Any]) -> Any:
    """The largest of the operands, through which nothing flows; None for symbols, which have no numbers.

    >>> largest([1.0, 3.0, 2.0])
    3.0
    """
    if modes.anywhere and (session := modes.session()) is not None:
        return session.largest(operands)  # another one for other numbers
    for operand in operands:
        if hasattr(operand, "largest"):
            return operand.largest(operands)
    try:
        return max(map(float, operands))
    except TypeError:
        return None
