"""Whole files: what a function returns, what stands around it, and which form it has.

A graph of up to LARGEST nodes is written out (engine/source/straight.py); a larger one as tables that a short
loop reads (engine/source/tables.py), since compilers take minutes for functions of ten thousand lines.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.errors import GraphError
from engine.graph import Node
from engine.source.languages import LANGUAGES
from engine.source.plan import plan
from engine.source.straight import Straight
from engine.source.symbol import Writer
from engine.source.tables import Tables

__all__ = ["LARGEST", "to_source"]

LARGEST = 500  # nodes that are written line by line


def to_source(
    root: Node | Sequence[Node],
    language: str,
    leaves: Sequence[Node] | None = None,
    *,
    gradients: bool = True,
) -> str:
    """The graph as a function in another language: `value_and_gradients`, of the numbers of its leaves.

    `language` is "js", "c", "python" (the standard library alone) or "jax". `leaves` says which leaves are
    given, and in which order; by default all that are no constants, in topological order; the numbers of
    all others are written down as they are now. The function returns the value and the gradient by each
    leaf: in JavaScript `[value, [gradients]]`, in Python and JAX `(value, gradients)`; in C it is
    `double value_and_gradients(const double *leaves, double *gradients)`.

    With `gradients=False` the text is a function `values` that returns the numbers of one or several roots as
    a list (C: `void values(const double *leaves, double *results)`).

    The derivatives are the table's own formulas. Where eager refuses, the code gives nan, and a comment says
    what the operation needs; additions, products and choices have eager's bits, and other functions are
    within a few units in the last place of those of Python's math.

    Raises GraphError for an operation that has no formula in the language, for a leaf that is none, and for
    gradients of several roots; ValueError for a language that is not known.

    >>> from engine import Value
    >>> w, x = Value(0.5, label="w"), Value(2.0, label="x")
    >>> loss = (w * x - 1.0) ** 2
    >>> names: dict[str, Any] = {}
    >>> exec(to_source(loss, "python"), names)
    >>> names["value_and_gradients"]([0.75, 2.0])
    (0.25, [2.0, 0.75])
    >>> print(to_source(w * x, "c").partition("double ")[2])
    value_and_gradients(const double *leaves, double *gradients) {
      const double w = leaves[0];
      const double x = leaves[1];
      const double v2 = w * x;  // w × x
    <BLANKLINE>
      double d_w = x;  // d v2 by w = x
      double d_x = w;  // d v2 by x = w
      gradients[0] = d_w;
      gradients[1] = d_x;
      return v2;
    }
    <BLANKLINE>
    """
    if language not in LANGUAGES:
        raise ValueError(f"there is no language {language!r} here; choose {', '.join(map(repr, LANGUAGES))}")
    roots = [root] if isinstance(root, Node) else list(root)
    if gradients and len(roots) != 1:
        raise GraphError(
            f"gradients are those of one root; got {len(roots)} roots: give gradients=False for values"
        )
    planned = plan(roots, leaves)
    writer = Writer(LANGUAGES[language])
    form = Straight if len(planned.given) + len(planned.interior) <= LARGEST else Tables
    return form(planned, writer).text(gradients=gradients)
