"""Page: one HTML file that steps through backprop on the picture; no server, no network, nothing to install.

The picture is laid out once, with the last gradients in it, so that it is right without scripts too; a
small script (page.js) then shows how things stand after any step. The steps come as data, from
`engine.stepping`, which this room does not know.
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from string import Template
from typing import Any

from engine.graph import Node
from engine.picture.dot import printable
from engine.picture.drawing import Drawing, picture, refuse_crowd
from engine.picture.grouping import Scan
from engine.picture.html_file import HtmlFile, colors, small, without_looks
from engine.picture.views import StepRecord, View, views

__all__ = ["Page", "page"]

INSIDE_KEYS = "<kbd>o</kbd> look inside · <kbd>Esc</kbd> come back ·"
MOST_HEIGHT = 900  # pixels of a frame in a notebook


class Page(HtmlFile):
    """A page that steps through backprop; the first use of `html` or `save` lays out its pictures.

    In a notebook it shows itself, in a frame of its own. RenderError where no layout program is found.
    """

    def __init__(self, views: Sequence[View], title: str, seconds: float) -> None:
        self.views = tuple(views)
        self.title = title
        self._seconds = seconds

    @cached_property
    def drawings(self) -> tuple[Drawing, ...]:
        """The picture of each view; the ids of all but the first have a prefix."""
        return tuple(
            picture(
                view.folded, self.title, prefix=_prefix(place), widths=_widths(view), seconds=self._seconds
            )
            for place, view in enumerate(self.views)
        )

    @cached_property
    def html(self) -> str:
        """The whole page as one text: it asks nothing of the network."""
        sections = zip(range(len(self.views)), self.views, self.drawings, strict=True)
        return Template(small("page.html")).substitute(
            title=html.escape(self.title),
            style=colors() + small("page.css"),
            about=html.escape(self.about),
            path="".join(_path_button(view, self.title) for view in self.views if len(self.views) > 1),
            keys=INSIDE_KEYS if len(self.views) > 1 else "",
            sections="".join(_section(place, view, drawing) for place, view, drawing in sections),
            data=json.dumps(
                [_data(place, view) for place, view in enumerate(self.views)],
                separators=(",", ":"),
                allow_nan=False,
            ).replace("</", "<\\/"),
            script=small("page.js"),
        )

    @property
    def about(self) -> str:
        """One sentence on what the page shows."""
        top = self.views[0]
        count = (
            f"{top.folded.nodes} nodes"
            if len(top.folded.boxes) == top.folded.nodes
            else (f"{top.folded.nodes} nodes in {len(top.folded.boxes)} boxes")
        )
        return (
            f"Backpropagation through {self.title}: {count}, {len(top.moments) - 1} steps back from the seed."
        )

    @property
    def height(self) -> int:
        """The pixels that a frame in a notebook takes."""
        return min(MOST_HEIGHT, round(self.drawings[0].height) + 440)

    def __repr__(self) -> str:
        steps = len(self.views[0].moments)
        return f"<page that steps through {self.title!r}: {steps} steps, views: {len(self.views)}>"


def page(
    root: Node,
    steps: Sequence[StepRecord],
    detail: str = "auto",
    *,
    variables: Mapping[Node, str] | None = None,
    title: str = "",
    limit: int = 500,
    seconds: float = 30.0,
) -> Page:
    """A page that steps through these steps of backprop from `root`.

    A graph of up to 150 nodes is shown whole. A network is shown by its layers, each of which opens to its
    neurons, and each of those to its weights; `detail` ("values", "neurons", "layers") chooses otherwise.
    `variables` are the names of nodes without a label.

    Raises ValueError for the steps of another root, RenderError for more than `limit` boxes in one
    picture, and when it is laid out, for which each picture may take `seconds`.

    >>> from engine import Value
    >>> from engine.stepping.steps import steps
    >>> x = Value(3.0, label="x")
    >>> y = x * x
    >>> page(y, steps(y))
    <page that steps through 'v1': 2 steps, views: 1>
    """
    records = list(steps)
    if not records or records[0].node is not root:
        raise ValueError("the steps are those of another root; page(root, steps(root))")
    gradients: dict[Node, float | None] = {root: 1.0}
    for record in records:
        gradients |= {part.operand: part.after for part in record.contributions if part.amount is not None}
    scan = Scan(root, gradients, variables)
    shown = printable(title) or scan.names[root]
    made = views(scan, records, detail)
    for view in made:
        refuse_crowd(view.folded, shown, limit)
    return Page(made, shown, seconds)


def _prefix(place: int) -> str:
    return f"v{place}_" if place else ""


def _widths(view: View) -> dict[str, int]:
    """{box: the characters that its longest `grad old → new` takes}, so that it fits when it comes."""
    widths: dict[str, int] = {}
    sofar: dict[str, str] = {}
    for moment in view.moments:
        for change in moment.changes:
            if change.box in sofar:
                line = f"grad {sofar[change.box]} → {change.text}"
                widths[change.box] = max(widths.get(change.box, 0), len(line))
            sofar[change.box] = change.text
    return widths


def _data(place: int, view: View) -> dict[str, Any]:
    """A view as the script reads it."""
    return {
        "name": view.name,
        "up": view.up,
        "prefix": _prefix(place),
        "opens": view.opens,
        "steps": [
            [
                moment.number,
                moment.box,
                moment.wires,
                [[change.box, change.text, change.tone] for change in moment.changes],
            ]
            for moment in view.moments
        ],
    }


def _section(place: int, view: View, drawing: Drawing) -> str:
    items = "".join(f"<li><pre>{html.escape(moment.text, quote=False)}</pre></li>" for moment in view.moments)
    hidden = " hidden" if place else ""
    return (
        f'<section id="view{place}"{hidden}><div class="picture">{without_looks(drawing.bare_svg)}</div>'
        f"<details open><summary>All steps</summary><ol>{items}</ol></details></section>"
    )


def _path_button(view: View, title: str) -> str:
    shown = html.escape(view.name.rsplit(".", 1)[-1] or title)
    return f'<button value="{html.escape(view.name)}">{shown}</button>'
