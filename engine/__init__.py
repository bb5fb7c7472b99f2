"""Scalar automatic differentiation: numbers that remember how they were made.

Reading order: `ops` (the table), `value` (a number in a graph), `backward` (the chain rule); then `graph`,
`calculus`, `checking`, `stepping`, `picture`, `replay`, `health`, `algebra` and `custom` as they are wanted.

    >>> from engine import Value
    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    >>> loss = ((a * b + 10).tanh() - 1) ** 2
    >>> loss.backward()
    >>> round(a.grad, 6), round(b.grad, 6)
    (5e-06, -4e-06)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from engine.calculus import derivative, gradient, gradients, hessian, hvp, jacobian, jvp
from engine.errors import (
    CheckError,
    DomainError,
    EngineError,
    GraphError,
    NonFiniteError,
    OperationError,
    RenderError,
    ReplayError,
)
from engine.functions import (
    acos,
    acosh,
    asin,
    asinh,
    atan,
    atan2,
    atanh,
    cbrt,
    ceil,
    clamp,
    cos,
    cosh,
    degrees,
    digamma,
    dot,
    elu,
    erf,
    erfc,
    exp,
    exp2,
    expm1,
    floor,
    gelu,
    hardtanh,
    hypot,
    leaky_relu,
    lgamma,
    log,
    log1p,
    log2,
    log10,
    log_softmax,
    logsumexp,
    maximum,
    mean,
    minimum,
    mish,
    norm,
    pick,
    polygamma,
    radians,
    relu,
    selu,
    sigmoid,
    sign,
    silu,
    sin,
    sinc,
    sinh,
    softmax,
    softplus,
    softsign,
    sqrt,
    tan,
    tanh,
    total,
    where,
)
from engine.modes import collector_paused, no_grad, remember_lines
from engine.operation import Domain, Kink, choose
from engine.value import Constant, Value

if TYPE_CHECKING:
    from engine.algebra.asked import formula, latex, symbolic
    from engine.checking import assert_everywhere, assert_gradients, check_everywhere, check_gradients
    from engine.custom.definition import custom_operation
    from engine.health.report import health
    from engine.pages import live, page
    from engine.picture.drawing import draw
    from engine.replay.compiled import compile  # noqa: A004  (as re.compile is)
    from engine.source.writing import to_source
    from engine.stepping.explain import explain
    from engine.stepping.steps import forward_steps, steps
    from engine.walks import walk

_LATER = {  # opened when first asked for: these rooms need graphviz or numpy, or much of the standard library
    "assert_everywhere": "engine.checking",
    "assert_gradients": "engine.checking",
    "check_everywhere": "engine.checking",
    "check_gradients": "engine.checking",
    "compile": "engine.replay.compiled",
    "custom_operation": "engine.custom.definition",
    "draw": "engine.picture.drawing",
    "explain": "engine.stepping.explain",
    "formula": "engine.algebra.asked",
    "forward_steps": "engine.stepping.steps",
    "health": "engine.health.report",
    "latex": "engine.algebra.asked",
    "live": "engine.pages",
    "page": "engine.pages",
    "steps": "engine.stepping.steps",
    "symbolic": "engine.algebra.asked",
    "to_source": "engine.source.writing",
    "walk": "engine.walks",
}

__version__ = "0.1.0"
__all__ = [  # noqa: RUF022  (sorted as sorted() does)
    "CheckError",
    "Constant",
    "Domain",
    "DomainError",
    "EngineError",
    "GraphError",
    "Kink",
    "NonFiniteError",
    "OperationError",
    "RenderError",
    "ReplayError",
    "Value",
    "acos",
    "acosh",
    "asin",
    "asinh",
    "assert_everywhere",
    "assert_gradients",
    "atan",
    "atan2",
    "atanh",
    "cbrt",
    "ceil",
    "check_everywhere",
    "check_gradients",
    "choose",
    "clamp",
    "collector_paused",
    "compile",
    "cos",
    "cosh",
    "custom_operation",
    "degrees",
    "derivative",
    "digamma",
    "dot",
    "draw",
    "elu",
    "erf",
    "erfc",
    "exp",
    "exp2",
    "explain",
    "expm1",
    "floor",
    "formula",
    "forward_steps",
    "gelu",
    "gradient",
    "gradients",
    "hardtanh",
    "health",
    "hessian",
    "hvp",
    "hypot",
    "jacobian",
    "jvp",
    "latex",
    "leaky_relu",
    "lgamma",
    "live",
    "log",
    "log10",
    "log1p",
    "log2",
    "log_softmax",
    "logsumexp",
    "maximum",
    "mean",
    "minimum",
    "mish",
    "no_grad",
    "norm",
    "page",
    "pick",
    "polygamma",
    "radians",
    "relu",
    "remember_lines",
    "selu",
    "sigmoid",
    "sign",
    "silu",
    "sin",
    "sinc",
    "sinh",
    "softmax",
    "softplus",
    "softsign",
    "sqrt",
    "steps",
    "symbolic",
    "tan",
    "tanh",
    "to_source",
    "total",
    "walk",
    "where",
]


import_module("engine.health")  # an empty room, opened here so that its name can go to the function in it
for _name in ("formula", "health"):  # functions that are opened later; the modules stay importable
    del globals()[_name]


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'engine' has no attribute {name!r}")
    try:
        with collector_paused():  # of what is imported nothing is garbage
            thing = getattr(import_module(_LATER[name]), name)
    except (ImportError, ReplayError) as missing:  # a package that this room needs: `import *` works without
        return _refusing(name, missing)
    globals()[name] = thing
    return thing


def _refusing(name: str, missing: Exception) -> Any:
    """A function in the place of one whose room cannot be opened: it says why when it is called."""

    def refused(*_: Any, **__: Any) -> Any:
        raise missing.with_traceback(None)

    refused.__name__, refused.__doc__ = name, f"Not there: {missing}"
    return refused


def __dir__() -> list[str]:
    return __all__
