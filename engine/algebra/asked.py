"""What a user calls: a graph as an expression of sympy, as text, as LaTeX; sympy is loaded only then."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from engine.graph import Node

__all__ = ["LIMIT", "formula", "latex", "symbolic"]

LIMIT = 400  # operations of a graph that anybody would want to read as one expression


def symbolic(root: Node, wrt: Node | None = None, *, limit: int = LIMIT) -> Any:
    """The graph as an expression of sympy in the labels of its leaves; with `wrt` the derivative by it.

    What has no label is called as in `steps`: v3, by its place. A constant is its number, of up to six digits
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
    _checked(root, "symbolic")
    _needs_sympy()
    from engine.algebra.expressions import expressed  # noqa: PLC0415  (needs sympy)

    return expressed(root, wrt, limit)


def formula(root: Node, wrt: Node | None = None, *, limit: int = LIMIT) -> str:
    """The graph as text that Python and sympy can read, simplified; with `wrt` the derivative by that node.

    Of more than 150 operations nothing is simplified: the chain rule stands there as it is. A notebook shows
    the text typeset. For what it consists of, and for the errors, see `symbolic`.

    >>> from engine import Value
    >>> w, x, y = Value(0.5, label="w"), Value(2.0, label="x"), Value(1.0, label="y")
    >>> formula((w * x - y) ** 2, wrt=w)
    '2*x*(w*x - y)'
    """
    _checked(root, "formula")
    _needs_sympy()
    from engine.algebra.typesetting import as_text  # noqa: PLC0415  (needs sympy)

    return as_text(root, wrt, limit)


def latex(thing: Any, wrt: Node | None = None, *, limit: int = LIMIT) -> str:
    r"""LaTeX of a graph, `loss = …`, with `wrt` of its derivative by that node; of one step of `steps(root)`.

    A step is written as the chain rule: each local derivative, and what it is times the gradient. A notebook
    shows the text typeset. Graphs are simplified as in `formula`.

    >>> from engine import Value
    >>> x = Value(0.5, label="x")
    >>> y = x.tanh() ** 2
    >>> y.label = "y"
    >>> print(latex(y))
    y = \tanh^{2}{\left(x \right)}
    """
    _needs_sympy()
    from engine.algebra.typesetting import as_latex  # noqa: PLC0415  (needs sympy)

    return as_latex(thing, wrt, limit)


def _checked(root: Any, name: str) -> None:
    if not isinstance(root, Node):
        raise TypeError(f"{name} takes a Value, the result of a computation; got {type(root).__name__}")


def _needs_sympy() -> ModuleType:
    try:
        import sympy  # noqa: PLC0415
    except ModuleNotFoundError:
        raise ModuleNotFoundError("formulas need sympy, which is not installed: pip install sympy") from None
    return sympy  # type: ignore[no-any-return]
