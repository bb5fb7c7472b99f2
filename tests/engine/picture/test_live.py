"""The live page: what it promises as text, and in a real browser: moving, descending, stepping, phones."""

from __future__ import annotations

import json
import random
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from effort import share
from pictured import HOSTILE, expression, network_loss
from test_browser import drive
from test_browser import pytestmark as in_a_browser
from test_drawing import needs_layout

from engine import RenderError, Value, clamp, live, log, maximum, relu, steps, tanh
from engine.formula import number_text
from engine.graph import topological_order
from engine.value import make_node


def neuron() -> Value:
    """A squared error of one neuron: the graph of the lecture."""
    w, x, b, y = (Value(n, label=name) for name, n in (("w", -0.8), ("x", 1.5), ("b", 0.3), ("y", 1.0)))
    out = tanh(w * x + b)
    out.label = "out"
    loss = (out - y) ** 2
    loss.label = "loss"
    return loss


def kinked() -> Value:
    """Choices, ties and paths that are none."""
    a, b, c = (Value(n, label=name) for name, n in (("a", 0.5), ("b", -0.4), ("c", 1.0)))
    root = maximum(a, b) * relu(b + 0.2) + clamp(c, a, a + b * b) / (a * a + 1.0) + a * a
    root.label = "root"
    return root


@cache
def small() -> str:
    return live(neuron()).html


def leaves_of(root: Value) -> list[Any]:
    return [node for node in topological_order(root) if node.operation is None and not node.is_constant]


def moved(root: Value, point: list[float]) -> Value:
    """The same graph at another point, with the same labels."""
    new: dict[Any, Any] = {}
    for leaf, number in zip(leaves_of(root), point, strict=True):
        new[leaf] = Value(number, label=leaf.label)
    for node in topological_order(root):
        if node.operation is not None:
            new[node] = make_node(node.operation, [new.get(parent, parent) for parent in node.parents])
            new[node].label = node.label
    found = new[root]
    assert isinstance(found, Value)
    return found


@needs_layout
def test_the_page_is_one_small_file_that_asks_nothing_of_the_network() -> None:
    text = small()
    assert len(text.encode()) < 60_000
    assert "Content-Security-Policy" in text
    assert "default-src 'none'" in text
    links = set(re.findall(r"https?://[^\s\"'<]+", text))
    assert links == {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    ids = re.findall(r'id="([^"]+)"', text)
    assert len(ids) == len(set(ids))


@needs_layout
@pytest.mark.parametrize("label", HOSTILE)
def test_labels_stay_text(label: str) -> None:
    x = Value(1.0, label=label)
    text = live(x * x + x, title=label).html
    assert text.count("</script>") == 2
    assert "<b>bold" not in text.partition('id="data"')[0]


def test_what_cannot_be_a_live_page_is_refused_in_words() -> None:
    x = Value(1.0, label="x")
    with pytest.raises(RenderError, match=r"would have \d+ nodes, and the limit is 150; page\(root\) folds"):
        live(network_loss(20))
    with pytest.raises(
        RenderError, match=r"a leaf that can be moved has a finite number, 1e\+300 at most; y is inf"
    ):
        live(x * Value(float("inf"), label="y"))
    with pytest.raises(RenderError, match=r"1e\+300 at most; one is 1e\+308"):
        live(x * Value(1e308))
    with pytest.raises(ValueError, match="rate is a positive number; got 0"):
        live(x * x, rate=0)
    with pytest.raises(ValueError, match="a range is"):
        live(x * x, ranges={x: (1.0, 1.0)})
    with pytest.raises(ValueError, match="is no leaf of"):
        live(x * x, learn=[Value(2.0)])


@needs_layout
def test_a_notebook_shows_it_in_a_sandbox() -> None:
    bundle = live(neuron())._repr_mimebundle_()
    assert bundle["text/html"].startswith('<iframe sandbox="allow-scripts"')
    assert bundle["text/plain"] == "<live page of 'loss': 10 nodes>"


SEE = """
const grads = () => [...document.querySelectorAll(".node:not(.constant)")]
  .map(box => [box.id, box.querySelectorAll("text")[2].textContent]);
const steps = () => [...Array(document.querySelectorAll("li").length).keys()];
const see = () => seen.push({
  v: [...live.v], g: [...live.g].map((d, i) => live.reached[i] ? d : null), value: $("value").textContent,
  told: steps().map(k => live.tell(k)), now: $("now").textContent, grads: grads(),
  count: $("count").textContent, hash: location.hash});
live.compute();
"""


class TestInABrowser:
    pytestmark = in_a_browser

    @pytest.mark.parametrize("make", [neuron, kinked, expression])
    def test_many_positions_equal_python(self, make: Any, tmp_path: Path) -> None:
        root = make()
        leaves = leaves_of(root)
        draw = random.Random(1)
        points = [[round(draw.uniform(-1.5, 1.5), 2) for _ in leaves] for _ in range(share(50))]
        script = SEE + "".join(
            "".join(f"live.move({k},{x!r});" for k, x in enumerate(point)) + "live.compute(); see();"
            for point in points
        )
        for point, seen in zip(
            points, drive(tmp_path, live(root, names=False).html, script + "done();"), strict=True
        ):
            now = moved(root, point)
            now.backward()
            order = topological_order(now)
            record = steps(now, names=False)
            gradients = record.gradients()
            for node, number, gradient in zip(order, seen["v"], seen["g"], strict=True):
                assert number == pytest.approx(node._data, rel=1e-14, abs=1e-300)
                if not node.is_constant:
                    expected = gradients.get(node)
                    assert gradient == (
                        None if expected is None else pytest.approx(expected, rel=1e-12, abs=1e-15)
                    )
            assert seen["value"] == number_text(now.data)
            assert seen["told"] == [str(step) for step in record]
            shown = dict(seen["grads"])
            for place, node in enumerate(order):
                if not node.is_constant:
                    assert shown[f"n{place}"] == f"grad {number_text(gradients.get(node))}"

    def test_descending_is_leaf_minus_rate_times_gradient(self, tmp_path: Path) -> None:
        root = neuron()
        w, x, b, _ = leaves_of(root)
        script = SEE + "live.descend(); live.compute(); see(); live.reset(); live.compute(); see(); done();"
        down, back = drive(tmp_path, live(root, learn=[w, b], rate=0.5).html, script)
        root.backward()
        assert down["v"][0] == pytest.approx(w.data - 0.5 * w.grad)
        assert down["v"][1] == x.data
        assert "each leaf −= rate × its gradient" in down["now"]
        assert back["v"][0] == w.data

    def test_too_large_a_rate_is_seen_to_diverge(self, tmp_path: Path) -> None:
        x = Value(1.0, label="x")
        script = SEE + "for (let k = 0; k < 60; k++) live.descend(); live.compute(); see(); done();"
        (seen,) = drive(tmp_path, live(x * x, rate=3.0).html, script)
        assert "has run away: the rate is too large" in seen["now"]

    def test_a_step_of_backprop_shows_the_gradients_so_far(self, tmp_path: Path) -> None:
        script = f"""{SEE} press('Home'); live.compute(); see();
          press('ArrowRight'); press('ArrowRight'); live.compute(); see(); done();"""
        start, first = drive(tmp_path, small(), script)
        assert start["count"] == "start"
        assert {text for _, text in start["grads"]} == {"grad –"}
        assert first["count"] == "step 1 of 5"
        assert sum(text != "grad –" for _, text in first["grads"]) == 2
        assert first["now"].startswith("step 1: loss = v7² = 2.946, gradient 1")

    def test_out_of_a_domain_the_box_says_so_and_the_rest_stays(self, tmp_path: Path) -> None:
        x, y = Value(1.0, label="x"), Value(2.0, label="y")
        root = log(x) + y * y
        script = f"""{SEE} live.move(0, -1); live.compute(); see(); seen[0].box = $('n1').textContent;
          live.move(0, 1); live.compute(); see(); done();"""
        out, back = drive(tmp_path, live(root).html, script)
        assert "log needs x > 0" in out["box"]
        assert "v1 has no number here: log needs x > 0" in out["now"]
        assert out["value"] == "–"
        assert {text for _, text in out["grads"]} == {"grad –"}
        assert out["v"][3] == 4.0
        assert back["value"] == "4"

    def test_a_link_brings_back_the_numbers_and_the_step(self, tmp_path: Path) -> None:
        (seen,) = drive(tmp_path, small(), SEE + "see(); done();", "#step=2&n0=0.25")
        assert seen["v"][0] == 0.25
        assert seen["count"] == "step 2 of 5"
        assert seen["hash"] == "#step=2&n0=0.25"

    def test_a_phone_scrolls_no_page_sideways_and_keys_on_a_curve_move_its_leaf(self, tmp_path: Path) -> None:
        framed = '<iframe id="phone" style="width:390px;height:800px;border:0"></iframe>'
        page = f"<html><body>{framed}</body></html>"
        script = """
          const phone = document.getElementById("phone");
          phone.onload = () => { const inside = phone.contentDocument.documentElement;
            seen.push({wide: inside.scrollWidth, room: phone.contentWindow.innerWidth}); done(); };
          phone.srcdoc = INNER;""".replace("INNER", repr_js(small()))
        (seen,) = drive(tmp_path, page, script)
        assert seen["wide"] <= seen["room"] == 390

    def test_dragging_a_curve_moves_the_leaf_and_tells_what_the_gradient_foretold(
        self, tmp_path: Path
    ) -> None:
        script = (
            SEE
            + """
          const range = live.cards[0].range; range.value = -0.45; range.dispatchEvent(new Event("input"));
          live.compute(); see(); done();"""
        )
        (seen,) = drive(tmp_path, small(), script)
        assert seen["v"][0] == pytest.approx(-0.45, abs=0.01)
        assert re.match(r"w −0\.8 → −0\.4\d+: the gradient foretold −0\.8\d+, loss moved −1\.1", seen["now"])


def repr_js(text: str) -> str:
    """A text as JavaScript inside a script element writes it."""
    return json.dumps(text).replace("</", "<\\/")
