"""Drawing: a picture of a graph, as SVG, PNG, PDF or DOT text, in a file, a notebook or a browser.

>>> from engine import Value
>>> x = Value(3.0, label="x")
>>> draw(x * x + x).source.count("->")
3
"""

from __future__ import annotations

import html
import re
import sys
import tempfile
import webbrowser
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import graphviz

from engine import ops
from engine.errors import RenderError
from engine.graph import Marks, Node, checked_marks
from engine.picture.dot import digraph, printable
from engine.picture.expand import expanded
from engine.picture.face import faces, wire_tooltip
from engine.picture.fold import READABLE, Folded, fold, near
from engine.picture.grouping import Scan
from engine.picture.layout import find_engine, layout
from engine.picture.palette import LIGHT, style
from engine.value import Value
from engine.wording import variables

__all__ = ["Drawing", "draw", "picture", "refuse_crowd"]

TEXT_FORMATS = ("dot", "gv")
LEGEND = (
    "gradient: blue above 0, orange below, violet of both signs, gray none; double line: many nodes; "
    "rms: root mean square"
)
MARKED = "digits that are right, of the value | of the gradient: blue all, orange none"
COLUMN = 720  # points: how wide the column of a notebook is
_SIZE = re.compile(r'width="([\d.]+)pt" height="([\d.]+)pt"')
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
        opening, rest = self.bare_svg.split(">", 1)
        return f"{opening}><style>{style()}</style>{rest}"

    @cached_property
    def bare_svg(self) -> str:
        """The `<svg>` element without its style sheet, for a page that has one."""
        return with_tooltips(self._laid_out("svg").decode(), self._tooltips, self.description)

    @property
    def height(self) -> float:
        """How many pixels the picture is high."""
        return _size_of(self.bare_svg)[1] * 4 / 3

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
        path = self.save(folder / "drawing.svg")
        if not webbrowser.open(path.as_uri()):
            raise RenderError(f"no browser could be opened to show {self.title!r}; the picture is in {path}")

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
            return {"image/svg+xml": confined(self.svg), "text/plain": repr(self)}
        except RenderError as error:
            return {"text/plain": f"{self!r}\n{error}"}


def draw(  # noqa: PLR0913  (each is wanted alone, by its name)
    root: Node | Sequence[Node],
    detail: str = "auto",
    *,
    focus: Node | str | None = None,
    radius: int = 2,
    opened: Collection[str] = (),
    expand: bool = False,
    marks: Marks | None = None,
    names: bool = True,
    title: str = "",
    direction: str = "right",
    prefix: str = "",
    limit: int = 500,
    seconds: float = 30.0,
) -> Drawing:
    """A picture of the graph below a node, or several: what each number is called, its data and its gradient.

    `detail` is "values" (every node a box), "neurons", "layers", or "auto", which takes the first of these
    that is readable; `opened` names modules, such as "layers[0]", to look into. With `focus`, a node or
    its label, only what lies within `radius` arrows of it is drawn. `expand` writes every dot and total
    out as multiplications and additions. `direction` is "right" or "down", `title` names the picture,
    `prefix` keeps the ids of two pictures in one page apart. With `marks`, for example `health(root)`, boxes
    say and are colored by what these say of each node instead of its gradient. A Value without a label is
    called as the caller's variable is that holds it, unless `names=False`.

    Raises RenderError for more than `limit` boxes; layout, which comes later, may take `seconds`.

    >>> from engine import Value
    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    >>> draw(a * b)
    <drawing of 'v2': 3 boxes, 2 edges, detail 'values'>
    """
    if expand and marks is not None:
        raise ValueError("marks are of the graph as it is, and expand draws another; leave one of them out")
    if marks is not None:
        checked_marks(marks)
    held = variables(sys._getframe(1)) if names else {}
    roots: list[Any] = list(root) if isinstance(root, list | tuple) else [root]
    if len(roots) != 1:
        refuse_roots(roots, expand=expand)
    scan = Scan(roots[0] if len(roots) == 1 else joined(roots), variables=held)
    if expand:
        copies = expanded(roots[0])
        focus = copies.get(focus, focus) if isinstance(focus, Node) else focus
        held = {copies[node]: name for node, name in held.items() if node in copies}
        scan = Scan(copies[roots[0]], variables=held)
        roots = [scan.root]
    folded = fold(scan, detail, opened=opened) if focus is None else focused(scan, detail, focus, radius)
    if len(roots) > 1:
        folded = without(folded, scan.root)
    shown = printable(title) or ", ".join(scan.names[root] for root in roots)
    refuse_crowd(folded, shown, limit)
    legend = MARKED if marks is not None else LEGEND if folded.detail != "values" else ""
    return picture(
        folded, shown, prefix=prefix, direction=direction, legend=legend, seconds=seconds, marks=marks
    )


def refuse_roots(roots: Sequence[Any], *, expand: bool) -> None:
    """Raise ValueError or TypeError where several roots cannot be drawn together."""
    wrong = next((root for root in roots if not isinstance(root, Node)), None)
    if wrong is not None:
        raise TypeError(f"draw takes a Value, or a list of Values; one of these is {wrong!r:.60}")
    if not roots:
        raise ValueError("there is no Value to draw; draw(root), or draw([y1, y2])")
    if expand:
        raise ValueError("expand=True draws one root; draw each of them by itself")


def joined(roots: Sequence[Node]) -> Node:
    """A node above several roots, so that they can be looked at together; it is not drawn."""
    node = Value(0.0)
    node._operation, node._second, node._second_partial = ops.total, tuple(roots), (1.0,) * len(roots)
    return node


def without(folded: Folded, node: Node) -> Folded:
    """The picture without the box of one node."""
    boxes = tuple(box for box in folded.boxes if box.members != (node,))
    kept = {box.id for box in boxes}
    wires = tuple(wire for wire in folded.wires if wire.target in kept)
    return replace(folded, boxes=boxes, wires=wires)


def picture(
    folded: Folded,
    title: str,
    *,
    prefix: str = "",
    direction: str = "right",
    legend: str = "",
    widths: Mapping[str, int] | None = None,
    seconds: float = 30.0,
    marks: Marks | None = None,
) -> Drawing:
    """The drawing of boxes and wires; `widths` has the characters that a box should have room for."""
    said = faces(folded, marks)
    tooltips = {prefix + box.id: said[box.id].tooltip for box in folded.boxes}
    tooltips |= {prefix + wire.id: wire_tooltip(wire, folded) for wire in folded.wires}
    graph = digraph(folded, said, title=title, prefix=prefix, direction=direction, widths=widths)
    if legend:
        graph.attr("graph", label=legend, labelloc="b", labeljust="l", fontsize="9")
        graph.attr("graph", fontname="Courier", fontcolor=LIGHT.quiet)
    return Drawing(folded, graph, tooltips, title, seconds)


def focused(scan: Scan, detail: str, focus: Node | str, radius: int) -> Folded:
    """What is near a node; "auto" is values unless those are too many."""
    if not hasattr(radius, "__index__") or radius < 0:
        raise ValueError(f"radius counts arrows from the focus, 0 or more; got {radius!r}")
    if detail != "auto":
        return near(fold(scan, detail), focus, radius)
    values = near(fold(scan, "values"), focus, radius)
    return values if len(values.boxes) <= READABLE["values"] else near(fold(scan, "neurons"), focus, radius)


def refuse_crowd(folded: Folded, title: str, limit: int) -> None:
    """Raise RenderError instead of drawing what nobody could read."""
    if len(folded.boxes) > limit:
        coarser = {"values": 'detail="neurons", ', "neurons": 'detail="layers", '}.get(folded.detail, "")
        raise RenderError(
            f"drawing {title!r} would take {len(folded.boxes)} boxes, which nobody can read, and the "
            f"limit is {limit}; draw less with {coarser}focus=node, or raise limit="
        )


def with_tooltips(svg: str, tooltips: dict[str, str], description: str) -> str:
    """The layout program's SVG as one element to put into a page: tooltips, style, words for a reader."""
    start = svg.index("<svg")
    end = svg.index(">", start)
    opening = svg[start:end] + f' class="autograd" role="img" aria-label="{html.escape(description)}">'

    def titled(head: re.Match[str]) -> str:
        return (
            head[1] + html.escape(printable(tooltips.get(html.unescape(head[2]), "")), quote=False) + head[3]
        )

    return opening + _HEAD.sub(titled, svg[end + 1 :]).rstrip() + "\n"


def _size_of(svg: str) -> tuple[float, float]:
    """The width and height of a picture in points."""
    found = _SIZE.search(svg)
    return (float(found[1]), float(found[2])) if found else (0.0, 0.0)


def confined(svg: str) -> str:
    """The picture made small enough for the column of a notebook, which would cut it off otherwise."""
    width, height = _size_of(svg)
    if width <= COLUMN:
        return svg
    return _SIZE.sub(f'width="{COLUMN}pt" height="{height * COLUMN / width:.2f}pt"', svg, count=1)
