"""walk: the walker of `stepping` with the pictures of `picture` in its hands.

The two rooms do not know one another; this is where they meet.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any, TextIO

from engine.errors import RenderError
from engine.graph import Node
from engine.picture.text import formula, tree
from engine.stepping.steps import Steps, steps
from engine.stepping.walk import Walker

__all__ = ["walk"]


def walk(
    root: Node, *, stdin: TextIO | None = None, stdout: TextIO | None = None, width: int | None = None
) -> Any:
    """Step through the backward pass of `root` at a prompt, forward and back, in the manner of pdb.

    Nobody's `grad` changes unless `commit` is typed; `help` lists the commands. Returns None when the walk
    is left. In a notebook there is no prompt: the page that steps through the same is returned, and shows
    itself. `stdin` and `stdout` replace the terminal's.

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
    Walker(root, tree, _write_page, title=formula(root), stdin=stdin, stdout=stdout, width=width).cmdloop()
    return None


def _page() -> Any:
    """The page builder, loaded when it is wanted: it needs graphviz, which `import engine` must not."""
    return import_module("engine.picture.page").page


def _write_page(backward: Steps, number: int, path: str) -> str:
    """Write the page of these steps; returns the address at which it opens at step `number`."""
    target = Path(path).expanduser()
    _page()(backward.root, backward).save(target)
    return f"{target.resolve().as_uri()}#step={number}"


def _shown(root: Node) -> Any:
    """The page, which shows itself in a notebook; the steps as text where no page can be made."""
    backward = steps(root)
    try:
        return _page()(root, backward)
    except (RenderError, ImportError):
        return backward


def _in_notebook() -> bool:
    """Whether this runs in a Jupyter kernel, where nobody may be there to answer a prompt."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return hasattr(shell, "kernel")
