"""A (folded) graph as a `graphviz.Digraph`: DOT text that needs no layout program, stable ids, safe labels.

The text is the same in every process. Fills and borders are written into it in light colors, for PNG
and PDF; in an SVG the classes put a style sheet with a dark scheme in their place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import graphviz

from engine.formula import number_text
from engine.picture.face import Face, Scale, flow, rms, tone_of
from engine.picture.fold import Box, Folded, Wire
from engine.picture.palette import LIGHT

__all__ = ["digraph", "escape", "printable"]

FONT = {"fontname": "Courier", "fontsize": "11"}  # monospaced, and measured by every layout program
CHARACTER = 0.0917  # inches: a letter of a monospaced font of 11 points
FAR = 8  # ranks that an edge may reach over where many are long
MOST_CROSSED = 1_200  # ranks that all edges may cross together
LABELED = 40  # up to so many boxes and wires, each wire says its local derivative

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_PORTS = {
    "right": {"tailport": "e", "headport": "w"},
    "down": {"tailport": "s", "headport": "n"},
}
_SHAPES = {
    "leaf": {"shape": "box", "style": "rounded,filled", "penwidth": "2"},
    "constant": {"shape": "box", "style": "rounded,dashed", "penwidth": "1", "height": "0.3"},
    "operation": {"shape": "box", "style": "filled", "penwidth": "1"},
    "many": {"shape": "box", "style": "filled", "penwidth": "1", "peripheries": "2"},
}


def printable(text: str) -> str:
    """The text with a sign for every character that would break a file: control characters, half pairs."""
    return _UNPRINTABLE.sub("\ufffd", text)


def escape(line: str) -> str:
    r"""A line of text as DOT shows it literally: no escapes, no entities, nothing that breaks an SVG.

    >>> print(escape("50% & more"))
    50% &amp; more
    """
    clean = printable(line).replace("\\", "\\\\").replace("&", "&amp;")
    return clean or "\u00a0"  # an empty line would give no line at all


def digraph(
    folded: Folded,
    said: dict[str, Face],
    *,
    title: str = "graph",
    prefix: str = "",
    direction: str = "right",
    widths: Mapping[str, int] | None = None,
) -> graphviz.Digraph:
    """The boxes and wires as a Digraph; an id is `prefix` and the box's or wire's own id."""
    if direction not in _PORTS:
        raise ValueError(f"direction is 'right' or 'down'; got {direction!r}")
    is_dense = max(len(folded.boxes), len(folded.wires)) > LABELED
    is_folded = folded.detail != "values"
    graph = graphviz.Digraph(_name(title))
    rankdir = {"right": "LR", "down": "TB"}[direction]
    gap = "1.2" if is_dense and is_folded else "0.45"
    graph.attr("graph", rankdir=rankdir, bgcolor="white", ordering="in", nodesep="0.15", ranksep=gap)
    graph.attr("node", margin="0.12,0.06", height="0.4", fontcolor=LIGHT.text, **FONT)
    graph.attr("edge", arrowsize="0.6", fontcolor=LIGHT.quiet, **FONT | {"fontsize": "9"})
    if is_dense and is_folded:
        graph.attr("graph", splines="line")
        graph.attr("edge", arrowhead="none", **_PORTS[direction])
    for box in folded.boxes:
        _add_box(graph, box, said[box.id], prefix, (widths or {}).get(box.id, 0))
    scale = Scale.of(rms(flow(wire, folded.scan)) for wire in folded.wires)
    far = far_wires(folded)
    for wire in folded.wires:
        start = _add_again(graph, wire, folded, prefix) if wire.id in far else prefix + wire.source
        _add_wire(graph, wire, start, flow(wire, folded.scan), scale, prefix, is_dense=is_dense)
    return graph


def far_wires(folded: Folded) -> set[str]:
    """The wires that reach over more than FAR ranks, where all of them are too long to be laid out in time.

    A layout program makes a point of every rank that an edge crosses: six weights that a chain of 80 steps
    shares make 19,000 of them, and minutes. Their operands are drawn again, beside those who use them.
    """
    rank: dict[str, int] = dict.fromkeys((box.id for box in folded.boxes), 0)
    into: dict[str, list[str]] = {box.id: [] for box in folded.boxes}
    for wire in folded.wires:
        into[wire.target].append(wire.source)
    for box in folded.boxes:  # operands first
        rank[box.id] = max((rank[source] + 1 for source in into[box.id]), default=0)
    spans = {wire.id: rank[wire.target] - rank[wire.source] for wire in folded.wires}
    if sum(spans.values()) <= MOST_CROSSED:
        return set()
    return {wire for wire, span in spans.items() if span > FAR}


def _name(title: str) -> str:
    """The graph's own name: never empty, for old layout programs would write `%3`."""
    return graphviz.nohtml(re.sub(r"[\\&]", "", printable(title)) or "graph")  # type: ignore[no-any-return]


def _add_box(graph: graphviz.Digraph, box: Box, face: Face, prefix: str, width: int) -> None:
    strength = f" s{face.level}" if face.tone in ("positive", "negative", "mixed") else ""
    fill = "transparent" if box.kind == "constant" else LIGHT.fills[face.tone][face.level]
    graph.node(
        prefix + box.id,
        graphviz.nohtml("\\n".join(escape(line) for line in face.lines)),
        id=prefix + box.id,
        **{"class": f"{box.kind} {face.tone}{strength}"},
        fillcolor=fill,
        color=LIGHT.lines[face.tone],
        **({"width": f"{0.3 + width * CHARACTER:.2f}"} if width else {}),
        **_SHAPES.get(box.kind, _SHAPES["many"]),
    )


def _add_again(graph: graphviz.Digraph, wire: Wire, folded: Folded, prefix: str) -> str:
    """Draw the name of a wire's operand once more, where it is used; returns its id."""
    again = f"{prefix}{wire.id}.again"
    consumer, slot = wire.ends[0]
    name = folded.scan.names[consumer.parents[slot]]
    if len(wire.ends) > 1:
        name = next(box.name for box in folded.boxes if box.id == wire.source)
    look = {"shape": "box", "style": "rounded,dashed", "penwidth": "1", "height": "0.3"}
    label = graphviz.nohtml(escape(name))
    graph.node(again, label, id=again, **{"class": "constant again"}, color=LIGHT.lines["none"], **look)
    return again


def _add_wire(
    graph: graphviz.Digraph,
    wire: Wire,
    start: str,
    amounts: list[float | None],
    scale: Scale,
    prefix: str,
    *,
    is_dense: bool,
) -> None:
    tone, size = tone_of(*amounts), rms(amounts)
    thinnest = 0.4 if is_dense else 1.0
    width = thinnest if size is None else thinnest + 2.0 * scale.strength(size)
    partials = [consumer.partials[slot] for consumer, slot in wire.ends]
    style: dict[str, str] = {}
    users = {consumer for consumer, _ in wire.ends}
    operands = {consumer.parents[slot] for consumer, slot in wire.ends}
    label = "" if is_dense else _wire_label(partials, several=len(users) > 1 or len(operands) > 1)
    if label:
        style["label"] = label
    if all(partial is None for partial in partials):
        style["style"] = "dashed"
    graph.edge(
        start,
        prefix + wire.target,
        id=prefix + wire.id,
        **{"class": tone},
        color=LIGHT.lines[tone],
        penwidth=f"{width:.2f}",
        **style,
    )


def _wire_label(partials: list[float | None], *, several: bool) -> str:
    """The local derivative of one edge; for parallel ones how many they are."""
    if len(partials) > 1:
        return f"{len(partials)} edges" if several else f"×{len(partials)} uses"
    return "" if partials[0] is None else f"×{number_text(partials[0])}"
