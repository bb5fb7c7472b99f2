"""The pages of a graph, each made by two rooms that do not know one another and meet here.

`page` puts the steps of the backward pass on the picture; `live` lets the numbers be moved, by the graph
written as source code.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from functools import partial

from engine.graph import Node, topological_order
from engine.picture.live import Live
from engine.picture.live import live as live_of
from engine.picture.page import Page
from engine.picture.page import page as page_of
from engine.source.edges import edges
from engine.stepping.steps import Steps, a_node
from engine.wording import display_names, variables

__all__ = ["live", "page", "page_of_steps"]


def page(
    root: Node,
    detail: str = "auto",
    *,
    names: bool = True,
    title: str = "",
    limit: int = 500,
    seconds: float = 30.0,
) -> Page:
    """A self-contained HTML page on which to step through the backward pass from `root`.

    A graph of up to 150 nodes is shown whole. A network is shown by its layers, each of which opens to its
    neurons, and each of those to its weights; `detail` ("values", "neurons", "layers") chooses otherwise.
    No `grad` is read or written. A Value without a label is called as the caller's variable is that holds it,
    unless `names=False`.

    Raises RenderError for more than `limit` boxes in one picture, and later, when the page is laid out,
    where no layout program is found or it takes longer than `seconds`.

    >>> from engine import Value
    >>> x = Value(3.0, label="x")
    >>> page(x * x)
    <page that steps through 'v1': 2 steps, views: 1>
    """
    steps = Steps(a_node(root), partial(variables, sys._getframe(1)) if names else None)
    return page_of_steps(steps, detail, title=title, limit=limit, seconds=seconds)


def page_of_steps(
    steps: Steps, detail: str = "auto", *, title: str = "", limit: int = 500, seconds: float = 30.0
) -> Page:
    """The page of steps that are there already, which calls the nodes as they do."""
    held = steps.variables
    return page_of(steps.root, steps, detail, variables=held, title=title, limit=limit, seconds=seconds)


def live(
    root: Node,
    *,
    learn: Collection[Node] | None = None,
    rate: float = 0.1,
    ranges: Mapping[Node, tuple[float, float]] | None = None,
    names: bool = True,
    title: str = "",
    seconds: float = 30.0,
) -> Live:
    """A self-contained HTML page on which every leaf can be moved, and everything is computed anew.

    Each leaf has a curve: the root if only that leaf moves; its tangent is the gradient. A button descends:
    leaf −= rate × gradient, for the leaves that `learn` (by default all; `learn=model.parameters()` holds
    inputs and targets still). `ranges` has the lowest and highest number of a leaf's curve, where ± twice its
    number is not what one wants. The steps of backprop are there, and Values without a label have names, as
    on `page`. No Value is changed.

    Raises RenderError for a graph of more than 150 nodes, and later, when the page is laid out, where no
    layout program is found or it takes longer than `seconds`; GraphError for an operation that has no formula
    in JavaScript; ValueError for a rate or a range that is none.

    >>> from engine import Value
    >>> w, x = Value(0.5, label="w"), Value(2.0, label="x")
    >>> live((w * x - 3.0) ** 2, learn=[w])
    <live page of 'v6': 7 nodes>
    """
    held = variables(sys._getframe(1)) if names else {}
    source = edges(root, display_names(topological_order(a_node(root)), held))
    return live_of(
        root, source, learn=learn, rate=rate, ranges=ranges, variables=held, title=title, seconds=seconds
    )
