"""Every lesson runs, says what to notice, and what it claims is so."""

import importlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from demos import gallery, place
from demos.captions import CAPTIONS

Facts = dict[str, float]

# What each lesson's text says that the reader will see, as a test of the numbers that its main() gives back.
CLAIMS: dict[str, Callable[[Facts], bool]] = {
    "lesson_01_three_curves": lambda f: (
        abs(f["line w"] - 2.0) < 0.1
        and abs(f["line b"] + 1.0) < 0.1
        and abs(f["circle a"] - 1.0) < 0.1
        and abs(f["circle b"] + 0.5) < 0.1
        and abs(f["circle c"] - 4.0) < 0.2
        and abs(f["sine p"] - 2.0) < 0.1
        and abs(f["sine q"] - 5.0) < 0.1
    ),
    "lesson_02_a_neuron": lambda f: (
        f["by hand"] == f["library"]
        and f["tanh slope at 4.0"] < 0.01
        and f["sigmoid slope at -4.0"] < 0.02
        and f["relu slope at -4.0"] == 0.0
        and f["relu slope at 0.5"] == 1.0
        and f["linear bend"] < 1e-12 < 0.05 < f["tanh bend"]
    ),
    "lesson_03_six_steps": lambda f: (
        f["loss after"] < f["loss before"] and f["last"] < 0.6 * f["first"] and f["right"] > 0.85
    ),
    "lesson_04_four_losses": lambda f: (
        f["squared pull at 10"] == 20.0
        and f["absolute pull at 10"] == 1.0
        and f["sure and wrong"] > 99.0
        and f["softmax pull off by"] < 1e-12
        and abs(f["mean_squared_error"] - 2.0) < 0.02
        and abs(f["mean_absolute_error"] - 1.0) < 0.02
    ),
    "lesson_05_backprop_by_hand": lambda f: (
        f["off by hand"] < 1e-15 and f["off by nudging"] < 1e-8 and f["check"] == 1.0
    ),
    "lesson_10_forgetting_zero_grad": lambda f: (
        f["wrong at its best"] < 0.5 < 1.0 < f["wrong"]
        and f["right"] < 0.1
        and f["findings"] == 1
        and f["findings without the bug"] == 0
    ),
    "lesson_11_xor": lambda f: (
        abs(f["one neuron"] - 0.6931) < 1e-3
        and f["four hidden neurons"] < 0.05
        and f["four hidden neurons accuracy"] == 1.0
    ),
    "lesson_12_moons": lambda f: (
        0.85 < f["0 hidden"] < 0.95 and abs(f["2 hidden"] - f["0 hidden"]) < 0.05 and f["8 hidden"] > 0.95
    ),
    "lesson_13_circles": lambda f: (
        f["one neuron on x, y"] < 0.7
        and f["one neuron on x² + y²"] == 1.0
        and f["three hidden neurons on x, y"] == 1.0
        and 0.5 < f["radius"] < 1.0
    ),
    "lesson_14_spirals": lambda f: f["loss at a third"] > 0.45 and f["loss"] < 0.2 and f["accuracy"] > 0.9,
    "lesson_15_breast_cancer": lambda f: (
        f["accuracy"] > 0.95 and f["area"] > 0.98 and f["recall at 0.05"] > f["recall at 0.5"]
    ),
    "lesson_16_iris": lambda f: (
        f["accuracy"] >= 0.93
        and f["setosa mistaken"] == 0
        and f["most certain mistake"] < 0.75 < f["mean certainty"]
    ),
    "lesson_17_digits": lambda f: (
        f["after two epochs"] > 0.75 and f["accuracy"] > 0.88 and f["parameters"] == 1810
    ),
    "lesson_18_diabetes": lambda f: 0.3 < f["straight line"] < 0.6 and 0.3 < f["network"] < 0.6,
    "lesson_19_overfitting": lambda f: all(
        f["as it is: training"] < f[f"{remedy}: training"] and f[f"{remedy}: others"] < f["as it is: others"]
        for remedy in ("l2 penalty", "early stopping", "dropout")
    ),
    "lesson_20_optimizers": lambda f: (
        f["momentum"] < f["SGD"]
        and f["nesterov"] < f["SGD"]
        and f["Adam"] < f["SGD"]
        and all(
            f[f"{name} on moons"] < f["SGD on moons"] for name in ("momentum", "RMSProp", "Adam", "AdamW")
        )
    ),
    "lesson_21_vanishing_gradients": lambda f: (
        f["sigmoid"] < 1e-3
        and 0.2 < f["tanh, Xavier"] < 5.0
        and 0.2 < f["relu, He"] < 5.0
        and f["tanh, weights too large"] > 5.0
        and f["saturated"] > 0.5
    ),
    "lesson_22_dead_relus": lambda f: (
        f["relu, after the accident: dead"] == 8
        and f["relu, after the accident: loss"] > 0.4
        and f["relu: dead"] <= 3
        and f["relu: loss"] < 0.02
        and f["elu, after the same accident: loss"] < 0.1
    ),
    "lesson_23_saving": lambda f: f["same bits"] == 1.0 and f["refused"] == 1 and f["epochs"] == 20,
}


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Lessons write here instead of into the folder that a person looks at."""
    monkeypatch.setattr(place, "OUT", tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", list(CLAIMS))
def test_what_a_lesson_claims_is_so(name: str, out: Path) -> None:
    pytest.importorskip("matplotlib")
    pytest.importorskip("sklearn")
    facts = importlib.import_module(f"demos.{name}").main()
    assert CLAIMS[name](facts), facts
    pictures = list(out.glob(f"{name[:9]}*.png"))
    assert pictures
    assert all(picture.stat().st_size > 5000 for picture in pictures)


@pytest.mark.parametrize("name", gallery.lessons())
def test_every_lesson_is_short_and_says_what_to_notice(name: str) -> None:
    source = (gallery.HERE / f"{name}.py").read_text(encoding="utf-8")
    assert len(source.splitlines()) < 120
    assert "\nNotice" in source or "notice" in source[: source.index('"""', 3)].lower()
    assert '__name__ == "__main__"' in source


def test_what_every_lesson_claims_is_tested_here_or_in_a_file_of_its_own() -> None:
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    assert [name for name in gallery.lessons() if name not in tests] == []


def test_lessons_are_numbered_without_gaps_in_the_order_of_learning() -> None:
    names = gallery.lessons()
    assert [int(name.split("_")[1]) for name in names] == list(range(1, len(names) + 1))
    order = [name.split("_", 2)[2] for name in names]
    by_hand = order.index("backprop_by_hand")
    following = ["step_through_backprop", "same_weight_twice", "why_topological_order"]
    assert order[by_hand + 1 : by_hand + 4] == following


def test_every_picture_has_a_caption_and_every_caption_a_picture() -> None:
    sources = "".join((gallery.HERE / f"{name}.py").read_text(encoding="utf-8") for name in gallery.lessons())
    named = set(re.findall(r'"(lesson_\d\d_\w+\.(?:png|svg|html))"', sources))
    assert named <= set(CAPTIONS)
    drawn = re.findall(r'f"(lesson_\d\d_)\{name\}(\.\w+)"', sources)
    others = [name for name in CAPTIONS if name not in named]
    lost = [name for name in others if not any(name.startswith(a) and name.endswith(b) for a, b in drawn)]
    assert lost == []


def test_the_gallery_shows_words_pictures_and_what_was_printed(
    out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    assert gallery.main(["2", "5"]) == 0
    page = (out / "index.html").read_text(encoding="utf-8")
    assert page.count("<section") == 2
    assert 'src="lesson_02_activations.png"' in page
    assert "What a neuron is" in page
    assert "multiply the local derivatives" in page
    assert "2 of 2 lessons ran" in capsys.readouterr().out
    images = re.findall(r'<img src="([^"]+)" alt="([^"]+)"', page)
    assert [name for name, said in images if len(said) < 40] == []  # it says what is seen
    assert "def move() -&gt; None:" in page  # the code beside what it made
    assert ".venv/bin/python -m demos.lesson_02_a_neuron" in page
    assert "prefers-color-scheme: dark" in page
    assert "Content-Security-Policy" in page
    if (out / "lesson_02_live.html").exists():  # where a layout program is installed
        assert '<iframe src="lesson_02_live.html" title="A neuron with its three numbers' in page


def test_a_lesson_that_fails_is_shown_and_the_others_still_run(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module: Any = importlib.import_module("demos.lesson_05_backprop_by_hand")

    def broken() -> None:
        raise ValueError("out of <chalk>")

    monkeypatch.setattr(module, "main", broken)
    assert gallery.main(["5"]) == 1
    assert "out of &lt;chalk&gt;" in (out / "index.html").read_text(encoding="utf-8")
