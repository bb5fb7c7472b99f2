"""The page of a film: its data, the network as JavaScript, and the files around them."""

from __future__ import annotations

import base64
import html
import json
import math
import sys
from array import array
from collections.abc import Sequence
from importlib.resources import files
from string import Template
from typing import Any, NamedTuple

from engine import Value, to_source
from nn.modules.activations import activation_name
from nn.modules.layers import Dropout, Layer, Sequential
from nn.modules.module import Module
from nn.training.history import History
from nn.training.losses import Loss
from nn.training.tasks import task_of

__all__ = ["Frame", "base64_of", "film_page", "frames_from"]

MOST_POINTS = {"plane": 400, "curve": 400, "layers": 40}
BINS = 24
SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")

_LINES = "click to keep it · a line's width and color are a weight: blue above 0, orange below"
HINTS = {
    "plane": f"point at a neuron to see its map large, {_LINES}",
    "curve": f"point at a neuron to see what it computes, {_LINES}",
    "layers": "heights of bars by square root",
}


class Frame(NamedTuple):
    """The parameters after an epoch, and the gradients of its last step."""

    epoch: int
    weights: array[float]
    gradients: array[float]


def film_page(
    model: Module,
    inputs: Sequence[Any],
    targets: Sequence[Any],
    loss: str | Loss,
    frames: Sequence[Frame],
    history: History,
    title: str,
) -> str:
    """The page as one text."""
    parameters = model.parameters()
    place = {parameter: number for number, parameter in enumerate(parameters)}
    sample = [Value(0.0, label=name) for name in input_names(len(inputs[0]))]
    layers, roots = network(model, sample, place)
    kind = kind_of(len(sample), len(layers[-1]["neurons"]))
    if kind == "layers":
        for layer in layers:
            layer["gradients"] = histograms(layer, frames)
    forward = to_source(roots, "js", [*sample, *parameters], gradients=False)
    task = task_of(loss)
    decides = task is not None and task.answer([0.25]) != 0.25 if task else False
    data = {
        "kind": kind,
        "epochs": [frame.epoch for frame in frames],
        "columns": {name: [rounded(x) for x in history[name][: frames[-1].epoch]] for name in history},
        "points": points(inputs, targets, MOST_POINTS[kind]),
        "layers": layers,
        "inputs": [node.label for node in sample],
        "threshold": threshold_of(task),
        "decides": decides,
        "square": round(len(sample) ** 0.5) ** 2 == len(sample) >= 16,
        "weights": packed(frames),
    }
    last = ", ".join(f"{name} {number:.4g}" for name, number in history.last.items())
    return Template(_small("film.html")).substitute(
        title=html.escape(title[0].upper() + title[1:]),
        about=html.escape(about(layers, len(sample), len(inputs), frames)),
        kind=kind,
        last=html.escape(last),
        hint=HINTS[kind],
        style=_small("film.css"),
        data=json.dumps(data, separators=(",", ":"), ensure_ascii=False).replace("</", "<\\/"),
        forward=forward.replace("</", "<\\/"),
        script=_small("film.js"),
    )


def kind_of(inputs: int, outputs: int) -> str:
    """How a network is shown: over its plane, as a curve, or by what its layers hold."""
    if inputs == 2:
        return "plane"
    return "curve" if inputs == 1 and outputs == 1 else "layers"


def input_names(count: int) -> list[str]:
    """x₁, x₂, …

    >>> input_names(2)
    ['x₁', 'x₂']
    """
    return [
        "x" + "".join("₀₁₂₃₄₅₆₇₈₉"[int(digit)] for digit in str(number)) for number in range(1, count + 1)
    ]


def network(
    model: Module, sample: list[Value], place: dict[Value, int]
) -> tuple[list[dict[str, Any]], list[Value]]:
    """(what each layer is made of, the nodes that its neurons give, for these nodes as inputs).

    A network that is not layers of neurons, one after the other, is shown by its outputs alone.
    """
    if not isinstance(model, Sequential) or not all(
        isinstance(part, Layer | Dropout) for part in model.layers
    ):
        found = model(sample)
        outputs = list(found) if isinstance(found, list | tuple) else [found]
        neurons: list[dict[str, Any]] = [
            {"name": f"output {number}", "activation": "", "weights": [], "bias": None, "place": number - 1}
            for number in range(1, len(outputs) + 1)
        ]
        return [{"name": "output", "neurons": neurons}], outputs
    layers: list[dict[str, Any]] = []
    roots: list[Value] = []
    signal = sample
    parts = [part for part in model.layers if isinstance(part, Layer)]
    for number, part in enumerate(parts, start=1):
        signal = part(signal)
        name = "output" if number == len(parts) else f"layer {number}"
        activation = activation_name(part.activation)
        neurons = [
            {
                "name": f"{name}, neuron {count}" if len(part.neurons) > 1 or name != "output" else name,
                "activation": "" if activation == "linear" else activation,
                "weights": [place[weight] for weight in neuron.weights],
                "bias": place[neuron.bias],
                "place": len(roots) + count - 1,
            }
            for count, neuron in enumerate(part.neurons, start=1)
        ]
        roots += signal
        layers.append({"name": f"{name} · {activation}", "neurons": neurons})
    return layers, roots


def threshold_of(task: Any) -> float | None:
    """The output at which the answer changes; None where there is none."""
    if task is None or task.classes:
        return None
    return next((level for level in (0.5, 0.0) if task.answer([level]) != task.answer([level - 1e-9])), None)


def points(inputs: Sequence[Any], targets: Sequence[Any], most: int) -> list[dict[str, Any]]:
    """Some of the samples: x, and as y the target, the number of a class, or the first of several numbers."""
    step = max(1, -(-len(inputs) // most))
    return [
        {"x": [rounded(x) for x in row], "y": _truth(target)}
        for row, target in zip(inputs[::step], targets[::step], strict=True)
    ]


def _truth(target: Any) -> float:
    if not isinstance(target, list | tuple):
        return float(target)
    return float(target[0]) if len(target) == 1 else float(max(range(len(target)), key=target.__getitem__))


def packed(frames: Sequence[Frame]) -> dict[str, Any]:
    """The weights of all frames with 16 bits each, between their least and largest; the last frame exactly.

    Worst error of a weight: 1/131,070 of how far it moved in the film.
    """
    columns = list(zip(*(frame.weights for frame in frames), strict=True))
    low, high = [min(column) for column in columns], [max(column) for column in columns]
    steps = array("H")
    for frame in frames:
        steps.extend(
            round((x - a) / (b - a) * 65_535) if b > a else 0
            for x, a, b in zip(frame.weights, low, high, strict=True)
        )
    return {"low": low, "high": high, "bits": base64_of(steps), "last": base64_of(frames[-1].weights)}


def histograms(layer: dict[str, Any], frames: Sequence[Frame]) -> dict[str, Any]:
    """How the gradients of a layer's parameters are spread, frame by frame, over one range for all."""
    own = [k for neuron in layer["neurons"] for k in (*neuron["weights"], neuron["bias"]) if k is not None]
    rows = [[frame.gradients[k] for k in own] for frame in frames]
    reach = max((abs(x) for row in rows for x in row), default=0.0) or 1.0
    counts = []
    for row in rows:
        bins = [0] * BINS
        for x in row:
            bins[min(BINS - 1, int((x / reach + 1.0) / 2.0 * BINS))] += 1
        counts.append(bins)
    return {"range": [-reach, reach], "counts": counts}


def about(layers: list[dict[str, Any]], inputs: int, samples: int, frames: Sequence[Frame]) -> str:
    """One line under the title."""
    sizes = "-".join(str(size) for size in (inputs, *(len(layer["neurons"]) for layer in layers)))
    return f"{sizes} · {samples} samples · {frames[-1].epoch} epochs · {len(frames[0].weights):,} parameters"


def rounded(number: float) -> float | None:
    """A number with five digits, which is more than can be seen; None where JSON has no word for it."""
    return float(f"{number:.5g}") if number == number and abs(number) != float("inf") else None


def base64_of(numbers: array[Any]) -> str:
    """Numbers as text, the low byte first, as JavaScript reads them everywhere."""
    if sys.byteorder == "big":  # pragma: no cover
        numbers = array(numbers.typecode, numbers)
        numbers.byteswap()
    return base64.b64encode(numbers.tobytes()).decode()


def frames_from(state: dict[str, Any], parameters: int) -> list[Frame]:
    """The frames of a film's state; ValueError unless each has a finite number for every parameter."""
    columns = [[_floats(text, parameters) for text in state[name]] for name in ("weights", "gradients")]
    return [Frame(*row) for row in zip(state["epochs"], *columns, strict=True)]


def _floats(text: str, count: int) -> array[float]:
    raw = base64.b64decode(text, validate=True)
    if len(raw) != 4 * count:
        raise ValueError(f"a frame has {len(raw)} bytes, not {4 * count}")
    numbers = array("f", raw)
    if sys.byteorder == "big":  # pragma: no cover
        numbers.byteswap()
    if not all(map(math.isfinite, numbers)):
        raise ValueError("a number of a frame is not finite")
    return array("d", numbers)


def _small(name: str) -> str:
    """A file of this room without indentation, and without lines that are only a comment."""
    text = files("nn.inspection").joinpath(name).read_text(encoding="utf-8")
    lines = (line.strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))
