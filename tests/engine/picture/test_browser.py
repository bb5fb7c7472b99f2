"""The page in a real browser: keys, clicks, the slider, links, playing, dark mode.

Each scenario is a script appended to the page; it acts as a person does and writes what is then to be seen
into the document, which headless Chromium prints. Its clock is virtual, so that playing takes no time.
"""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pictured import expression, network_loss
from test_drawing import needs_layout

from engine import page
from engine.picture.palette import DARK, LIGHT

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None
)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed: the page was not driven"),
    needs_layout,
]

TOOLS = """
<script>
const $ = id => document.getElementById(id);
const seen = [];
const send = (on, event) => on.dispatchEvent(event);
const press = (key, on) => send(on || document.body, new KeyboardEvent("keydown", {key, bubbles: true}));
const click = id => send($(id), new MouseEvent("click", {bubbles: true}));
const twice = id => send($(id), new MouseEvent("dblclick", {bubbles: true}));
const grad = id => $(id) && [...$(id).querySelectorAll("text")].pop().textContent;
const shown = what => [...document.querySelectorAll("section:not([hidden]) " + what)].map(g => g.id);
const note = what => seen.push({
  what,
  count: $("count").textContent, now: $("now").textContent, slider: $("slider").value, hash: location.hash,
  a: grad("n0"), root: grad("n9"),
  ring: shown(".node.now"), used: shown(".edge.used"), fresh: shown(".edge.now"),
  playing: $("play").textContent, open: $("open").disabled ? "" : $("open").value,
  path: [...$("path").children].filter(button => !button.hidden).map(button => button.textContent),
});
const done = () => {
  document.body.innerHTML = "<pre></pre>";
  document.querySelector("pre").id = "seen";
  $("seen").textContent = JSON.stringify(seen);
};
</script>
"""


@cache
def small() -> str:
    return page(expression()).html


@cache
def large() -> str:
    return page(network_loss(20, (4, 3, 1))).html


def drive(folder: Path, text: str, script: str, at: str = "", *flags: str) -> list[dict[str, Any]]:
    """What a scenario saw; `at` is the end of the address, `#step=3`."""
    file = folder / "page.html"
    file.write_text(text.replace("</body>", f"{TOOLS}<script>{script}</script></body>"), encoding="utf-8")
    command = [
        str(CHROMIUM),
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
    ]
    command += [
        f"--user-data-dir={folder / 'profile'}",
        "--virtual-time-budget=30000",
        "--window-size=1200,800",
    ]
    done = subprocess.run(
        [*command, *flags, "--dump-dom", file.as_uri() + at], capture_output=True, check=True, timeout=600
    )
    found = re.search(r'<pre id="seen">(.*?)</pre>', done.stdout.decode(), re.DOTALL)
    assert found, done.stdout.decode()[-2000:]
    seen: list[dict[str, Any]] = json.loads(html.unescape(found[1]))
    return seen


def rgb(color: str) -> str:
    """A color as the browser tells it."""
    return "rgb({}, {}, {})".format(*(int(color[at : at + 2], 16) for at in (1, 3, 5)))


def test_keys(tmp_path: Path) -> None:
    script = """
      note("start"); press("ArrowRight"); note("right"); press("ArrowRight"); note("right again");
      press("ArrowLeft"); note("left"); press("End"); note("end"); press("ArrowRight"); note("no further");
      press("Home"); note("home"); press("ArrowLeft"); note("no further back"); done();"""
    start, seed, first, left, end, stop, home, back = drive(tmp_path, small(), script)
    assert start["count"] == "start"
    assert start["root"] == "grad –"
    assert start["used"] == []
    assert seed["count"] == "step 0 of 6"
    assert seed["root"] == "grad 1"
    assert seed["ring"] == ["n9"]
    assert seed["used"] == []
    assert first["used"] == first["fresh"] == ["n9.0"]
    assert first["now"].startswith("step 1: loss = v7 − 2 = −1.368, gradient 1")
    assert {**left, "what": ""} == {**seed, "what": ""}
    assert end["count"] == stop["count"] == "step 6 of 6"
    assert end["a"] == "grad 1 → 0.5862"
    assert set(end["used"]) == {
        "n2.0",
        "n2.1",
        "n4.0",
        "n4.1",
        "n5.0",
        "n6.0",
        "n7.0",
        "n7.1",
        "n9.0",
    }
    assert set(end["fresh"]) == {"n2.0", "n2.1"}
    assert home["root"] == home["a"] == back["root"] == "grad –"
    assert home["hash"] == ""


def test_both_contributions_of_a_square_are_shown(tmp_path: Path) -> None:
    (seen,) = drive(
        tmp_path, small(), 'seen.push({h: grad("n5"), now: $("now").textContent}); done();', "#step=3"
    )
    assert seen["h"] == "grad 0.1781 → 0.3562"
    assert seen["now"].count("h.grad") == 2


def test_clicks_slider_and_buttons(tmp_path: Path) -> None:
    script = """
      click("n5"); note("click a box"); click("n0"); note("click a leaf");
      press("Enter", $("n7")); note("enter on a box");
      $("slider").value = 3; $("slider").dispatchEvent(new Event("input")); note("slider");
      for (const id of ["first", "step", "last", "back"]) { click(id); note(id); }
      document.querySelectorAll("li")[2].click(); note("list"); done();"""
    box, leaf, enter, slider, first, step, last, back, listed = drive(tmp_path, small(), script)
    assert box["ring"] == ["n5"]
    assert box["count"] == "step 4 of 6"
    assert leaf["count"] == "step 6 of 6"
    assert enter["ring"] == ["n7"]
    assert slider["count"] == "step 3 of 6"
    assert slider["hash"] == "#step=3"
    assert [first["count"], step["count"], last["count"], back["count"]] == [
        "start", "step 0 of 6", "step 6 of 6", "step 5 of 6",
    ]  # fmt: skip
    assert listed["slider"] == "2"


def test_a_link_leads_to_its_step(tmp_path: Path) -> None:
    script = """note("at once"); location.hash = "#step=2"; setTimeout(() => { note("later");
      location.hash = "#step=nonsense"; setTimeout(() => { note("nonsense"); done(); }, 100); }, 100);"""
    seen = drive(tmp_path, small(), script, "#step=4")
    assert [each["count"] for each in seen] == ["step 4 of 6", "step 2 of 6", "start"]


def test_play_and_pause(tmp_path: Path) -> None:
    script = """
      press(" "); note("plays"); setTimeout(() => { note("after three seconds"); press(" "); note("paused");
      setTimeout(() => { note("still"); click("play"); setTimeout(() => { note("at the end"); click("play");
      note("again"); done(); }, 12000); }, 3000); }, 3000);"""
    plays, three, paused, still, end, again = drive(tmp_path, small(), script)
    assert plays["playing"] == "Pause"
    assert three["count"] == "step 1 of 6"
    assert paused["playing"] == "Play"
    assert still["count"] == three["count"]
    assert end["count"] == "step 6 of 6"
    assert end["playing"] == "Play"
    assert again["count"] == "start"


def test_keys_do_not_interfere_with_controls(tmp_path: Path) -> None:
    script = """press("ArrowRight", $("slider")); note("slider"); press(" ", $("step")); note("button");
      send(document.body, new KeyboardEvent("keydown", {key: "ArrowRight", ctrlKey: true, bubbles: true}));
      note("ctrl"); done();"""
    seen = drive(tmp_path, small(), script)
    assert {each["count"] for each in seen} == {"start"}
    assert {each["playing"] for each in seen} == {"Play"}


def test_dark_mode(tmp_path: Path) -> None:
    script = """const color = (what, property) => getComputedStyle(document.querySelector(what))[property];
      document.head.insertAdjacentHTML("beforeend", "<style>*{transition:none!important}</style>");
      press("End"); setTimeout(() => {
        seen.push({paper: color("body", "backgroundColor"), box: color("#n9 polygon", "fill"),
          text: color("#n9 text", "fill")});
        done();
      }, 1000);"""
    (light,) = drive(tmp_path, small(), script)
    dark_flags = ("--force-dark-mode", "--blink-settings=preferredColorScheme=0")
    (dark,) = drive(tmp_path, small(), script, "", *dark_flags)
    assert light == {
        "paper": rgb(LIGHT.paper),
        "box": rgb(LIGHT.fills["positive"][4]),
        "text": rgb(LIGHT.text),
    }
    assert dark == {"paper": rgb(DARK.paper), "box": rgb(DARK.fills["positive"][4]), "text": rgb(DARK.text)}


def test_a_network_opens_and_closes(tmp_path: Path) -> None:
    script = """
      press("End"); note("the input layer"); press("o"); note("its neurons"); press("o"); note("its weights");
      press("Escape"); note("up"); $("path").children[0].click(); note("whole");
      twice(document.querySelector("section:not([hidden]) .node.layer").id); note("double click"); done();"""
    whole, layer, neuron, up, top, twice = drive(tmp_path, large(), script)
    assert whole["open"] == "layers[0]"
    assert layer["path"] == ["loss", "layers[0]"]
    assert layer["ring"] != []
    assert layer["open"].startswith("layers[0].neurons[")
    assert neuron["path"] == ["loss", "layers[0]", layer["open"].rsplit(".", 1)[1]]
    assert neuron["used"] != []
    assert up["path"] == ["loss", "layers[0]"]
    assert top["path"] == ["loss"]
    assert top["count"] == whole["count"]
    assert twice["path"] == ["loss", "layers[0]"]


def test_a_link_into_a_layer(tmp_path: Path) -> None:
    (seen,) = drive(tmp_path, large(), 'note(""); done();', "#view=layers%5B1%5D.neurons%5B2%5D&step=1")
    assert seen["path"] == ["loss", "layers[1]", "neurons[2]"]
    assert seen["count"] == "step 1 of 3"
    assert "l1.n2" in seen["now"]


def test_in_a_sandboxed_frame(tmp_path: Path) -> None:
    """As a notebook shows it: the frame may run scripts and nothing else, and the page works in it."""
    tell = """document.getElementById("step").click();
      setInterval(() => parent.postMessage(document.getElementById("count").textContent, "*"), 50);"""
    inner = small().replace("</body>", f"<script>{tell}</script></body>")
    frame = f'<iframe sandbox="allow-scripts" srcdoc="{html.escape(inner)}"></iframe>'
    outer = f"<!DOCTYPE html><html><body>{frame}</body></html>"
    script = (
        'addEventListener("message", event => { seen.push({count: event.data}); done(); }, {once: true});'
    )
    one_clock = "--disable-features=IsolateSandboxedIframes"  # a frame in its own process has its own time
    assert drive(tmp_path, outer, script, "", one_clock) == [{"count": "step 0 of 6"}]
