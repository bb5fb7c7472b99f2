"""A graph as one expression of sympy, and its derivative: the chain rule over the rows' own formulas.

>>> from engine import Value
>>> w, x = Value(0.5, label="w"), Value(2.0, label="x")
>>> y = (w * x).tanh() ** 2
>>> named = {w: "w", x: "x"}
>>> expressed(y, None, 10, named)
tanh(w*x)**2
>>> simplified(expressed(y, w, 10, named))
2*x*(1 - tanh(w*x)**2)*tanh(w*x)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy

from engine.algebra.symbols import Expression, Symbolic, applied, expression_of, number
from engine.backward import adjoints
from engine.errors import GraphError
from engine.graph import Node, topological_order

__all__ = ["expressed", "simplified", "symbol"]

FEW = 3  # choices that are written as one
SIMPLE = 150  # operations of an expression up to which polynomials in it are factored


def expressed(root: Node, wrt: Node | None, limit: int, named: Mapping[Node, str]) -> Expression:
    """The graph in these names, or with `wrt` its derivative by that node; nothing is simplified.

    Raises GraphError for more than `limit` operations and for a `wrt` that is no part of the graph.
    """
    written = _written(root, limit, named)
    if wrt is None:
        return written[root].expression
    if wrt not in written:
        raise GraphError(f"{wrt!r} is no part of the graph; take a derivative by what it was computed from")
    return expression_of(adjoints(root, lambda node: _partials(node, written)).get(wrt))


def symbol(name: str) -> Expression:
    """The real number of that name."""
    return sympy.Symbol(name, real=True)


def _written(root: Node, limit: int, named: Mapping[Node, str]) -> dict[Node, Symbolic]:
    """{node: its expression} for the whole graph."""
    ordered = topological_order(root)
    count = sum(node.operation is not None for node in ordered)
    if count > limit:
        raise GraphError(
            f"the graph has {count} operations, which nobody could read as one expression, and the limit is "
            f"{limit}; take the expression of a node further down, or raise limit="
        )
    written: dict[Node, Symbolic] = {}
    for node in ordered:
        if node.operation is None:
            expression = number(node._data) if node.is_constant else symbol(named[node])
        else:
            expression = applied(node.operation, [written[parent].expression for parent in node.parents])
        written[node] = Symbolic(expression)
    return written


def _partials(node: Any, written: Mapping[Node, Symbolic]) -> list[Any]:
    """The row's local derivatives on expressions; none for a constant."""
    found = node.operation.partials(written[node], *(written[parent] for parent in node.parents))
    return [None if p.is_constant else slope for p, slope in zip(node.parents, found, strict=True)]


def simplified(expression: Expression) -> Expression:
    """The shortest of the forms that sympy quickly finds: common factors taken out, fractions reduced,
    a few choices made one.

    Of more than 150 operations only common factors are taken out. `sympy.simplify` tries much more, and can
    take minutes for a single neuron.

    >>> x = symbol("x")
    >>> simplified(x**2 / (x**2 + x))
    x/(x + 1)
    """
    forms = [expression, sympy.factor_terms(expression)]
    if sympy.count_ops(expression) <= SIMPLE:
        forms += [form(expression) for form in (sympy.together, sympy.factor, sympy.cancel)]
        if len(expression.atoms(sympy.Piecewise)) <= FEW:
            forms.append(sympy.piecewise_fold(expression))
    return min(forms, key=lambda form: (sympy.count_ops(form), len(str(form))))
