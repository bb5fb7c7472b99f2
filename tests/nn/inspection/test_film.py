"""The film of a training run: what it keeps, in both gears, through Ctrl-C and files; what its page shows."""

from __future__ import annotations

import base64
import json
import re
from array import array
from pathlib import Path
from typing import Any

import pytest
from test_browser import drive
from test_browser import pytestmark as in_a_browser

from nn import MLP, Adam, EarlyStopping, Module, SavingError, data, fit, load
from nn.inspection.film import Film, chosen
from nn.inspection.film_page import Frame, packed
from nn.saving import _checksum
from nn.training.history import History

MOONS = data.moons(60, seed=0)


def network(seed: int = 0) -> MLP:
    return MLP(2, [4, 1], "tanh", "sigmoid", seed=seed)


def trained(model: Module, epochs: int = 6, **choices: Any) -> History:
    known: dict[str, Any] = {"loss": "binary_cross_entropy", "optimizer": Adam(0.05), "progress": False}
    return fit(model, MOONS.inputs, MOONS.targets, epochs=epochs, film=True, **(known | choices))


def now(model: Module) -> list[float]:
    return [parameter.data for parameter in model.parameters()]


@pytest.mark.parametrize("gear", ["eager", "replay"])
def test_every_epoch_is_kept_and_the_last_frame_is_the_model(gear: str) -> None:
    model = network()
    before = now(model)
    film = trained(model, gear=gear).film
    assert [frame.epoch for frame in film.frames] == [0, 1, 2, 3, 4, 5, 6]
    assert list(film.frames[0].weights) == before
    assert list(film.frames[-1].weights) == now(model)
    assert any(film.frames[3].gradients)
    assert film.frames[1].weights != film.frames[2].weights


def test_a_film_changes_nothing_in_the_training() -> None:
    plain, filmed = network(), network()
    fit(
        plain,
        MOONS.inputs,
        MOONS.targets,
        loss="binary_cross_entropy",
        optimizer=Adam(0.05),
        epochs=6,
        progress=False,
    )
    trained(filmed)
    assert now(plain) == now(filmed)


def test_ctrl_c_leaves_the_film_of_what_there_was() -> None:
    def interrupt(epoch: Any) -> None:
        if epoch.number == 3:
            raise KeyboardInterrupt

    film = trained(network(), callbacks=[interrupt]).film
    assert [frame.epoch for frame in film.frames] == [0, 1, 2, 3]
    assert film.html


def test_a_resumed_run_goes_on_with_its_film(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    trained(network(), 3, checkpoint=path)
    whole = trained(network(), 6, checkpoint=path, resume=True).film
    straight = trained(network(), 6).film
    assert [frame.epoch for frame in whole.frames] == [frame.epoch for frame in straight.frames]
    for one, other in zip(whole.frames, straight.frames, strict=True):
        assert list(one.weights) == pytest.approx(
            list(other.weights), rel=1e-6, abs=1e-7
        )  # 32 bits in the file
    assert whole.frames[-1].weights == straight.frames[-1].weights
    assert isinstance(load(path), MLP)


def test_a_checkpoint_without_a_film_and_a_run_without_one_fit_together(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    choices: dict[str, Any] = {"loss": "binary_cross_entropy", "optimizer": Adam(0.05), "progress": False}
    fit(network(), MOONS.inputs, MOONS.targets, epochs=2, checkpoint=path, **choices)
    film = trained(network(), 4, checkpoint=path, resume=True).film
    assert [frame.epoch for frame in film.frames] == [2, 3, 4]
    fit(network(), MOONS.inputs, MOONS.targets, epochs=5, checkpoint=path, resume=True, **choices)


@pytest.mark.parametrize(
    "damage",
    [
        lambda film: film.update(epochs=[0, 2, 1, 3]),
        lambda film: film["weights"].pop(),
        lambda film: film["weights"].__setitem__(0, "AAAA"),
        lambda film: film["weights"].__setitem__(0, "no base64!"),
        lambda film: film["gradients"].__setitem__(0, 7),
        lambda film: film.update(more=1),
        lambda film: film.update(epochs="0123"),
    ],
)
def test_a_damaged_film_is_refused_and_nothing_is_half_loaded(damage: Any, tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    trained(network(), 3, checkpoint=path)
    document = json.loads(path.read_text())
    damage(document["training"]["film"])
    del document["checksum"]
    path.write_text(json.dumps({**document, "checksum": _checksum(document)}))  # sealed, but wrong
    model = network(seed=5)
    before = now(model)
    with pytest.raises(SavingError):
        trained(model, 6, checkpoint=path, resume=True)
    assert now(model) == before


def test_early_stopping_puts_the_best_weights_into_the_last_frame() -> None:
    model = network()
    film = trained(model, 30, optimizer=Adam(2.0), early_stopping=EarlyStopping(2, "loss")).film
    assert list(film.frames[-1].weights) == now(model)


def test_frames_are_dense_at_the_beginning_and_few_enough() -> None:
    frames = [Frame(epoch, array("d"), array("d")) for epoch in range(5000)]
    kept = [frame.epoch for frame in chosen(frames, 120)]
    assert kept[:21] == list(range(21))
    assert kept[-1] == 4999
    assert len(kept) <= 120
    assert kept == sorted(set(kept))


def test_a_long_run_keeps_no_more_than_it_shows() -> None:
    film = Film(network(), MOONS.inputs, MOONS.targets, "binary_cross_entropy")
    history = History()
    film.begin(history)
    for number in range(1, 1000):
        film._keep(number)
        film._thin()
    assert len(film.frames) <= 240
    assert film.frames[-1].epoch == 999


def test_sixteen_bits_a_weight_and_the_last_frame_exactly() -> None:
    frames = [Frame(k, array("d", [0.1 * k, -3.0, k * k]), array("d", [0.0] * 3)) for k in range(5)]
    found = packed(frames)
    assert found["low"] == [0.0, -3.0, 0.0]
    assert found["high"] == [0.4, -3.0, 16]
    steps = array("H", base64.b64decode(found["bits"]))
    for frame, row in zip(frames, (steps[k : k + 3] for k in range(0, 15, 3)), strict=True):
        for number, low, high, step in zip(frame.weights, found["low"], found["high"], row, strict=True):
            assert abs(low + (high - low) * step / 65535 - number) <= (high - low) / 131_070 + 1e-12
    assert array("d", base64.b64decode(found["last"])) == frames[-1].weights


def plane() -> tuple[Any, Any, Any]:
    points = data.moons(120, seed=0)
    model = MLP(2, [8, 8, 1], "tanh", "sigmoid", seed=0)
    history = fit(
        model,
        points.inputs,
        points.targets,
        loss="binary_cross_entropy",
        epochs=100,
        film=True,
        progress=False,
    )
    return model, points, history.film


def test_the_page_is_one_small_file_that_asks_nothing_of_the_network() -> None:
    _, _, film = plane()
    text = film.html
    assert len(text.encode()) < 300_000
    assert "default-src 'none'" in text
    assert re.findall(r"https?://", text) == []
    film.title = "</script><b>bold"
    assert "<b>bold" not in film.html
    assert film._repr_mimebundle_()["text/html"].startswith('<iframe sandbox="allow-scripts"')


def curve() -> tuple[Any, Any, Any]:
    points = data.sine(40, seed=0)
    model = MLP(1, [6, 1], "tanh", seed=0)
    history = fit(
        model, points.inputs, points.targets, loss="mean_squared_error", epochs=20, film=True, progress=False
    )
    return model, points, history.film


def classes() -> tuple[Any, Any, Any]:
    points = data.blobs(60, seed=0)
    model = MLP(2, [5, 3], "relu", seed=0)
    history = fit(
        model,
        points.inputs,
        points.targets,
        loss="cross_entropy_with_logits",
        epochs=15,
        film=True,
        progress=False,
    )
    return model, points, history.film


def layers() -> tuple[Any, Any, Any]:
    points = data.iris()
    model = MLP(4, [6, 3], "relu", "softmax", seed=0)
    history = fit(
        model,
        points.inputs,
        points.targets,
        loss="categorical_cross_entropy",
        epochs=10,
        film=True,
        progress=False,
    )
    return model, points, history.film


class Own(Module):
    """A network that is no chain of layers."""

    def __init__(self) -> None:
        self.inside = MLP(2, [3, 1], "tanh", seed=0)

    def __call__(self, inputs: Any) -> Any:
        return [self.inside(inputs)[0] * 2.0 + inputs[0]]


def own() -> tuple[Any, Any, Any]:
    model = Own()
    history = fit(
        model, MOONS.inputs, MOONS.targets, loss="mean_squared_error", epochs=5, film=True, progress=False
    )
    return model, MOONS, history.film


class TestInABrowser:
    pytestmark = in_a_browser

    @pytest.mark.parametrize("make", [plane, curve, classes, layers, own])
    def test_the_last_frame_answers_as_the_model_does(self, make: Any, tmp_path: Path) -> None:
        model, points, film = make()
        rows = [list(row) for row in points.inputs[:20]]
        script = f"""
          const see = more => {{ film.draw();
            seen.push({{figures: $("figures").textContent, hash: location.hash, ...more}}); }};
          see({{answers: {json.dumps(rows)}.map(x => film.values(x)),
            wide: document.documentElement.scrollWidth - innerWidth}});
          film.go(0); see(); press("ArrowRight"); see(); press("End"); see(); done();"""
        last, first, second, end = drive(tmp_path, film.html, script)
        for found, expected in zip(last["answers"], model.predict(rows), strict=True):
            assert found == pytest.approx(expected, rel=1e-12, abs=1e-14)
        epochs = film.frames[-1].epoch
        assert last["figures"].startswith(f"epoch of {epochs}{epochs}")
        assert last["wide"] <= 0
        assert first["figures"].startswith(f"epoch of {epochs}0")
        assert first["hash"] == "#epoch=0"
        assert second["hash"] == "#epoch=1"
        assert end["hash"] == ""

    def test_points_on_the_wrong_side_are_counted(self, tmp_path: Path) -> None:
        model, points, film = plane()
        answers = [answer[0] >= 0.5 for answer in model.predict(points.inputs)]
        wrong = sum(answer != bool(y) for answer, y in zip(answers, points.targets, strict=True))
        script = 'film.draw(); seen.push({said: $("said").textContent}); done();'
        (seen,) = drive(tmp_path, film.html, script)
        assert seen["said"].startswith("none of 120" if not wrong else f"{wrong} of 120")

    def test_a_neuron_is_kept_by_a_click_and_let_go_by_escape(self, tmp_path: Path) -> None:
        _, _, film = plane()
        script = """
          const all = document.querySelectorAll(".neuron"); all[2].click(); film.draw();
          seen.push({said: $("said").textContent, pressed: all[2].ariaPressed});
          press("Escape"); film.draw(); seen.push({said: $("said").textContent}); done();"""
        kept, let_go = drive(tmp_path, film.html, script)
        assert re.match(r"layer 1, neuron 1 = tanh\(−?[\d.]+ x₁ [+−] [\d.]+ x₂ [+−] [\d.]+\)", kept["said"])
        assert kept["pressed"] == "true"
        assert "points on the wrong side" in let_go["said"]

    def test_playing_runs_to_the_end(self, tmp_path: Path) -> None:
        _, _, film = curve()
        script = """
          const see = () => seen.push({play: $("play").textContent, figures: $("figures").textContent});
          $("play").click(); film.advance(2500); see(); film.advance(2600); see(); done();"""
        playing, over = drive(tmp_path, film.html, script)
        assert playing["play"] == "Pause"
        assert playing["figures"].startswith("epoch of 2010")
        assert over["play"] == "Play"
        assert over["figures"].startswith("epoch of 2020")
