"""What a user calls: a graph as an expression of sympy, as text, as LaTeX; sympy is loaded only then."""

from __future__ import annotations

import sys
from types import FrameType, ModuleType
from typing import Any

from engine.graph import Node, topological_order
from engine.wording import display_names, variables

__all__ = ["LIMIT", "formula", "latex", "symbolic"]

LIMIT = 400  # operations of a graph that anybody would want to read as one expression


def symbolic(root: Node, wrt: Node | None = None, *, limit: int = LIMIT, names: bool = True) -> Any:
    """The graph as an expression of sympy in the labels of its leaves; with `wrt` the derivative by it.

    What has no label is called as the caller's variable is that holds it, else, and with `names=False`, as in
    `steps`: v3, by its place. A constant is its number, of up to six digits
    as the fraction that it is printed as (0.1 is 1/10). Where a row has a kink the expression is a Piecewise;
    a derivative has the conventions of the table, and is 0 where no path leads. An operation that sympy does
    not know, one of your own, is a function of its name. Nothing is simplified: `sympy.simplify` does that.

    Raises GraphError for more than `limit` operations and for a `wrt` that is no part of the graph;
    ModuleNotFoundError without sympy.

    >>> from engine import Value
    >>> x = Value(2.0, label="x")
    >>> symbolic(x.relu() * 0.5), symbolic(x.relu() * 0.5, wrt=x)
    (Piecewise((0, x <= 0), (x, True))/2, Piecewise((1, x > 0), (0, True))/2)
    """
    named = _named(root, "symbolic", sys._getframe(1) if names else None)
    _needs_sympy()
    from engine.algebra.expressions import expressed  # noqa: PLC0415  (needs sympy)

    return expressed(root, wrt, limit, named)


def formula(root: Node, wrt: Node | None = None, *, limit: int = LIMIT, names: bool = True) -> str:
    """The graph as text, simplified, as sympy writes it; with `wrt` the derivative by that node.

    Simplified means: the shortest of the forms that sympy quickly finds, common factors taken out, fractions
    reduced. `sympy.simplify(symbolic(root))` tries more, and may take minutes. A notebook shows the text
    typeset. For what it consists of, and for the errors, see `symbolic`.

    >>> from engine import Value
    >>> w, x, y = Value(0.5, label="w"), Value(2.0, label="x"), Value(1.0, label="y")
    >>> formula((w * x - y) ** 2, wrt=w)
    '2*x*(w*x - y)'
    """
    named = _named(root, "formula", sys._getframe(1) if names else None)
    _needs_sympy()
    from engine.algebra.typesetting import as_text  # noqa: PLC0415  (needs sympy)

    return as_text(root, wrt, limit, named)


def latex(thing: Any, wrt: Node | None = None, *, limit: int = LIMIT, names: bool = True) -> str:
    r"""LaTeX of a graph, `loss = …`, with `wrt` of its derivative by that node; of one step of `steps(root)`.

    A step is written as the chain rule: each local derivative, and what it is times the gradient. A notebook
    shows the text typeset. Graphs are simplified as in `formula`.

    >>> from engine import Value
    >>> x = Value(0.5, label="x")
    >>> y = x.tanh() ** 2
    >>> print(latex(y))
    y = \tanh^{2}{\left(x \right)}
    """
    _needs_sympy()
    from engine.algebra.typesetting import (  # noqa: PLC0415  (needs sympy)
        StepLike,
        as_chain_rule,
        as_equation,
    )

    if isinstance(thing, StepLike):
        return as_chain_rule(thing)
    return as_equation(thing, wrt, limit, _named(thing, "latex", sys._getframe(1) if names else None))


def _named(root: Any, what: str, frame: FrameType | None) -> dict[Node, str]:
    """What each node is called; TypeError for what has none."""
    if not isinstance(root, Node):
        also = " or a step of steps(root)" if what == "latex" else ""
        raise TypeError(f"{what} takes a Value{also}, got {type(root).__name__}")
    return display_names(topological_order(root), variables(frame) if frame else None)


def _needs_sympy() -> ModuleType:
    try:
        import sympy  # noqa: PLC0415
    except ModuleNotFoundError:
        raise ModuleNotFoundError("formulas need sympy, which is not installed: pip install sympy") from None
    return sympy  # type: ignore[no-any-return]
