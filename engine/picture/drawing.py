"""Drawing: a picture of a graph, as SVG, PNG, PDF or DOT text, in a file, a notebook or a browser.

>>> from engine import Value
>>> x = Value(3.0, label="x")
>>> draw(x * x).source.count("->")
2
"""

from __future__ import annotations

import html
import re
import sys
import tempfile
import webbrowser
from collections.abc import Collection
from functools import cached_property
from pathlib import Path
from typing import Any

import graphviz

from engine.errors import RenderError
from engine.graph import Node
from engine.picture.dot import digraph
from engine.picture.face import Scale, box_face, short_name, wire_tooltip
from engine.picture.fold import Folded, fold_values
from engine.picture.layout import find_engine, layout
from engine.picture.palette import style

__all__ = ["Drawing", "draw", "to_dot"]

TEXT_FORMATS = ("dot", "gv")
_HEAD = re.compile(r'(<g id="([^"]*)" class="(?:node|edge)[^"]*">\s*<title>)[^<]*(</title>)')


class Drawing:
    """A picture of a graph that has not been laid out yet; the first use of `svg` or `save` does that.

    `source` is the DOT text and `graph` the `graphviz.Digraph`, for those who want to style it further;
    both need no layout program. Everything else raises RenderError where none is found or it fails.
    """

    def __init__(
        self, folded: Folded, graph: graphviz.Digraph, tooltips: dict[str, str], title: str, seconds: float
    ) -> None:
        self.folded = folded
        self.graph = graph
        self.title = title
        self._tooltips = tooltips
        self._seconds = seconds

    @property
    def source(self) -> str:
        """The DOT text: the same in every process, for every layout program."""
        return str(self.graph.source)

    @property
    def engine(self) -> str:
        """The layout program that draws, with its version: what a bug report should say."""
        return str(find_engine(self._what("svg")))

    @cached_property
    def svg(self) -> str:
        """The picture as an `<svg>` element, with tooltips, a dark scheme and words for screen readers."""
        return dressed(self._laid_out("svg").decode(), self._tooltips, self.description)

    @property
    def description(self) -> str:
        """One sentence on what is shown, for those who do not see it."""
        parts = len(self.folded.boxes), len(self.folded.wires)
        return f"Computation graph of {self.title}: {parts[0]} boxes and {parts[1]} arrows"

    def save(self, path: str | Path) -> Path:
        """Write the picture in the format of the path's suffix, and return the path.

        `.svg`, `.dot` and `.gv` are always known; `.png`, `.pdf` and others are the layout program's to know.
        """
        target = Path(path)
        suffix = target.suffix.lstrip(".").lower()
        if not suffix:
            raise RenderError(f"{str(path)!r} does not say which format; add .svg, .png, .pdf or .dot")
        if suffix in TEXT_FORMATS:
            content = self.source.encode()
        elif suffix == "svg":
            content = self.svg.encode()
        else:
            content = self._laid_out(suffix)
        target.write_bytes(content)
        return target

    def show(self) -> None:
        """Display the picture here and now: in the notebook's cell, else in the browser."""
        shell = sys.modules.get("IPython")
        if shell is not None and shell.get_ipython() is not None:
            shell.display.display(self)
            return
        folder = Path(tempfile.mkdtemp(prefix="drawing-"))
        webbrowser.open(self.save(folder / "drawing.svg").as_uri())

    def _what(self, file_format: str) -> str:
        return f"drawing {self.title!r} as {file_format}"

    def _laid_out(self, file_format: str) -> bytes:
        return layout(
            self.source,
            file_format,
            what=self._what(file_format),
            size=f"{len(self.folded.boxes)} boxes and {len(self.folded.wires)} edges",
            seconds=self._seconds,
        )

    def __repr__(self) -> str:
        size = f"{len(self.folded.boxes)} boxes, {len(self.folded.wires)} edges"
        return f"<drawing of {self.title!r}: {size}, detail {self.folded.detail!r}>"

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> dict[str, Any]:
        """What a notebook shows: the SVG, or in words why there is none."""
        del include, exclude  # the notebook picks from what it is given
        try:
            return {"image/svg+xml": self.svg, "text/plain": repr(self)}
        except RenderError as error:
            return {"text/plain": f"{self!r}\n{error}"}


def draw(root: Node, *, title: str = "", prefix: str = "", seconds: float = 30.0) -> Drawing:
    """A picture of the graph below a node: what each number is called, its data and its gradient.

    >>> from engine import Value
    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    >>> draw(a * b)
    <drawing of 'v2': 3 boxes, 2 edges, detail 'values'>
    """
    folded = fold_values(root)
    scale = Scale.of(box.members[-1].grad for box in folded.boxes)
    faces = {box.id: box_face(box, folded, scale) for box in folded.boxes}
    shown = title or short_name(folded.names[root])
    tooltips = {prefix + box.id: faces[box.id].tooltip for box in folded.boxes}
    tooltips |= {prefix + wire.id: wire_tooltip(wire, folded) for wire in folded.wires}
    graph = digraph(folded, faces, title=shown, prefix=prefix)
    return Drawing(folded, graph, tooltips, shown, seconds)


def to_dot(root: Node, **options: Any) -> str:
    """The DOT text of `draw(root, …)`, for which no layout program is needed.

    >>> from engine import Value
    >>> print(to_dot(Value(2.0, label="x")))  # doctest: +ELLIPSIS
    digraph x {
    ...
    """
    return draw(root, **options).source


def dressed(svg: str, tooltips: dict[str, str], description: str) -> str:
    """The layout program's SVG as one element to put into a page: tooltips, style, words for a reader."""
    start = svg.index("<svg")
    end = svg.index(">", start)
    opening = svg[start:end] + f' class="autograd" role="img" aria-label="{html.escape(description)}">'

    def titled(head: re.Match[str]) -> str:
        return head[1] + html.escape(_printable(tooltips.get(head[2], "")), quote=False) + head[3]

    return f"{opening}<style>{style()}</style>" + _HEAD.sub(titled, svg[end + 1 :]).rstrip() + "\n"


def _printable(text: str) -> str:
    return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]", "\ufffd", text)
