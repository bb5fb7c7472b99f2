"""A (folded) graph as a `graphviz.Digraph`: DOT text that needs no layout program, stable ids, safe labels.

The text is the same in every process. Fills and borders are written into it in light colors, for PNG
and PDF; in an SVG the classes put a style sheet with a dark scheme in their place.
"""

from __future__ import annotations

import re

import graphviz

from engine.formula import number_text
from engine.picture.face import Face, Scale, contribution, tone_of
from engine.picture.fold import Box, Folded, Wire
from engine.picture.palette import LIGHT

__all__ = ["digraph", "escape"]

FONT = {"fontname": "Courier", "fontsize": "11"}  # monospaced, and measured by every layout program
LABELED = 40  # up to so many boxes, each edge says its local derivative

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_SHAPES = {
    "leaf": {"shape": "box", "style": "rounded,filled", "penwidth": "2"},
    "constant": {"shape": "box", "style": "rounded,dashed", "penwidth": "1", "height": "0.3"},
    "operation": {"shape": "box", "style": "filled", "penwidth": "1"},
}


def escape(line: str) -> str:
    r"""A line of text as DOT shows it literally: no escapes, no entities, nothing that breaks an SVG.

    >>> print(escape("50% & more"))
    50% &amp; more
    """
    clean = _UNPRINTABLE.sub("\ufffd", line).replace("\\", "\\\\").replace("&", "&amp;")
    return clean or "\u00a0"  # an empty line would give no line at all


def digraph(
    folded: Folded,
    faces: dict[str, Face],
    *,
    title: str = "graph",
    prefix: str = "",
    direction: str = "right",
    legend: str = "",
) -> graphviz.Digraph:
    """The boxes and wires as a Digraph; an id is `prefix` and the box's or wire's own id."""
    graph = graphviz.Digraph(_name(title))
    graph.attr(
        "graph",
        rankdir="LR" if direction == "right" else "TB",
        bgcolor="transparent",
        ordering="in",
        nodesep="0.15",
        ranksep="0.45",
        **FONT,
    )
    if legend:
        graph.attr("graph", label=graphviz.nohtml(escape(legend)), labelloc="b", fontcolor=LIGHT.quiet)
    graph.attr("node", margin="0.12,0.06", height="0.4", fontcolor=LIGHT.text, **FONT)
    graph.attr("edge", arrowsize="0.6", fontcolor=LIGHT.quiet, color=LIGHT.quiet, **FONT | {"fontsize": "9"})
    for box in folded.boxes:
        _add_box(graph, box, faces[box.id], prefix)
    scale = Scale.of(contribution(*end) for wire in folded.wires for end in wire.ends)
    for wire in folded.wires:
        _add_wire(graph, wire, scale, prefix, labeled=len(folded.boxes) <= LABELED)
    return graph


def _name(title: str) -> str:
    """The graph's own name: never empty, for old layout programs would write `%3`."""
    return _UNPRINTABLE.sub("", title).replace("\\", "").replace("&", "") or "graph"


def _add_box(graph: graphviz.Digraph, box: Box, face: Face, prefix: str) -> None:
    strength = f" s{face.level}" if face.tone in ("positive", "negative", "mixed") else ""
    fill = "transparent" if box.kind == "constant" else LIGHT.fills[face.tone][face.level]
    graph.node(
        prefix + box.id,
        graphviz.nohtml("\\n".join(escape(line) for line in face.lines)),
        id=prefix + box.id,
        **{"class": f"{box.kind} {face.tone}{strength}"},
        fillcolor=fill,
        color=LIGHT.lines[face.tone],
        **_SHAPES[box.kind],
    )


def _add_wire(graph: graphviz.Digraph, wire: Wire, scale: Scale, prefix: str, *, labeled: bool) -> None:
    consumer, slot = wire.ends[0]
    partial, amount = consumer.partials[slot], contribution(consumer, slot)
    tone = tone_of(amount)
    width = 1.0 + (0.0 if amount is None else 2.0 * scale.strength(amount))
    style: dict[str, str] = {}
    if labeled and partial is not None:
        style["label"] = escape(f"×{number_text(partial)}")
    if partial is None:
        style["style"] = "dashed"
    graph.edge(
        prefix + wire.source,
        prefix + wire.target,
        id=prefix + wire.id,
        **{"class": tone},
        color=LIGHT.lines[tone],
        penwidth=f"{width:.2f}",
        **style,
    )
