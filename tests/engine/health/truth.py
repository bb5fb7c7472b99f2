"""The truth that bounds are held against: the same graph at hundreds of digits, by the rows' own formulas.

It knows no balls, and its functions are written here once more, in mpmath's.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import mpmath

from engine.backward import adjoints
from engine.graph import Node, topological_order
from engine.operation import Inexact, Operation

many = mpmath.mp.clone()


def _pairs(xs: Sequence[Any]) -> Any:
    half = len(xs) // 2
    return many.fdot(xs[:half], xs[half : 2 * half]) + (xs[-1] if len(xs) % 2 else 0)


def _exactly(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with so many digits that what cancels at 1e-300 leaves enough."""

    def exact(*operands: Any) -> Any:
        with many.workdps(1400):
            return function(*operands)

    return exact


def _near(x: Any) -> Any:
    """The number; ValueError so far below 0 that mpmath would take hours."""
    if x < -1000:
        raise ValueError
    return x


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "add": operator.add, "subtract": operator.sub, "multiply": operator.mul, "divide": operator.truediv,
    "ratio": lambda x, y: x / y if y else many.inf * x, "negate": operator.neg, "power": many.power,
    "exp": many.exp, "expm1": many.expm1, "exp2": lambda x: many.mpf(2) ** x, "log": many.ln,
    "log1p": many.log1p, "log2": lambda x: many.ln(x) / many.ln(2),
    "log10": lambda x: many.ln(x) / many.ln(10),
    "sqrt": many.sqrt, "cbrt": lambda x: many.sign(x) * many.root(abs(x), 3),
    "sin": many.sin, "cos": many.cos, "tan": many.tan, "asin": many.asin, "acos": many.acos,
    "atan": many.atan,
    "atan2": many.atan2, "sinh": many.sinh, "cosh": many.cosh, "tanh": many.tanh, "asinh": many.asinh,
    "acosh": many.acosh, "atanh": many.atanh, "hypot": lambda x, y: many.sqrt(x * x + y * y),
    "erf": many.erf, "erfc": many.erfc, "abs": abs, "maximum": max, "minimum": min,
    "where": lambda c, x, y: x if c > 0 else y, "clamp": lambda x, low, high: max(low, min(x, high)),
    "sign": many.sign, "floor": many.floor, "ceil": many.ceil, "round": many.nint,
    "sigmoid": lambda x: 1 / (1 + many.exp(-x)), "relu": lambda x: x if x > 0 else many.mpf(0),
    "leaky_relu": lambda x, slope: x if x > 0 else slope * x,
    "elu": lambda x, alpha: x if x > 0 else alpha * many.expm1(x),
    "softplus": lambda x: many.log1p(many.exp(x)), "silu": lambda x: x / (1 + many.exp(-x)),
    "gelu": lambda x: x * many.erfc(-x / many.sqrt(2)) / 2,
    "mish": lambda x: x * many.tanh(many.log1p(many.exp(x))), "softsign": lambda x: x / (1 + abs(x)),
    "dot": lambda *xs: _pairs(xs), "total": lambda *xs: reduce(operator.add, xs),
    "logsumexp": lambda *xs: max(xs) + many.ln(many.fsum([many.exp(x - max(xs)) for x in xs])),
    "complement": lambda x: 1 - x * x, "exp_times": lambda x, y: many.exp(x * y),
    "remainder": _exactly(lambda x, y: x - y * many.floor(x / y)),
    "degrees": lambda x: x * 180 / many.pi, "radians": lambda x: x * many.pi / 180,
    "sinc": lambda x: many.sinpi(x) / (many.pi * x) if x else many.mpf(1),
    "sinc_slope": _exactly(lambda x: (many.cospi(x) - many.sincpi(x)) / x if x else many.mpf(0)),
    "normal_distribution": lambda x: many.erfc(-x / many.sqrt(2)) / 2,
    "lgamma": lambda x: many.ln(abs(many.gamma(_near(x)))) if x < 0 else many.loggamma(x),
    "digamma": many.digamma, "polygamma": lambda n, x: many.polygamma(int(n), _near(x)),
    "norm": lambda *xs: many.sqrt(many.fsum([x * x for x in xs])),
}  # fmt: skip


class Exact:
    """A number of many digits in the rows' language."""

    __slots__ = ("number",)

    def __init__(self, number: Any) -> None:
        self.number = number

    @staticmethod
    def of(thing: Any) -> Any:
        """The number in a float, a named constant or another of these."""
        if isinstance(thing, Inexact):
            thing = thing.formula(Exact(many.mpf(1)))
        return thing.number if isinstance(thing, Exact) else many.mpf(thing)

    def apply(self, operation: Operation, operands: Sequence[Any]) -> Exact:
        """The operation's result."""
        return Exact(FUNCTIONS[operation.name](*map(Exact.of, operands)))

    def __neg__(self) -> Exact:
        return Exact(-self.number)

    def __bool__(self) -> bool:
        raise TypeError("no truth value")


def _arithmetic(name: str, function: Callable[[Any, Any], Any]) -> None:
    setattr(Exact, f"__{name}__", lambda self, other: Exact(function(self.number, Exact.of(other))))
    setattr(Exact, f"__r{name}__", lambda self, other: Exact(function(Exact.of(other), self.number)))


def _comparison(name: str) -> None:
    function = getattr(operator, name)
    setattr(Exact, f"__{name}__", lambda self, other: bool(function(self.number, Exact.of(other))))


for _name in ("add", "sub", "mul", "truediv"):
    _arithmetic(_name, getattr(operator, _name))
for _name in ("lt", "le", "gt", "ge"):
    _comparison(_name)


def exact_passes(root: Node, digits: int = 200) -> tuple[dict[Node, Any], dict[Node, Any]]:
    """({node: its number}, {node: its gradient}) at so many digits; ArithmeticError where there is none."""
    many.dps = digits
    values: dict[Node, Exact] = {}
    partials: dict[Node, Any] = {}
    for node in topological_order(root):
        if node.operation is None:
            values[node] = Exact(many.mpf(node._data))
            continue
        operands = [values[parent] for parent in node.parents]
        values[node] = operands[0].apply(node.operation, operands)
        if not isinstance(values[node].number, many.mpf):
            raise ArithmeticError(f"{node.operation.name} has no value here")  # noqa: TRY004
        found = [
            Exact(Exact.of(slope)) if isinstance(slope, Inexact) else slope
            for slope in node.operation.partials(values[node], *operands)
        ]
        partials[node] = [None if p.is_constant else s for p, s in zip(node.parents, found, strict=True)]
    gradients = adjoints(root, partials.__getitem__)
    return (
        {node: number.number for node, number in values.items()},
        {node: Exact.of(gradient) for node, gradient in gradients.items()},
    )
