from pathlib import Path
from typing import Any

import pytest

from nn import MLP, History, data
from nn.training.losses import mean_squared_error

mpl: Any = pytest.importorskip("matplotlib")
plots: Any = pytest.importorskip("nn.inspection.plots", exc_type=ImportError)

POINTS = data.moons(20, seed=0)
BLOBS = data.blobs(30, seed=0)


def history() -> History:
    made = History()
    for epoch in range(1, 6):
        row = {"loss": 1 / epoch, "accuracy": 1 - 1 / epoch}
        made.add({**row, **{f"validation {name}": x for name, x in row.items()}})
    return made


def trained() -> MLP:
    model = MLP(2, [3, 1], activation="tanh", output="sigmoid", seed=0)
    mean_squared_error([model(x) for x in POINTS.inputs], POINTS.targets).backward()
    return model


FIGURES = {
    "curves": lambda path: plots.curves(history(), path, logarithmic=True),
    "boundary": lambda path: plots.decision_boundary(
        trained(), POINTS.inputs, POINTS.targets, path, resolution=8
    ),
    "boundary of three": lambda path: plots.decision_boundary(
        MLP(2, [3], output="softmax", seed=0), BLOBS.inputs, BLOBS.targets, path, resolution=8
    ),
    "boundary of a function": lambda path: plots.decision_boundary(
        lambda point: point[0] - point[1], POINTS.inputs, POINTS.targets, path, threshold=0.0, resolution=8
    ),
    "confusion": lambda path: plots.confusion([[5, 1], [0, 4]], ["setosa", "versicolor"], path),
    "activations": lambda path: plots.activation_functions(["tanh", "relu", "gelu", "sin"], path),
    "fitted": lambda path: plots.fitted_curve(lambda x: x[0] ** 2, [[0.0], [1.0]], [0.0, 1.0], path),
    "fitted curves": lambda path: plots.fitted_curve(
        {"a": abs, "b": float}, [[0.0], [1.0]], [0.0, 1.0], path
    ),
    "weights": lambda path: plots.weights_and_gradients(trained(), path),
}


@pytest.mark.parametrize("name", list(FIGURES))
def test_every_plot_gives_a_figure_and_writes_it(tmp_path: Path, name: str) -> None:
    figure = FIGURES[name](tmp_path / "picture.svg")
    assert isinstance(figure, plots.Figure)
    assert figure._repr_png_().startswith(b"\x89PNG")
    assert (tmp_path / "picture.svg").read_bytes().startswith(b"<?xml")


def test_the_ending_says_in_which_form(tmp_path: Path) -> None:
    FIGURES["confusion"](tmp_path / "picture.png")
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")


def test_without_a_path_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    FIGURES["curves"](None)
    assert list(tmp_path.iterdir()) == []


def test_the_same_plot_gives_the_same_svg(tmp_path: Path) -> None:
    one, other = tmp_path / "one.svg", tmp_path / "other.svg"
    for path in (one, other):
        FIGURES["boundary"](path)
    assert one.read_bytes() == other.read_bytes()


def test_the_derivative_drawn_is_the_engines() -> None:
    figure = plots.activation_functions(["tanh"])
    output, slope = figure.axes[0].get_lines()
    middle = len(output.get_xdata()) // 2
    assert (output.get_ydata()[middle], slope.get_ydata()[middle]) == (0.0, 1.0)


def test_plots_leave_the_users_settings_alone() -> None:
    before = dict(mpl.rcParams)
    FIGURES["curves"](None)
    assert dict(mpl.rcParams) == before
