"""What the user holds: finding a layout program, its failures, the SVG, files, notebooks."""

from __future__ import annotations

import re
import shutil
import sys
import sysconfig
import webbrowser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from pictured import HOSTILE, expression, network_loss

from engine import RenderError, Value, draw
from engine.picture import layout

needs_layout = pytest.mark.skipif(
    not any(map(shutil.which, ("dot", "graphviz-pure")))
    and not shutil.which("graphviz-pure", path=str(Path(sys.executable).parent)),
    reason="no layout program (dot or graphviz-pure) is installed",
)
SVG = "{http://www.w3.org/2000/svg}"


def script(path: Path, text: str) -> Path:
    """A fake layout program."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def parsed(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314  (our own)


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without any layout program; its empty PATH and scripts folder."""
    monkeypatch.delenv("GRAPHVIZ_DOT", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sysconfig, "get_path", lambda _: str(tmp_path / "scripts"))
    (tmp_path / "scripts").mkdir()
    return tmp_path


def test_without_a_layout_program_there_is_one_clear_error(nothing_installed: Path) -> None:
    drawing = draw(expression())
    assert drawing.source.startswith("digraph")
    with pytest.raises(RenderError) as caught:
        drawing.svg  # noqa: B018
    message = str(caught.value)
    for words in (
        "drawing 'loss' as svg",
        "$GRAPHVIZ_DOT (unset)",
        "dot on PATH (no)",
        "pip install graphviz-pure",
    ):
        assert words in message
    assert caught.value.looked_at[0] == "$GRAPHVIZ_DOT (unset)"
    assert len(caught.value.looked_at) == 4
    assert caught.value.__cause__ is None
    drawing.save(nothing_installed / "x.dot")
    assert (nothing_installed / "x.dot").read_text(encoding="utf-8") == drawing.source


@pytest.mark.parametrize(
    ("program", "folder"), [("dot", "."), ("graphviz-pure", "."), ("graphviz-pure", "scripts")]
)
def test_each_place_is_looked_at(nothing_installed: Path, program: str, folder: str) -> None:
    path = script(nothing_installed / folder / program, "echo '<svg></svg>'")
    assert layout.find_engine().path == str(path)


def test_dot_comes_before_graphviz_pure(nothing_installed: Path) -> None:
    script(nothing_installed / "graphviz-pure", "")
    dot = script(nothing_installed / "dot", "")
    assert layout.find_engine().path == str(dot)


def test_the_variable_comes_first(nothing_installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(nothing_installed / "dot", "")
    mine = script(nothing_installed / "mine", "echo 'mine version 7' >&2")
    monkeypatch.setenv("GRAPHVIZ_DOT", str(mine))
    assert layout.find_engine().path == str(mine)
    assert draw(expression()).engine == f"{mine} (mine version 7)"


def test_a_variable_that_points_nowhere_is_an_error(
    nothing_installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(nothing_installed / "dot", "")
    monkeypatch.setenv("GRAPHVIZ_DOT", "/nowhere/dot")
    with pytest.raises(RenderError, match="GRAPHVIZ_DOT is set to '/nowhere/dot', which is no program"):
        draw(expression()).svg  # noqa: B018


def test_a_program_that_takes_too_long(nothing_installed: Path) -> None:
    script(nothing_installed / "dot", "exec /bin/sleep 20")
    with pytest.raises(
        RenderError, match=r"longer than 0\.2 s for 10 boxes and 10 edges; draw less with detail"
    ):
        draw(expression(), seconds=0.2).svg  # noqa: B018


def test_a_program_that_fails(nothing_installed: Path) -> None:
    script(nothing_installed / "dot", "echo 'syntax error in line 1' >&2; exit 3")
    with pytest.raises(RenderError, match="failed with exit status 3: syntax error in line 1") as caught:
        draw(expression()).svg  # noqa: B018
    assert caught.value.__context__ is None


def test_a_program_that_cannot_be_started(nothing_installed: Path) -> None:
    program = nothing_installed / "dot"
    program.write_bytes(b"\x7fELF no program")
    program.chmod(0o755)
    with pytest.raises(RenderError, match="could not be started"):
        draw(expression()).svg  # noqa: B018


def test_a_format_that_the_program_does_not_know(nothing_installed: Path) -> None:
    script(
        nothing_installed / "dot", "echo 'Format: \"pdf\" not recognized. Use one of: svg png' >&2; exit 1"
    )
    with pytest.raises(
        RenderError, match=r"cannot write pdf.*Use one of: svg png.*install the full Graphviz"
    ):
        draw(expression()).save(nothing_installed / "x.pdf")
    assert not (nothing_installed / "x.pdf").exists()


def test_a_path_without_a_suffix(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match=r"does not say which format; add \.svg"):
        draw(expression()).save(tmp_path / "picture")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        draw(expression()).save(tmp_path / "no" / "x.dot")


@needs_layout
def test_svg_has_each_id_once_and_says_everything() -> None:
    loss = expression()
    loss.backward()
    root = parsed(draw(loss).svg)
    groups = [group for group in root.iter(f"{SVG}g") if group.get("class", "").startswith(("node", "edge"))]
    ids = [group.get("id", "") for group in groups]
    edges = ["n2.0", "n2.1", "n4.0", "n4.1", "n5.0", "n6.0", "n7.0", "n7.1", "n9.0", "n9.1"]
    assert sorted(ids) == sorted([f"n{place}" for place in range(10)] + edges)
    (hidden,) = [group for group in groups if group.get("id") == "n5"]
    assert [text.text for text in hidden.iter(f"{SVG}text")] == ["h = tanh(v4)", "data 0.1781", "grad 0.3562"]
    node = loss.parents[0].parents[0].parents[0]
    title = hidden.findtext(f"{SVG}title")
    assert title == f"h = tanh(v4): data {node._data!r}, gradient {node.grad!r}"
    assert root.get("role") == "img"
    assert root.get("aria-label") == "Computation graph of loss: 10 boxes and 10 arrows"
    assert "prefers-color-scheme:dark" in (root.findtext(f"{SVG}style") or "")


@needs_layout
@pytest.mark.parametrize("label", HOSTILE)
def test_any_label_gives_a_well_formed_svg_that_shows_it(label: str) -> None:
    root = parsed(draw(Value(1.0, label=label) * 2.0).svg)
    (group,) = [group for group in root.iter(f"{SVG}g") if group.get("id") == "n0"]
    first = next(group.iter(f"{SVG}text")).text or ""
    if label.isprintable() and label.strip() and len(label) < 30:
        assert first.replace("\u00a0", " ") == label
        assert (group.findtext(f"{SVG}title") or "").startswith(label)


@needs_layout
def test_two_pictures_in_one_page_have_different_ids() -> None:
    svg = draw(expression(), prefix="first-").svg
    ids = {group.get("id"): group for group in parsed(svg).iter(f"{SVG}g")}
    assert "n0" not in ids
    assert (ids["first-n0"].findtext(f"{SVG}title") or "").startswith("a: data 0.6")


@needs_layout
def test_saving(tmp_path: Path) -> None:
    drawing = draw(expression())
    assert drawing.save(str(tmp_path / "x.svg")) == tmp_path / "x.svg"
    assert (tmp_path / "x.svg").read_text(encoding="utf-8") == drawing.svg
    drawing.save(tmp_path / "x.PNG")
    assert (tmp_path / "x.PNG").read_bytes().startswith(b"\x89PNG")


@needs_layout
def test_a_network_of_100_samples_is_one_small_picture() -> None:
    drawing = draw(network_loss(100))
    root = parsed(drawing.svg)
    width, height = (float((root.get(side) or "").removesuffix("pt")) for side in ("width", "height"))
    assert width < 2500
    assert height < 1500
    assert len(drawing.folded.boxes) == 40


@needs_layout
def test_a_chain_of_10_000_nodes_is_drawn() -> None:
    y = Value(0.5, label="x")
    for _ in range(10_000):
        y = y.sin()
    assert "9999 operations in a row" in draw(y).svg


def test_too_many_boxes_are_refused_with_advice() -> None:
    loss = network_loss(10)
    with pytest.raises(RenderError, match=r"would take 1.* boxes.*limit is 500.*neurons.*focus=node.*limit="):
        draw(loss, "values")
    assert draw(loss, "values", limit=5000).source


def test_focus() -> None:
    loss = network_loss(10)
    assert len(draw(loss, focus="loss", radius=1).folded.boxes) == 3
    assert draw(loss, focus=loss).folded.detail == "values"
    named = draw(loss, "neurons", focus="l1.n3", radius=1)
    assert len(named.folded.boxes) == 1 + 16 + 1
    assert len(draw(loss, "neurons", focus=loss, radius=10**15).folded.boxes) == len(
        draw(loss, "neurons").folded.boxes
    )
    for radius in (-1, 1.5, "a", None):
        with pytest.raises(ValueError, match=f"0 or more; got {radius!r}"):
            draw(loss, focus=loss, radius=radius)  # type: ignore[arg-type]


def test_expand() -> None:
    loss = network_loss(1, (2, 1))
    source = draw(loss, expand=True).source
    assert "l0.n0.w[0] × " in source
    assert "dot" not in source
    focused = draw(loss, expand=True, focus=loss, radius=1)
    assert focused.folded.scan.root is not loss
    assert "loss" in focused.source


@needs_layout
def test_a_notebook_shows_the_picture() -> None:
    bundle = draw(expression())._repr_mimebundle_()
    width = float((parsed(bundle["image/svg+xml"]).get("width") or "").removesuffix("pt"))
    assert width == 720 < float((parsed(draw(expression()).svg).get("width") or "").removesuffix("pt"))
    small = draw(Value(1.0))
    assert small._repr_mimebundle_()["image/svg+xml"] == small.svg
    assert bundle["text/plain"] == "<drawing of 'loss': 10 boxes, 10 edges, detail 'values'>"


def test_a_notebook_shows_why_there_is_no_picture(nothing_installed: Path) -> None:
    bundle = draw(expression())._repr_mimebundle_()
    assert set(bundle) == {"text/plain"}
    assert "pip install graphviz-pure" in bundle["text/plain"]


@needs_layout
def test_show_opens_the_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def browse(address: str) -> bool:
        opened.append(address)
        return True

    monkeypatch.setattr(webbrowser, "open", browse)
    draw(expression()).show()
    assert re.fullmatch(r"file://.*drawing\.svg", opened[0])


@needs_layout
def test_show_without_a_browser_says_where_the_picture_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webbrowser, "open", lambda _: False)
    with pytest.raises(RenderError, match=r"no browser could be opened.*drawing\.svg"):
        draw(expression()).show()


def test_what_is_no_value() -> None:
    with pytest.raises(TypeError, match=r"starts from a Value, got float \(3\.0\)"):
        draw(3.0)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"takes a Value, or a list of Values; one of these is 3\.0"):
        draw([expression(), 3.0])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="expand=True draws one root"):
        draw([expression(), expression()], expand=True)


def test_drawing_changes_nothing() -> None:
    loss = expression()
    draw(loss).source  # noqa: B018
    assert loss.grad is None


@needs_layout
def test_the_largest_pictures_are_laid_out_in_time() -> None:
    """Far within `seconds`, which ends a layout that takes longer: minutes, were no operand drawn again."""
    weights = [Value(0.1 * k, label=f"w{k}") for k in range(6)]
    total = Value(0.5, label="start")
    for step in range(160):
        total = (weights[step % 6] * total + weights[(step + 1) % 6]).tanh()
    drawing = draw(total, "values", seconds=60.0)
    assert 480 < len(drawing.folded.boxes) <= 500
    assert "<svg" in drawing.svg


def test_several_roots_are_one_drawing() -> None:
    x = Value(2.0, label="x")
    y1, y2 = x * x, x + 1.0
    y1.label, y2.label = "y1", "y2"
    drawing = draw([y1, y2])
    assert [box.name for box in drawing.folded.boxes] == ["x", "y1", "1", "y2"]
    assert drawing.title == "y1, y2"
    assert len(drawing.folded.wires) == 3
    y1.backward()
    assert "grad 4" in draw([y1, y2]).source
    assert draw([y1]).source == draw(y1).source


def test_no_root_and_what_is_no_root_are_refused() -> None:
    with pytest.raises(ValueError, match="no Value to draw"):
        draw([])
    with pytest.raises(TypeError, match="a picture starts from a Value, got float"):
        draw([1.0])  # type: ignore[list-item]
