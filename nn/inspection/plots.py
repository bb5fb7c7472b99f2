"""Plots: what training did and what a network learned, as pictures.

Every function returns a matplotlib figure, and writes it where a path is given (its ending says the format).
No window is opened and no display is needed.

>>> from nn.training.history import History
>>> history = History()
>>> history.add({"loss": 1.0})
>>> history.add({"loss": 0.5})
>>> type(curves(history)).__name__
'Picture'
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import rcsetup
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from engine import Value, norm
from nn.modules.activations import Activation, activation_function, activation_name
from nn.modules.module import Module
from nn.training.history import History

__all__ = [
    "activation_functions",
    "chart",
    "confusion",
    "curves",
    "decision_boundary",
    "draw_boundary",
    "fitted_curve",
    "weights_and_gradients",
]

COLORS = (
    "#2f6f9f",
    "#d1495b",
    "#3a9a6d",
    "#e0a030",
    "#7b5ea7",
    "#4d4d4d",
    "#00a6a6",
    "#b56576",
    "#8a9a5b",
    "#c77dff",
)
INK, PAPER, RULE = "#2b2b2b", "#ffffff", "#d9d9d9"
STYLE: dict[Any, Any] = {
    "axes.edgecolor": "#9a9a9a",
    "axes.facecolor": PAPER,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.labelcolor": INK,
    "axes.prop_cycle": rcsetup.cycler("color", COLORS),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlecolor": INK,
    "figure.facecolor": PAPER,
    "font.size": 10,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "svg.hashsalt": "scalar-autograd",  # the same picture gives the same file
    "xtick.color": "#6a6a6a",
    "ytick.color": "#6a6a6a",
}

Target = str | Path | None
Function = Callable[[float], float]


class Picture(Figure):
    """A matplotlib figure that shows itself in a notebook."""

    def _repr_png_(self) -> bytes:
        buffer = BytesIO()
        self.savefig(buffer, format="png")
        return buffer.getvalue()


@contextmanager
def chart(
    rows: int = 1, columns: int = 1, *, size: tuple[float, float] = (6.0, 4.0), path: Target = None
) -> Iterator[tuple[Figure, list[Any]]]:
    """(figure, its axes in reading order) in the style of this module; written to the path at the end.

    >>> with chart(1, 2) as (figure, axes):
    ...     _ = axes[0].plot([0, 1], [0, 1])
    >>> len(figure.axes)
    2
    """
    with mpl.rc_context(STYLE):
        figure = Picture(figsize=size, layout="constrained", dpi=130)
        grid = figure.subplots(rows, columns, squeeze=False)
        yield figure, [axes for row in grid for axes in row]
        for axes in figure.axes:
            if axes.get_xlabel() in ("epoch", "step") and axes.get_xscale() == "linear":
                axes.xaxis.set_major_locator(MaxNLocator(integer=True))  # there is no epoch 2.5
        if path is not None:
            figure.savefig(path, metadata={"Date": None} if str(path).endswith(".svg") else None)


def curves(
    history: History | Mapping[str, Sequence[float]], path: Target = None, *, logarithmic: bool = False
) -> Figure:
    """The loss, and beside it every metric, over the epochs; validation's with dashes in the same color."""
    names = list(history)
    plain = [name for name in names if not name.startswith("validation ")]
    with chart(1, len(plain), size=(4.6 * len(plain) + 0.6, 3.4), path=path) as (figure, charts):
        for axes, name in zip(charts, plain, strict=True):
            epochs = range(1, len(history[name]) + 1)
            axes.plot(epochs, history[name], color=COLORS[0], label="training")
            if f"validation {name}" in history:
                axes.plot(epochs, history[f"validation {name}"], "--", color=COLORS[1], label="validation")
                axes.legend()
            if logarithmic and name == "loss":
                axes.set_yscale("log")
            axes.set_title(name)
            axes.set_xlabel("epoch")
    return figure


def decision_boundary(
    model: Callable[[list[float]], Any],
    inputs: Sequence[Sequence[float]],
    targets: Sequence[Any],
    path: Target = None,
    *,
    threshold: float = 0.5,
    title: str = "",
    resolution: int = 60,
) -> Figure:
    """The plane colored by what a model of two inputs answers there, with the samples on it.

    One output is compared with the threshold (0 for logits); of several, the largest is the prediction.
    Strong color is certainty, white is doubt.
    """
    with chart(size=(4.6, 4.4), path=path) as (figure, (axes,)):
        draw_boundary(axes, model, inputs, targets, threshold=threshold, resolution=resolution)
        axes.set_title(title)
    return figure


def draw_boundary(
    axes: Any,
    model: Callable[[list[float]], Any],
    inputs: Sequence[Sequence[float]],
    targets: Sequence[Any],
    *,
    threshold: float = 0.5,
    resolution: int = 60,
) -> None:
    """The same on axes that are there already."""
    xs, ys = (_spread([row[place] for row in inputs], resolution) for place in (0, 1))
    grid = [[x, y] for y in ys for x in xs]
    answers = model.outputs(grid) if isinstance(model, Module) else [_row(model(point)) for point in grid]
    colors = [_shade(answer, threshold) for answer in answers]
    picture = [colors[start : start + len(xs)] for start in range(0, len(colors), len(xs))]
    extent = (xs[0], xs[-1], ys[0], ys[-1])
    axes.imshow(picture, origin="lower", extent=extent, aspect="auto", interpolation="bilinear")
    if len(answers[0]) == 1:
        levels = [[answers[r * len(xs) + c][0] for c in range(len(xs))] for r in range(len(ys))]
        if min(map(min, levels)) < threshold < max(map(max, levels)):
            axes.contour(xs, ys, levels, [threshold], colors=INK, linewidths=1.0)
    for label in sorted(set(targets)):
        points = [row for row, target in zip(inputs, targets, strict=True) if target == label]
        color = COLORS[max(0, int(label)) % len(COLORS)]
        look = {"color": color, "edgecolor": "white", "linewidth": 0.6, "zorder": 3}
        axes.scatter(*zip(*points, strict=True), s=60 if len(inputs) < 10 else 16, **look)
    axes.grid(visible=False)


def confusion(matrix: Sequence[Sequence[int]], classes: Sequence[str] = (), path: Target = None) -> Figure:
    """A confusion matrix as a table of shades: rows are the truth, columns the answers."""
    names = [str(name) for name in classes] or [str(place) for place in range(len(matrix))]
    shades = LinearSegmentedColormap.from_list("shades", ["#ffffff", COLORS[0]])
    size = 1.8 + 0.42 * len(names)
    with chart(size=(size + 0.8, size), path=path) as (figure, (axes,)):
        shares = [[count / (sum(row) or 1) for count in row] for row in matrix]
        axes.imshow(shares, cmap=shades, vmin=0.0, vmax=1.0)
        for r, row in enumerate(matrix):
            for c, count in enumerate(row):
                if count:
                    ink = "white" if shares[r][c] > 0.5 else INK
                    axes.text(c, r, count, ha="center", va="center", color=ink, fontsize=9)
        long = max(map(len, names)) > 3
        axes.set_xticks(
            range(len(names)), names, rotation=30 if long else 0, ha="right" if long else "center"
        )
        axes.set_yticks(range(len(names)), names)
        axes.set_xlabel("answer")
        axes.set_ylabel("truth")
        axes.grid(visible=False)
    return figure


def activation_functions(
    activations: Sequence[Activation] = ("tanh", "sigmoid", "relu"), path: Target = None, *, span: float = 4.0
) -> Figure:
    """Each activation and, dashed, its derivative, which is the engine's own."""
    columns = min(3, len(activations))
    rows = -(-len(activations) // columns)
    with chart(rows, columns, size=(3.4 * columns, 2.9 * rows), path=path) as (figure, charts):
        for axes in charts[len(activations) :]:
            axes.set_axis_off()
        for axes, activation in zip(charts, activations, strict=False):
            xs = [span * (place / 100.0 - 1.0) for place in range(201)]
            values, slopes = zip(*(_with_slope(activation, x) for x in xs), strict=True)
            axes.plot(xs, values, label="output")
            axes.plot(xs, slopes, "--", label="derivative")
            axes.set_title(activation_name(activation))
            axes.set_ylim(max(-2.0, min(values) - 0.2), min(3.0, max(*values, *slopes) + 0.2))
        charts[0].legend()
    return figure


def fitted_curve(
    model: Callable[[list[float]], Any] | Mapping[str, Function],
    inputs: Sequence[Sequence[float]],
    targets: Sequence[float],
    path: Target = None,
    *,
    title: str = "",
) -> Figure:
    """The points, and the curve that a model of one input draws through them; or several, by name."""
    models = model if isinstance(model, Mapping) else {"fitted": _of_one_number(model)}
    with chart(size=(5.6, 3.8), path=path) as (figure, (axes,)):
        xs = _spread([row[0] for row in inputs], 200)
        axes.scatter([row[0] for row in inputs], targets, s=14, color="#8d8d8d", label="data", zorder=2)
        for color, (name, curve) in zip(COLORS[1:], models.items(), strict=False):
            axes.plot(xs, [curve(x) for x in xs], color=color, label=name, zorder=3)
        axes.set_title(title)
        axes.set_xlabel("x")
        axes.set_ylabel("y")
        axes.legend()
    return figure


def weights_and_gradients(model: Module, path: Target = None) -> Figure:
    """For each layer, how its weights and their gradients are spread; run backward first."""
    layers = [(name, part) for name, part in model.parts() if isinstance(part, Module) and part.parameters()]
    size = (2.9 * len(layers), 4.8)
    with chart(2, len(layers), size=size, path=path) as (figure, charts):
        for place, (name, part) in enumerate(layers):
            parameters = part.parameters()
            numbers = [parameter.data for parameter in parameters]
            slopes = [parameter.grad or 0.0 for parameter in parameters]
            for axes, values, what, color in (
                (charts[place], numbers, "parameters", COLORS[0]),
                (charts[place + len(layers)], slopes, "gradients", COLORS[1]),
            ):
                axes.hist(values, bins=24, color=color)
                spread = float(norm(values)) / len(values) ** 0.5
                axes.set_title(f"{name} {what}\nroot mean square {spread:.2g}", fontsize=9)
                axes.ticklabel_format(axis="x", style="sci", scilimits=(-2, 3))
    return figure


def _row(outputs: Any) -> list[float]:
    return [float(x) for x in (outputs if isinstance(outputs, list | tuple) else [outputs])]


def _of_one_number(model: Callable[[list[float]], Any]) -> Function:
    return lambda x: _row(model([x]))[0]


def _spread(numbers: Sequence[float], count: int) -> list[float]:
    """Evenly from a little below the smallest number to a little above the largest."""
    low, high = min(numbers), max(numbers)
    margin = 0.12 * (high - low or 1.0)
    return [low - margin + (high - low + 2 * margin) * place / (count - 1) for place in range(count)]


def _shade(answer: Sequence[float], threshold: float) -> tuple[float, ...]:
    """The color of the predicted class, the paler the less certain."""
    if len(answer) == 1:
        side = answer[0] - threshold
        label, certainty = int(side > 0), min(1.0, abs(side) / (threshold or 1.0))
    else:
        label = max(range(len(answer)), key=answer.__getitem__)
        certainty = min(1.0, max(0.0, answer[label] - sorted(answer)[-2]))
    strength = 0.08 + 0.42 * certainty
    return tuple(1.0 - strength * (1.0 - part) for part in to_rgb(COLORS[label % len(COLORS)]))


def _with_slope(activation: Activation, x: float) -> tuple[float, float]:
    node = Value(x)
    output = activation_function(activation)(node)
    output.backward()
    return output.data, node.grad or 0.0
