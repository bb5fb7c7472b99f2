"""DOT text: what is in it, that it is the same everywhere, and that no label can break it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import graphviz
import pytest
from pictured import HOSTILE, expression, network_loss

from engine import Value, draw, relu
from engine.picture.dot import FAR, escape, far_wires
from engine.picture.fold import Folded
from engine.picture.palette import DARK, LIGHT, Palette

GOLDEN = Path(__file__).parent / "golden"
ROOT = Path(__file__).parents[3]


def statements(source: str, pattern: str) -> list[str]:
    return [line for line in source.splitlines() if re.match(rf"\t{pattern}", line)]


def node_line(source: str, name: str) -> str:
    return next(line for line in statements(source, r"\w+ \[") if f'"{name}\\n' in line)


@pytest.mark.parametrize("when", ["before", "after"])
def test_the_whole_text(when: str) -> None:
    """The golden files show a reader what DOT text looks like; GOLDEN=write accepts a new one."""
    loss = expression()
    if when == "after":
        loss.backward()
    path = GOLDEN / f"expression_{when}_backward.dot"
    if os.environ.get("GOLDEN") == "write":
        path.write_text(draw(loss).source, encoding="utf-8")
    assert draw(loss).source == path.read_text(encoding="utf-8")


def test_a_square_has_one_edge_for_its_two_uses() -> None:
    x = Value(3.0, label="x")
    (edge,) = statements(draw(x * x).source, "n0 -> n1 ")
    assert 'id="n1.0"' in edge
    assert 'label="×2 uses"' in edge


def chain(steps: int) -> Value:
    """Weights that all steps share, so that edges reach over the whole picture."""
    weights = [Value(0.1 * k, label=f"w{k}") for k in range(6)]
    total = Value(0.5, label="start")
    for step in range(steps):
        total = (weights[step % 6] * total + weights[(step + 1) % 6]).tanh()
    return total


def test_a_shared_operand_is_drawn_again_where_edges_would_cross_the_whole_picture() -> None:
    source = draw(chain(120), "values").source
    again = statements(source, '"n')
    assert any(".again" in line and "label=w3" in line for line in again)
    assert "again" not in draw(chain(12), "values").source


def test_no_edge_is_lost_where_operands_are_drawn_again() -> None:
    root = chain(60)
    drawing = draw(root, "values")
    edges = re.findall(r"^\t\S+ -> (\S+) ", drawing.source, re.MULTILINE)
    assert len(edges) == len(drawing.folded.wires)
    assert max(spans(drawing.folded).values()) > FAR
    assert far_wires(drawing.folded) == {wire for wire, span in spans(drawing.folded).items() if span > FAR}


def spans(folded: Folded) -> dict[str, int]:
    """Over how many ranks each wire reaches, by the longest way to each of its ends."""
    rank: dict[str, int] = {}
    for box in folded.boxes:
        sources = [wire.source for wire in folded.wires if wire.target == box.id]
        rank[box.id] = max((rank[source] + 1 for source in sources), default=0)
    return {wire.id: rank[wire.target] - rank[wire.source] for wire in folded.wires}


def test_operands_come_in_order() -> None:
    a, b = Value(2.0, label="a"), Value(3.0, label="b")
    source = draw(b / (a * 1.0)).source
    assert "ordering=in" in source
    into = [edge.split(" -> ")[0].strip() for edge in statements(source, r"n\d+ -> n4 ")]
    names = {line.split()[0]: line for line in statements(source, r"n\d+ \[")}
    assert "b" in names[into[0]]
    assert "= a × 1" in names[into[1]]


def test_a_gradient_that_was_not_computed_is_a_dash_and_none_is_zero() -> None:
    x = Value(-1.0, label="x")
    y = relu(x) + 1.0
    assert "grad –" in node_line(draw(y).source, "x")
    y.backward()
    line = node_line(draw(y).source, "x")
    assert 'grad 0"' in line
    assert 'class="leaf zero"' in line


def test_the_sign_is_written_and_colored() -> None:
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    (a * b).backward()
    source = draw(a * b).source
    assert "grad −3" in node_line(source, "a")
    assert "negative" in node_line(source, "a")
    assert "positive" in node_line(source, "b")


def test_what_is_not_finite_stands_out() -> None:
    x = Value(0.0, label="x")
    y = x.sqrt()
    y.backward()
    line = node_line(draw(y).source, "x")
    assert "grad inf" in line
    assert 'class="leaf broken"' in line
    assert LIGHT.lines["broken"] in line


def test_local_derivatives_are_on_the_edges_of_small_graphs() -> None:
    assert 'label="×0.6"' in draw(expression()).source
    y = Value(1.0, label="x")
    for _ in range(60):
        y = y.sin()
    assert 'label="×' not in draw(y, "values").source


def test_an_edge_without_a_path_is_dashed() -> None:
    source = draw(Value(2.0, label="x") ** 2).source
    assert "style=dashed" in statements(source, "n1 -> n2")[0]
    assert "style=dashed" not in statements(source, "n0 -> n2")[0]


@pytest.mark.parametrize("label", HOSTILE)
def test_any_label_is_safe(label: str) -> None:
    source = draw(Value(1.0, label=label) * 2.0).source
    assert len(statements(source, r"n\d+ \[")) == 3
    assert len(statements(source, r"n\d+ -> ")) == 2
    assert not re.search(r"[\x00-\x08\x0b-\x1f]", source)
    source.encode()


def test_escape() -> None:
    assert escape("a\\N & \x00") == "a\\\\N &amp; \ufffd"
    assert escape("") == "\u00a0"


def test_the_digraph_can_be_styled_further() -> None:
    graph = draw(expression()).graph
    assert isinstance(graph, graphviz.Digraph)
    graph.attr("graph", bgcolor="pink")
    assert "pink" in graph.source


def test_prefix_title_and_direction() -> None:
    source = draw(expression(), prefix="p-", title="my loss", direction="down").source
    assert source.startswith('digraph "my loss"')
    assert '"p-n0" -> "p-n2"' in source
    assert "rankdir=TB" in source


def test_an_unknown_direction() -> None:
    with pytest.raises(ValueError, match="'right' or 'down'; got 'left'"):
        draw(expression(), direction="left")


def test_folded_networks_have_thin_straight_lines_and_no_labels_on_them() -> None:
    source = draw(network_loss(2)).source
    assert "splines=line" in source
    assert " edges" not in source


PROGRAM = """
from pictured import expression, network_loss
from engine import draw, page
loss = expression()
loss.backward()
print(draw(loss).source, draw(network_loss(3)).source, draw(network_loss(3), "layers").source)
print(page(loss).html, page(network_loss(2, (4, 1))).html)
"""


def test_the_same_bytes_in_two_processes() -> None:
    def run(seed: str) -> bytes:
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": f"{ROOT}:{Path(__file__).parent}"}
        command = [sys.executable, "-X", "utf8", "-c", PROGRAM]
        return subprocess.run(command, capture_output=True, check=True, env=environment).stdout

    first = run("1")
    assert first == run("2")
    assert len(first) > 10_000


def luminance(color: str) -> float:
    channels = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_text_can_be_read_on_every_color(palette: Palette) -> None:
    for tone, fills in palette.fills.items():
        for fill in fills:
            assert contrast(palette.text, fill) >= 4.5, (tone, fill)
    for tone, line in palette.lines.items():
        assert contrast(line, palette.paper) >= 4.5, (tone, line)
    assert contrast(palette.quiet, palette.paper) >= 4.5
    assert contrast(palette.quiet, palette.fills["none"][0]) >= 4.5
