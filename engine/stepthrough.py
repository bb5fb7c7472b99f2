"""Stepping with pictures: `walk` at a prompt, `page` in a browser.

`stepping` and `picture` do not know one another; this is where they meet.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from engine.errors import RenderError
from engine.graph import Node
from engine.picture.text import formula, tree
from engine.stepping.steps import Steps, steps
from engine.stepping.walk import Walker

if TYPE_CHECKING:
    from engine.picture.page import Page

__all__ = ["page", "walk"]


def walk(
    root: Node, *, stdin: TextIO | None = None, stdout: TextIO | None = None, width: int | None = None
) -> Page | Steps | None:
    """Step through the backward pass of `root` at a prompt, forward and back, in the manner of pdb.

    Nobody's `grad` changes unless `commit` is typed; `help` lists the commands. Returns None when the walk
    is left. In a notebook there is no prompt: the page that steps through the same is returned, and shows
    itself. `stdin` and `stdout` replace the terminal's, `width` its width.

    >>> import io
    >>> from engine import Value
    >>> x = Value(3.0, label="x")
    >>> walk(x + 1, stdin=io.StringIO("quit"), stdout=sys.stdout)
    backward through v2 = x + 1 = 4, 1 step; try help
    step 0: v2 = 4, gradient 1, the seed: d v2/d v2 = 1
    (walk 0/1) no grad was changed (commit would have written them)
    """
    if stdin is None and stdout is None and _in_notebook():
        return _shown(root)
    backward = steps(root)
    title = formula(root)
    Walker(backward, tree, _write_page, title=title, stdin=stdin, stdout=stdout, width=width).cmdloop()
    return None


def page(root: Node, detail: str = "auto", **options: Any) -> Page:
    """One HTML page that steps through the backward pass of `root`: a single file that needs no network.

    `detail` and the options are those of `engine.picture.page.page`: a graph of up to 150 nodes is shown
    whole, a network by its layers, which open. Shows itself in a notebook; `.save(path)` writes it.

    >>> from engine import Value
    >>> x = Value(3.0, label="x")
    >>> page(x * x)
    <page that steps through 'v1': 2 steps, views: 1>
    """
    return _page_of(steps(root), detail, **options)


def _page_of(backward: Steps, detail: str = "auto", **options: Any) -> Page:
    """The page of these steps; its builder is loaded when wanted: it needs graphviz, `walk` does not."""
    made: Page = import_module("engine.picture.page").page(backward.root, backward, detail, **options)
    return made


def _write_page(backward: Steps, number: int, path: str) -> str:
    """Write the page of these steps; returns the address at which it opens at step `number`."""
    target = Path(path).expanduser()
    _page_of(backward).save(target)
    return f"{target.resolve().as_uri()}#step={number}"


def _shown(root: Node) -> Page | Steps:
    """The page, which shows itself in a notebook; the steps as text where no page can be made."""
    backward = steps(root)
    try:
        return _page_of(backward)
    except (RenderError, ImportError):
        return backward


def _in_notebook() -> bool:
    """Whether this runs in a Jupyter kernel, where nobody may be there to answer a prompt."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return hasattr(shell, "kernel")
