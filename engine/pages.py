"""The page of a graph: its picture and the steps of its backward pass, which are made in two rooms.

Neither room knows the other; they meet here.
"""

from __future__ import annotations

import sys

from engine.graph import Node
from engine.picture.page import Page
from engine.picture.page import page as page_of
from engine.stepping.steps import Steps, a_node
from engine.wording import variables

__all__ = ["page", "page_of_steps"]


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
    steps = Steps(a_node(root), variables(sys._getframe(1)) if names else None)
    return page_of_steps(steps, detail, title=title, limit=limit, seconds=seconds)


def page_of_steps(
    steps: Steps, detail: str = "auto", *, title: str = "", limit: int = 500, seconds: float = 30.0
) -> Page:
    """The page of steps that are there already, which calls the nodes as they do."""
    held = steps.variables
    return page_of(steps.root, steps, detail, variables=held, title=title, limit=limit, seconds=seconds)
