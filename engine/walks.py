"""walk: the walker of `stepping` with the text pictures of `picture`, and the page.

The two rooms do not know one another; they meet here.
"""

from __future__ import annotations

import sys
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from engine.errors import RenderError
from engine.graph import Node
from engine.picture.text import formula, tree
from engine.stepping.steps import Steps, a_node
from engine.stepping.walk import Walker
from engine.wording import variables

if TYPE_CHECKING:
    from engine.picture.page import Page

__all__ = ["walk"]


def walk(
    root: Node,
    *,
    stdin: TextIO | None = None,
    stdout: TextIO | None = None,
    width: int | None = None,
    names: bool = True,
) -> Page | Steps | None:
    """Step through the backward pass of `root` at a prompt, forward and back, in the manner of pdb.

    Nobody's `grad` changes unless `commit` is typed; `help` lists the commands. Returns None when the walk
    is left. In a notebook there is no prompt: the page that steps through the same is returned, and shows
    itself. `stdin` and `stdout` replace the terminal's, `width` its width; what is read from a given
    `stdin` is written out too, so that the text reads as a session does. A Value without a label is called
    as the caller's variable is that holds it, unless `names=False`.

    >>> import io
    >>> from engine import Value
    >>> x = Value(3.0, label="x")
    >>> walk(x + 1, stdin=io.StringIO("quit"), stdout=sys.stdout)
    backward through v2 = x + 1 = 4, 1 step; try help
    step 0: v2 = 4, gradient 1, the seed: d v2/d v2 = 1
    (walk 0/1) quit
    no grad was changed (commit would have written them)
    """
    backward = Steps(a_node(root), partial(variables, sys._getframe(1)) if names else None)
    if stdin is None and stdout is None and _in_notebook():
        return _shown(backward)
    title = formula(root, variables=backward.variables)
    Walker(backward, tree, _write_page, title=title, stdin=stdin, stdout=stdout, width=width).cmdloop()
    return None


def _page(backward: Steps) -> Page:
    """The page; its builder is loaded when it is wanted: it needs graphviz, which a walk does not."""
    made: Page = import_module("engine.pages").page_of_steps(backward)
    return made


def _write_page(backward: Steps, number: int, path: str) -> str:
    """Write the page of these steps; returns the address at which it opens at step `number`."""
    target = Path(path).expanduser()
    _page(backward).save(target)
    return f"{target.resolve().as_uri()}#step={number}"


def _shown(backward: Steps) -> Page | Steps:
    """The page, which shows itself in a notebook; the steps as text where no page can be made."""
    try:
        return _page(backward)
    except (RenderError, ImportError):
        return backward


def _in_notebook() -> bool:
    """Whether this runs in a Jupyter kernel, where nobody may be there to answer a prompt."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return hasattr(shell, "kernel")
