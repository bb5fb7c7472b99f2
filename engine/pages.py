"""The page of a graph: its picture and the steps of its backward pass, which are made in two rooms.

Neither room knows the other; they meet here.
"""

from __future__ import annotations

from engine.graph import Node
from engine.picture.page import Page
from engine.picture.page import page as page_of
from engine.stepping.steps import steps

__all__ = ["page"]


def page(
    root: Node, detail: str = "auto", *, title: str = "", limit: int = 500, seconds: float = 30.0
) -> Page:
    """A self-contained HTML page on which to step through the backward pass from `root`.

    A graph of up to 150 nodes is shown whole. A network is shown by its layers, each of which opens to its
    neurons, and each of those to its weights; `detail` ("values", "neurons", "layers") chooses otherwise.
    No `grad` is read or written.

    Raises RenderError for more than `limit` boxes in one picture, and later, when the page is laid out,
    where no layout program is found or it takes longer than `seconds`.

    >>> from engine import Value
    >>> x = Value(3.0, label="x")
    >>> page(x * x)
    <page that steps through 'v1': 2 steps, views: 1>
    """
    return page_of(root, steps(root), detail, title=title, limit=limit, seconds=seconds)
