"""The page without a browser: what is in the file, and that it fits together."""

from __future__ import annotations

import html
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from pictured import HOSTILE, expression, network_loss
from test_drawing import needs_layout, nothing_installed

from engine import RenderError, Value, page, steps
from engine.picture.page import page as page_of

__all__ = ["nothing_installed"]


class Reader(HTMLParser):
    """The ids of an HTML text, and whether every element that is opened is closed."""

    VOID = ("meta", "input", "br")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def data_of(text: str) -> Any:
    found = re.search(r'id="data">(.*?)</script>', text)
    assert found
    return json.loads(found[1])


@needs_layout
@pytest.mark.parametrize(
    "root", [expression(), network_loss(2, (3, 1)), Value(1.0)], ids=["small", "net", "leaf"]
)
def test_the_file_fits_together(root: Value) -> None:
    text = page(root).html
    reader = Reader(text)
    assert reader.open == []
    assert len(reader.ids) == len(set(reader.ids))
    for place, view in enumerate(data_of(text)):
        assert f"view{place}" in reader.ids
        named = [view["prefix"] + name for name in view["opens"]]
        for _, box, wires, changes in view["steps"]:
            named += [view["prefix"] + name for name in [box, *wires, *(change[0] for change in changes)]]
        assert set(named) <= set(reader.ids)


@needs_layout
def test_nothing_is_asked_of_the_network() -> None:
    text = page(network_loss(2)).html
    assert set(re.findall(r"https?://[^\s\"'<]*", text)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }


@needs_layout
def test_ten_nodes_take_less_than_25_kilobytes() -> None:
    made = page(expression())
    assert made.views[0].folded.nodes == 10
    assert len(made.html.encode()) < 25_000


@needs_layout
def test_all_steps_are_there_as_text_without_scripts() -> None:
    loss = expression()
    text = page(loss).html
    for step in steps(loss):
        assert html.escape(str(step), quote=False) in text
    assert "<noscript>" in text
    assert ">grad 0.3562</text>" in text


def test_a_step_says_what_it_changes() -> None:
    x = Value(3.0, label="x")
    (view,) = page(x * x).views
    seed, square = view.moments
    assert (seed.number, seed.box, seed.wires) == (0, "n1", ())
    assert (square.box, square.wires) == ("n1", ("n1.0",))
    assert [(change.box, change.text) for change in square.changes] == [("n0", "3"), ("n0", "6")]


def test_boxes_of_many_nodes_take_their_turn_when_all_have_their_gradient() -> None:
    loss = network_loss(5, (3, 1))
    top = page(loss, "layers").views[0]
    order = [next(b.name for b in top.folded.boxes if b.id == moment.box) for moment in top.moments]
    assert order[-2:] == ["l1", "l0"]
    assert [moment.text.split(":")[0] for moment in top.moments] == [f"step {i}" for i in range(len(order))]
    assert "gradient of its 9 parameters" in top.moments[-1].text


def test_a_network_opens_level_by_level() -> None:
    made = page(network_loss(20, (4, 1)))
    views = {view.name: view for view in made.views}
    layers = ["layers[0]", "layers[1]"]
    assert list(views) == [
        "",
        *layers,
        *(f"layers[0].neurons[{i}]" for i in range(4)),
        "layers[1].neurons[0]",
    ]
    assert sorted(views[""].opens.values()) == layers
    assert sorted(views["layers[0]"].opens.values()) == [
        *(f"layers[0].neurons[{i}]" for i in range(4)),
        "layers[1]",
    ]
    assert views["layers[0].neurons[2]"].up == "layers[0]"
    assert "l0.n2.w[1]" in [box.name for box in views["layers[0].neurons[2]"].folded.boxes]


def test_gradients_come_from_the_steps_and_none_is_written() -> None:
    loss = expression()
    top = page(loss).views[0]
    assert loss.grad is None
    hidden = loss.parents[0].parents[0].parents[0]
    assert top.folded.scan.grad(hidden) == pytest.approx(2 * hidden._data)


def test_the_steps_of_another_root() -> None:
    with pytest.raises(ValueError, match="those of another root"):
        page_of(expression(), steps(expression()))


def test_too_many_boxes() -> None:
    with pytest.raises(RenderError, match="limit is 500"):
        page(network_loss(10), "values")


def test_a_long_chain() -> None:
    y = Value(0.5, label="x")
    for _ in range(5_000):
        y = y.sin()
    assert len(page(y).views[0].moments) == 3


@needs_layout
@pytest.mark.parametrize("label", HOSTILE)
def test_any_label_is_safe(label: str) -> None:
    text = page(Value(1.0, label=label) * 2.0, title=label).html
    assert Reader(text).open == []
    assert text.count("</script>") == 2
    text.encode()


@needs_layout
def test_a_module_path_cannot_end_the_script() -> None:
    inside = Value(1.0, label="</script>.layers[0].neurons[0].bias") * 2.0
    inside.label = "</script>.layers[0].neurons[0]"
    text = page(inside * inside, "layers").html
    assert text.count("</script>") == 2
    assert Reader(text).open == []
    assert data_of(text)[1]["name"] == "</script>.layers[0]"


@needs_layout
def test_saving(tmp_path: Path) -> None:
    made = page(expression())
    assert made.save(tmp_path / "x.html") == tmp_path / "x.html"
    assert (tmp_path / "x.html").read_text(encoding="utf-8") == made.html


@needs_layout
def test_a_notebook_shows_the_page_in_a_sandboxed_frame() -> None:
    made = page(expression())
    bundle = made._repr_mimebundle_()
    assert bundle["text/plain"] == "<page that steps through 'loss': 7 steps, views: 1>"
    assert 'sandbox="allow-scripts"' in bundle["text/html"]
    inner = re.search(r'srcdoc="([^"]*)"', bundle["text/html"])
    assert inner
    assert html.unescape(inner[1]) == made.html
    height = re.search(r"100%;height:(\d+)px", bundle["text/html"])
    assert height
    assert 500 < int(height[1]) < 900


def test_a_notebook_shows_why_there_is_no_page(nothing_installed: Path) -> None:
    bundle = page(expression())._repr_mimebundle_()
    assert set(bundle) == {"text/plain"}
    assert "pip install graphviz-pure" in bundle["text/plain"]
