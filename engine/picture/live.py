"""Live: one HTML file in which every leaf that is no constant can be moved, and everything is computed anew.

The picture is laid out once. The script (live.js) is given the graph as data, and the numbers and local
derivatives as a function that `engine.source.edges` has written from the rows; `engine.pages` hands it in.
"""

from __future__ import annotations

import html
import itertools
import json
import math
import re
from collections.abc import Collection, Mapping
from functools import cached_property
from string import Template
from typing import Any, Protocol

from engine.errors import RenderError
from engine.formula import number_text
from engine.graph import Node, topological_order
from engine.picture.dot import printable
from engine.picture.drawing import Drawing, picture
from engine.picture.fold import fold
from engine.picture.grouping import Scan
from engine.picture.html_file import HtmlFile, colors, small, without_looks
from engine.wording import node_formula

__all__ = ["LIMIT", "Live", "live"]

LARGEST = 1e300  # of leaves: beyond, the range of a slider would have no end
LIMIT = 150  # nodes whose numbers can be followed by the eye, and computed between two frames
ROOM = 15  # characters that a box has room for, whatever its number becomes
_TITLES = re.compile(r"<title>[^<]*</title>\n?")
_LONG = re.compile(r"\d+\.\d{3,}")


class Script(Protocol):
    """What the page needs of `engine.source`: see `engine.source.edges.Edges`."""

    @property
    def script(self) -> str:
        """JavaScript that defines `run(v, p)` and `told`."""

    @property
    def words(self) -> tuple[str | None, ...]:
        """The local derivative of each edge in words; None where it is a choice."""


class Live(HtmlFile):
    """A page on which the leaves can be moved; the first use of `html` or `save` lays out its picture.

    In a notebook it shows itself, in a frame of its own. RenderError where no layout program is found.
    """

    def __init__(
        self, root: Node, scan: Scan, title: str, data: dict[str, Any], script: str, seconds: float
    ) -> None:
        self._root, self._scan, self._data, self._script = root, scan, data, script
        self._seconds, self.title = seconds, title

    @cached_property
    def drawing(self) -> Drawing:
        """The picture, each box with room for any number."""
        folded = fold(self._scan, "values")
        widths = {box.id: ROOM for box in folded.boxes if box.kind != "constant"}
        return picture(folded, self.title, widths=widths, seconds=self._seconds)

    @cached_property
    def html(self) -> str:
        """The whole page as one text: it asks nothing of the network."""
        svg = _LONG.sub(lambda found: f"{float(found[0]):.2f}", without_looks(self.drawing.bare_svg))
        data = json.dumps(self._data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return Template(small("live.html")).substitute(
            title=html.escape(self.title),
            value=number_text(self._root._data),
            style=colors() + small("live.css"),
            drawing=_TITLES.sub("", svg),  # their numbers would go stale; the script names the boxes
            data=data.replace("</", "<\\/"),
            graph=self._script.replace("</", "<\\/"),
            script=small("live.js"),
        )

    @property
    def about(self) -> str:
        """One sentence on what the page shows."""
        leaves = sum("range" in node for node in self._data["nodes"])
        return f"{self.title} and the {leaves} numbers that it depends on, which can be moved."

    @property
    def height(self) -> int:
        """The pixels that a frame in a notebook takes."""
        leaves = sum("range" in node for node in self._data["nodes"])
        return round(min(520.0, self.drawing.height)) + 420 + 250 * -(-leaves // 4)

    def __repr__(self) -> str:
        return f"<live page of {self.title!r}: {len(self._data['nodes'])} nodes>"


def live(
    root: Node,
    source: Script,
    *,
    learn: Collection[Node] | None = None,
    rate: float = 0.1,
    ranges: Mapping[Node, tuple[float, float]] | None = None,
    variables: Mapping[Node, str] | None = None,
    title: str = "",
    seconds: float = 30.0,
) -> Live:
    """The page of a graph, whose numbers `source` computes; see `engine.live`.

    Raises RenderError for a graph of more than LIMIT nodes or with a leaf that is not finite, and ValueError
    for a rate, a range or a learning leaf that is none.
    """
    scan = Scan(root, {root: 1.0}, variables)
    order = topological_order(root)
    shown = printable(title) or scan.names[root]
    _refuse(order, shown, rate)
    wanted = dict(ranges or {})
    learners = {node for node in order if node.operation is None} if learn is None else set(learn)
    for node in [*wanted, *learners]:
        if node not in order:
            raise ValueError(f"{node!r} is no leaf of {shown}, so it can neither have a range nor learn")
    place = {node: number for number, node in enumerate(order)}
    nodes, first = [], 0
    for node in order:
        if node.operation is None:
            nodes.append(_leaf(node, scan, wanted.get(node), learns=node in learners))
            continue
        operands = [place[parent] for parent in node.parents]
        needs = f"{node.operation.name} needs {node.operation.domain.words}"
        formula = node_formula(node, scan.names)
        nodes.append(
            {
                "name": scan.names[node],
                "formula": formula,
                "operands": operands,
                "first": first,
                "needs": needs,
            }
        )
        first += len(operands)
    data = {"nodes": nodes, "edges": source.words, "root": place[root], "rate": rate}
    return Live(root, scan, shown, data, source.script, seconds)


def _refuse(order: list[Node], shown: str, rate: float) -> None:
    if len(order) > LIMIT:
        raise RenderError(
            f"a live page of {shown!r} would have {len(order)} nodes, and the limit is {LIMIT}; "
            "page(root) folds a large graph, and live(…) of one sample's loss may be small enough"
        )
    wild = next((n for n in order if n.operation is None and not abs(n._data) <= LARGEST), None)
    if wild is not None:
        raise RenderError(
            f"a leaf that can be moved has a finite number, {LARGEST:g} at most; "
            f"{wild.label or 'one'} is {wild._data!r}"
        )
    if not (isinstance(rate, float | int) and 0 < rate < math.inf):
        raise ValueError(f"rate is a positive number; got {rate!r}")


def _leaf(node: Node, scan: Scan, wanted: tuple[float, float] | None, *, learns: bool) -> dict[str, Any]:
    """A leaf as the script reads it: between which numbers it can be dragged, and whether it learns."""
    found: dict[str, Any] = {"name": scan.names[node], "data": node._data}
    if node.is_constant:
        return found | {"constant": True}
    low, high = wanted or (-_reach(node._data), _reach(node._data))
    if not low < high:
        raise ValueError(f"a range is (low, high) with low < high; got {wanted!r} for {found['name']}")
    return found | {"range": [low, high], "learns": learns}


def _reach(number: float) -> int:
    """A round number that is at least twice as far from 0, and at least 1.

    >>> _reach(0.3), _reach(1.5), _reach(-40.0)
    (1, 3, 100)
    """
    reach = 1.0
    for step in itertools.cycle((2.0, 1.5, 5 / 3, 2.0)):  # 1, 2, 3, 5, 10, …
        if reach >= 2 * abs(number):
            break
        reach *= step
    return round(reach)
