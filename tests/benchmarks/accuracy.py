"""Accuracy: how many units in the last place the value and two derivatives of every row are off.

The truth is mpmath's function, with so many digits that its difference quotients are exact to the last place
of a float; torch's column stands beside ours where torch is installed. `make accuracy` prints the table, the
place of our worst error, and every point at which ours is off by more than twice as much as torch's, and by
more than the 4 units that a math library and a rounding or two account for on either side.
"""

from __future__ import annotations

import importlib
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import mpmath

from engine import EngineError, Value, gradients, ops
from engine.operation import Operation
from engine.value import make_node

DIGITS, STEP = 1250, mpmath.mpf(10) ** -100  # of the truth; sinh'' at 1e-310 needs most of them
DERIVATIVES = ("value", "first", "second")
ROUNDINGS = 2.0  # ulp that a library of functions and one more rounding account for, ours or torch's
Numbers = tuple[float, ...]

SIZES = (1e-310, 1e-160, 1e-20, 1e-8, 1e-3, 0.1, 0.3, 0.5, 0.75, 0.99, 1.0 - 2.0**-53)
LARGER = (1.0, 1.0 + 2.0**-52, 1.5, 2.5, 5.0, 10.0, 19.0, 26.0, 37.5, 300.0, 709.0, 1e5, 1e16, 1e100, 1e300)
PAIRS = (1e-160, 1e-8, 0.3, 1.0, 2.5, 30.0, 1e8, 1e200)


def truths() -> dict[str, Callable[..., Any]]:
    """{row: its function in mpmath}, for all rows that are smooth somewhere and no mere selection."""
    m: Any = mpmath

    def sigmoid(x: Any) -> Any:
        return 1 / (1 + m.exp(-x))

    def softplus(x: Any) -> Any:
        return m.log1p(m.exp(x))

    one = {
        name: getattr(m, name)
        for name in (
            *("exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "tan", "asin", "acos", "atan", "sinh"),
            *("cosh", "tanh", "asinh", "acosh", "atanh", "erf", "erfc", "degrees", "radians"),
        )
    }
    return one | {
        "negate": lambda x: -x,
        "exp2": lambda x: m.power(2, x),
        "log2": lambda x: m.log(x) / m.log(2),
        "log10": lambda x: m.log(x) / m.log(10),
        "cbrt": lambda x: m.sign(x) * m.root(abs(x), 3),
        "sinc": m.sincpi,
        "lgamma": lambda x: m.re(m.loggamma(x)),
        "digamma": m.digamma,
        "sigmoid": sigmoid,
        "softplus": softplus,
        "silu": lambda x: x * sigmoid(x),
        "normal_distribution": lambda x: m.erfc(-x / m.sqrt(2)) / 2,
        "gelu": lambda x: x * m.erfc(-x / m.sqrt(2)) / 2,
        "mish": lambda x: x * m.tanh(softplus(x)),
        "softsign": lambda x: x / (1 + abs(x)),
        "add": lambda x, y: x + y,
        "subtract": lambda x, y: x - y,
        "multiply": lambda x, y: x * y,
        "divide": lambda x, y: x / y,
        "remainder": lambda x, y: x - y * m.floor(x / y),
        "power": m.power,
        "atan2": m.atan2,
        "hypot": m.hypot,
        "elu": lambda x, alpha: x if x > 0 else alpha * m.expm1(x),
        "leaky_relu": lambda x, slope: x if x > 0 else slope * x,
        "logsumexp": lambda *xs: m.log(m.fsum(m.exp(x) for x in xs)),
        "norm": lambda *xs: m.sqrt(m.fsum(x * x for x in xs)),
        "dot": lambda w, v, x, y: w * x + v * y,
        "total": lambda *xs: m.fsum(xs),
    }  # fmt: skip


def torch_functions() -> dict[str, Callable[..., Any]]:
    """{row: what a user of torch would call}; empty where torch is not installed."""
    try:
        torch = importlib.import_module("torch")
    except ImportError:
        return {}
    special, functional = torch.special, importlib.import_module("torch.nn.functional")
    named = {name: getattr(torch, name) for name in truths() if hasattr(torch, name)}
    activations = {
        name: getattr(functional, name) for name in ("softplus", "silu", "gelu", "mish", "softsign")
    }
    for missing in ("cbrt", "norm", "dot", "logsumexp", "power", "total", "degrees", "radians", "negate"):
        named.pop(missing, None)
    return named | activations | {
        "negate": torch.neg,
        "power": torch.pow,
        "degrees": torch.rad2deg,
        "radians": torch.deg2rad,
        "erfc": special.erfc,
        "normal_distribution": special.ndtr,
        "elu": lambda x, alpha: torch.where(x > 0, x, alpha * torch.expm1(x)),
        "leaky_relu": lambda x, slope: torch.where(x > 0, x, slope * x),
        "logsumexp": lambda *xs: torch.logsumexp(torch.stack(xs), 0),
        "norm": lambda *xs: torch.linalg.vector_norm(torch.stack(xs)),
        "dot": lambda w, v, x, y: torch.dot(torch.stack([w, v]), torch.stack([x, y])),
        "total": lambda *xs: torch.stack(xs).sum(),
        "softplus": lambda x: torch.logaddexp(x, torch.zeros_like(x)),
    }  # fmt: skip


def points(row: Operation) -> Iterator[Numbers]:
    """Where a row is looked at: over all sizes of numbers, at the edges of its domain, not at its kinks."""
    if row.arity == 1:
        found: Iterator[Numbers] = ((sign * size,) for size in (*SIZES, *LARGER) for sign in (1.0, -1.0))
    elif row.arity == 2:
        signed = [sign * size for size in PAIRS for sign in (1.0, -1.0)]
        found = ((x, y) for x in signed for y in (*signed, 0.5, 2.0, 3.0))
    elif row is ops.dot:
        found = iter([(0.5, 2.0, 3.0, -0.1), (1e8, 1.0, 1e8, -1e16), (1e-200, 3.0, 1e-100, 0.25)])
    else:
        shifts = (0.0, -0.7, 1e3, -1e8, 1e16)
        found = ((s, s + 0.5, s - 2.0) for s in shifts)
        found = (
            numbers
            for group in (found, [(1e-160, 3e-160, 0.0), (700.0, 0.0, -700.0), (0.0, -40.0, -50.0)])
            for numbers in group
        )
    kinks = {kink.at for kink in row.kinks}
    return (x for x in found if row.domain.contains(*x) and x not in kinks and not _is_left_out(row, x))


def _is_left_out(row: Operation, numbers: Numbers) -> bool:
    """Where mpmath gives up, a slope is no real number, or the operands are on a jump."""
    if row is ops.remainder:
        quotient = numbers[0] / numbers[1]
        return quotient.is_integer() or abs(quotient) > 1e15
    largest = {"sin": 1e16, "cos": 1e16, "tan": 1e16, "sinc": 1e16, "lgamma": 1e5, "digamma": 1e5}
    largest |= {"erf": 300.0, "erfc": 300.0, "normal_distribution": 300.0, "gelu": 300.0}
    return abs(numbers[0]) > largest.get(row.name, math.inf) or (row is ops.power and numbers[0] < 0)


# ── The three numbers of a point, from three sides ────────────────────────────────────────────────


def exact(f: Callable[..., Any], numbers: Numbers) -> list[list[Any]]:
    """[value], [∂f/∂xᵢ …], [∂²f/∂xᵢ² …] in mpmath, the derivatives as central differences.

    Their error is of the order of STEP², relatively; of DIGITS the two differences leave enough.
    """
    point = [mpmath.mpf(x) for x in numbers]
    here = f(*point)
    first, second = [], []
    for slot, x in enumerate(point):
        step = STEP * (abs(x) or 1)
        above, below = (f(*[*point[:slot], moved, *point[slot + 1 :]]) for moved in (x + step, x - step))
        first.append((above - below) / (2 * step))
        second.append((above - 2 * here + below) / step**2)
    return [[here], first, second]


def ours(row: Operation, numbers: Numbers) -> list[list[float]]:
    leaves = [Value(x) for x in numbers]
    try:
        root = make_node(row, leaves)
        first = gradients(root, leaves, create_graph=True)
        second = [gradients(slope, [leaf])[0] for slope, leaf in zip(first, leaves, strict=True)]
    except (EngineError, ArithmeticError):
        return [[math.nan] * len(numbers)] * 3
    return [[root.data], [slope.data for slope in first], second]


def torchs(f: Callable[..., Any], numbers: Numbers) -> list[list[float]]:
    torch = importlib.import_module("torch")
    leaves = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in numbers]
    root = f(*leaves)
    first = torch.autograd.grad(root, leaves, create_graph=True, allow_unused=True)
    second = []
    for slope, leaf in zip(first, leaves, strict=True):
        given = None
        if slope is not None and slope.requires_grad:
            (given,) = torch.autograd.grad(slope, [leaf], retain_graph=True, allow_unused=True)
        second.append(0.0 if given is None else given.item())
    return [[root.item()], [0.0 if slope is None else slope.item() for slope in first], second]


def off(found: float, truth: Any) -> float:
    """The error in units in the last place of the truth; infinite for a nan, or an infinity that is none."""
    if abs(truth) >= mpmath.mpf(2) ** 1024:
        return 0.0 if math.isinf(found) and (found > 0) == (truth > 0) else math.inf
    if not math.isfinite(found):
        return math.inf
    return float(abs(mpmath.mpf(found) - truth) / math.ulp(float(truth)))


@dataclass
class Worst:
    """The largest error of one derivative of a row, ours and torch's, and where it is."""

    ours: float = 0.0
    torch: float = 0.0
    at: Numbers = ()
    worse: list[tuple[Numbers, float, float]] = field(default_factory=list)

    def add(self, numbers: Numbers, mine: float, theirs: float) -> None:
        if mine > self.ours:
            self.ours, self.at = mine, numbers
        self.torch = max(self.torch, theirs)
        if mine > 2.0 * max(theirs, ROUNDINGS):
            self.worse.append((numbers, mine, theirs))


def measured(name: str, theirs: Callable[..., Any] | None) -> list[Worst]:
    """The worst of value, first and second derivative of a row."""
    row, truth = ops.TABLE[name], truths()[name]
    found = [Worst() for _ in DERIVATIVES]
    for numbers in points(row):
        with mpmath.workdps(DIGITS):
            right = exact(truth, numbers)
            mine = ours(row, numbers)
            other = torchs(theirs, numbers) if theirs is not None else None
            for order, worst in enumerate(found):
                errors = [off(x, y) for x, y in zip(mine[order], right[order], strict=True)]
                others = [0.0] * len(errors)
                if other is not None:
                    others = [off(x, y) for x, y in zip(other[order], right[order], strict=True)]
                for error, beside in zip(errors, others, strict=True):
                    worst.add(numbers, error, beside if other is not None else math.inf)
    return found


def main(names: Sequence[str] = ()) -> None:
    """Print the table for these rows, or for all."""
    theirs = torch_functions()
    heads = [head for name in DERIVATIVES for head in (name, "torch" if theirs else "")]
    print("worst error in ulp".ljust(20) + "".join(head.rjust(11) for head in heads) + "   our worst is at")
    for name in names or truths():
        found = measured(name, theirs.get(name))
        numbers = [x for w in found for x in (w.ours, w.torch if name in theirs else None)]
        cells = "".join(("" if x is None else f"{x:.3g}").rjust(11) for x in numbers)
        places = ["" if w.ours <= 2.0 * ROUNDINGS else _place(w.at) for w in found]
        print(f"{name:20}{cells}   {', '.join(filter(None, places))}", flush=True)
        for which, worst in zip(DERIVATIVES, found, strict=True):
            for at, mine, beside in worst.worse if name in theirs else []:
                print(f"    worse than torch: {which} at {_place(at)}: {mine:.3g}, torch {beside:.3g}")


def _place(numbers: Numbers) -> str:
    return "(" + ", ".join(f"{x:.3g}" for x in numbers) + ")"


if __name__ == "__main__":
    main(sys.argv[1:])
