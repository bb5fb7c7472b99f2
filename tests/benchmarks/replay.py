"""Replay's speed beside tensors, compilers and scalar engines: whole steps, taking turns in one process.

A step takes weights and a batch as float64 arrays and gives the losses and the gradient as arrays, copies
included; every peer has one thread, and has to find the same gradient first. Two workloads, written as
scalar neurons: moons, 2-16-16-1 relu with hinge loss, and digits, 64-64-64-10 relu with softmax and
cross-entropy. Times are wall-clock, the minimum and the median over all rounds; a ratio is of minima, and
higher is better for us.
"""

from __future__ import annotations

import contextlib
import os
import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # before anybody imports NumPy
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import numpy as np  # noqa: E402

from engine import Value, dot, logsumexp, pick  # noqa: E402
from engine.replay.compiled import Compiled, compile  # noqa: A004, E402

Array = Any
Step = Callable[[], tuple[Any, Array]]  # (the sum of the losses, the gradient)
SECONDS = 4.0  # for each row of the table
PEERS = ("torch", "jax.jit", "ddx-ad", "micrograd")


@dataclass(frozen=True)
class Workload:
    """A network, its loss, and a batch: weights row by row, each row with its bias at the end."""

    name: str
    sizes: tuple[int, ...]
    weights: Array
    inputs: Array
    targets: Array

    @property
    def is_hinge(self) -> bool:
        """Whether the loss is hinge on labels of ±1; else cross-entropy on classes."""
        return self.sizes[-1] == 1

    def layers(self, values: Sequence[Any]) -> Iterator[list[tuple[Sequence[Any], Any]]]:
        """The (weights, bias) of the neurons of each layer."""
        place = 0
        for inputs, outputs in pairwise(self.sizes):
            ends = [place + (inputs + 1) * (k + 1) for k in range(outputs)]
            yield [(values[end - inputs - 1 : end - 1], values[end - 1]) for end in ends]
            place = ends[-1]


def workload(name: str, batch: int) -> Workload:
    draw = np.random.default_rng(batch)
    targets: Array
    if name == "moons":
        sizes: tuple[int, ...] = (2, 16, 16, 1)
        targets = draw.integers(0, 2, batch) * 2.0 - 1.0
        angle = draw.uniform(0.0, np.pi, batch)
        inputs = np.stack([np.cos(angle) * targets, np.sin(angle) * targets], axis=1)
    else:
        sizes = (64, 64, 64, 10)
        inputs, targets = draw.integers(0, 17, (batch, 64)) / 16.0, draw.integers(0, 10, batch)
    count = sum((i + 1) * o for i, o in pairwise(sizes))
    weights = draw.uniform(-1.0, 1.0, count) * (0.5 if name == "moons" else 0.12)
    return Workload(name, sizes, weights, inputs + draw.normal(0.0, 0.1, inputs.shape), targets)


def scalar_loss(work: Workload, weights: Sequence[Value]) -> Callable[[Any, Any], Any]:
    """The loss of one sample as a learner writes it."""
    layers = list(work.layers(weights))

    def loss(x: Any, y: Any) -> Any:
        for number, layer in enumerate(layers):
            sums = [dot(row, x, bias) for row, bias in layer]
            x = [s.relu() for s in sums] if number < len(layers) - 1 else sums
        return (1.0 - y * x[0]).relu() if work.is_hinge else logsumexp(x) - pick(x, y)

    return loss


def replay(work: Workload, executor: str = "auto") -> tuple[Step, Compiled]:
    weights = [Value(number) for number in work.weights.tolist()]
    program = compile(scalar_loss(work, weights), weights, executor)

    def step() -> tuple[Any, Array]:
        losses, gradient = program.value_and_gradients(work.weights, work.inputs, work.targets)
        return losses.sum(), gradient

    return step, program


def eager(work: Workload) -> Step:
    """One graph per sample, of this engine's Values."""
    weights = [Value(number) for number in work.weights.tolist()]
    loss = scalar_loss(work, weights)
    samples = list(zip(work.inputs.tolist(), work.targets.tolist(), strict=True))

    def step() -> tuple[Any, Array]:
        for weight in weights:
            weight.grad = None
        whole = 0.0
        for x, y in samples:
            found = loss(x, y)
            found.backward()
            whole += found.data
        return whole, np.array([weight.grad or 0.0 for weight in weights])

    return step


def torch(work: Workload) -> Step:
    """A layer is a weight tensor and a bias tensor, as everybody writes it."""
    import torch as library  # noqa: PLC0415  (only where it is installed)

    library.set_num_threads(1)
    shapes = list(pairwise(work.sizes))
    functional = library.nn.functional

    def step() -> tuple[Any, Array]:
        flat = library.from_numpy(work.weights).clone().requires_grad_()
        x, y, place = library.from_numpy(work.inputs), library.from_numpy(work.targets), 0
        for number, (inputs, outputs) in enumerate(shapes):
            layer = flat[place : place + outputs * (inputs + 1)].view(outputs, inputs + 1)
            place += outputs * (inputs + 1)
            x = functional.linear(x, layer[:, :inputs], layer[:, inputs])
            x = library.relu(x) if number < len(shapes) - 1 else x
        if work.is_hinge:
            loss = library.relu(1.0 - y * x[:, 0]).sum()
        else:
            loss = functional.cross_entropy(x, y, reduction="sum")
        loss.backward()
        return loss.item(), flat.grad.numpy()

    return step


def torch_layers(work: Workload) -> Step:
    """The same with tensors that are made once and stay: no copies in, the gradient as it lies."""
    import torch as library  # noqa: PLC0415  (only where it is installed)

    library.set_num_threads(1)
    functional = library.nn.functional
    parts = []
    for layer in work.layers(work.weights):
        rows = library.tensor(np.array([row for row, _ in layer])).requires_grad_()
        parts.append((rows, library.tensor(np.array([bias for _, bias in layer])).requires_grad_()))
    everything = [tensor for pair in parts for tensor in pair]

    def step() -> tuple[Any, Array]:
        x, y = library.from_numpy(work.inputs), library.from_numpy(work.targets)
        for number, (rows, bias) in enumerate(parts):
            x = functional.linear(x, rows, bias)
            x = library.relu(x) if number < len(parts) - 1 else x
        if work.is_hinge:
            loss = library.relu(1.0 - y * x[:, 0]).sum()
        else:
            loss = functional.cross_entropy(x, y, reduction="sum")
        found = library.autograd.grad(loss, everything)
        joined = [
            library.cat((w, b[:, None]), 1).ravel() for w, b in zip(found[::2], found[1::2], strict=True)
        ]
        return loss.item(), [piece.numpy() for piece in joined]

    return step


def jax(work: Workload) -> Step:
    import jax as library  # noqa: PLC0415  (only where it is installed)

    library.config.update("jax_enable_x64", True)
    shapes = list(pairwise(work.sizes))

    def loss(flat: Any, x: Any, y: Any) -> Any:
        place = 0
        for number, (inputs, outputs) in enumerate(shapes):
            layer = flat[place : place + outputs * (inputs + 1)].reshape(outputs, inputs + 1)
            place += outputs * (inputs + 1)
            x = x @ layer[:, :inputs].T + layer[:, inputs]
            x = library.nn.relu(x) if number < len(shapes) - 1 else x
        if work.is_hinge:
            return library.nn.relu(1.0 - y * x[:, 0]).sum()
        picked = x[library.numpy.arange(len(y)), y]
        return (library.nn.logsumexp(x, axis=1) - picked).sum()

    both = library.jit(library.value_and_grad(loss))

    def step() -> tuple[Any, Array]:
        found, gradient = both(work.weights, work.inputs, work.targets)
        return float(found), np.asarray(gradient)

    return step


def ddx(work: Workload) -> Step | None:
    """Scalars compiled through LLVM, a batch per call; its compiler is for graphs of moons' size."""
    import ddx as library  # noqa: PLC0415  (only where it is installed)

    if not work.is_hinge:
        return None

    def model() -> Any:
        weights = [library.var(f"w{k}") for k in range(len(work.weights))]
        x = [library.param(f"x{k}") for k in range(work.sizes[0])]
        y = library.param("y")
        layers = list(work.layers(weights))
        for number, layer in enumerate(layers):
            sums = [sum((w * v for w, v in zip(row, x, strict=True)), bias) for row, bias in layer]
            x = [library.max(s, 0.0) for s in sums] if number < len(layers) - 1 else sums
        return library.max(1.0 - y * x[0], 0.0)

    function = library.equation(model).compile()
    count = len(work.weights)

    def step() -> tuple[Any, Array]:
        points = np.empty((count + work.sizes[0] + 1, len(work.targets)))
        points[:count] = work.weights[:, None]
        points[count:-1] = work.inputs.T
        points[-1] = work.targets
        losses, slopes = function.jacobian(points)
        return losses.sum(), slopes.sum(axis=-1)

    return step


def micrograd(work: Workload) -> Step | None:
    """One graph per sample; only for batches that end in finite time."""
    from micrograd.engine import Value as Scalar  # noqa: PLC0415  (only where it is installed)

    if not work.is_hinge or len(work.targets) > 1000:
        return None
    weights = [Scalar(number) for number in work.weights.tolist()]
    layers = list(work.layers(weights))

    def step() -> tuple[Any, Array]:
        for weight in weights:
            weight.grad = 0.0
        whole = 0.0
        for inputs, y in zip(work.inputs.tolist(), work.targets.tolist(), strict=True):
            x = inputs
            for number, layer in enumerate(layers):
                sums = [sum((w * v for w, v in zip(row, x, strict=True)), bias) for row, bias in layer]
                x = [s.relu() for s in sums] if number < len(layers) - 1 else sums
            loss = (1.0 - y * x[0]).relu()
            loss.backward()
            whole += loss.data
        return whole, np.array([weight.grad for weight in weights])

    return step


MAKERS: dict[str, Callable[[Workload], Step | None]] = {
    "torch": torch,
    "torch, own tensors": torch_layers,
    "jax.jit": jax,
    "ddx-ad": ddx,
    "micrograd": micrograd,
    "eager": eager,
}


def steps(work: Workload) -> tuple[dict[str, Step], Compiled]:
    """{engine: its step} for those that are installed, each of which has found the same as replay."""
    ours, program = replay(work)
    loss, gradient = ours()
    found = {"replay": ours}
    if program.executor != "numpy":
        found["replay (numpy)"] = replay(work, "numpy")[0]
    for name, maker in MAKERS.items():
        if name == "eager" and len(work.targets) > 1000:
            continue
        with contextlib.suppress(ImportError):
            step = maker(work)
            if step is not None:
                theirs, slopes = step()
                flat = np.concatenate(slopes) if isinstance(slopes, list) else slopes
                np.testing.assert_allclose(theirs, loss, rtol=1e-9)
                np.testing.assert_allclose(flat, gradient, rtol=1e-8, atol=1e-8 * abs(gradient).max())
                found[name] = step
    return found, program


def turns(found: dict[str, Step], seconds: float) -> dict[str, tuple[float, float]]:
    """{engine: (minimum, median)} in microseconds; slow ones take their turn less often."""
    times: dict[str, list[float]] = {name: [] for name in found}
    pause = dict.fromkeys(found, 0.0)
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or not all(times.values()):
        for name, step in random.Random(len(times["replay"])).sample(sorted(found.items()), len(found)):
            if time.perf_counter() < pause[name]:
                continue
            start = time.perf_counter()
            step()
            times[name].append(time.perf_counter() - start)
            pause[name] = time.perf_counter() + (5 * times[name][-1] if times[name][-1] > seconds / 50 else 0)
    return {name: (min(all_) * 1e6, statistics.median(all_) * 1e6) for name, all_ in times.items()}


def missing() -> list[str]:
    """The peers that are not installed here."""
    absent = []
    for name, module in zip(PEERS, ("torch", "jax", "ddx", "micrograd"), strict=True):
        try:
            __import__(module)
        except ImportError:
            absent.append(name)
    return absent


def table(seconds: float = SECONDS) -> str:
    """The replay table as text."""
    lines = [f"{'replay: µs a step':26}{'engine':>20}{'minimum':>12}{'median':>12}{'x replay':>10}"]
    for name, batch in (("moons", 100), ("moons", 10_000), ("digits", 32), ("digits", 1797)):
        found, program = steps(workload(name, batch))
        times = turns(found, seconds)
        ours = times["replay"][0]
        for engine, (least, middle) in times.items():
            title = f"{name}, batch {batch:,}" if engine == "replay" else ""
            shown = f"replay ({program.executor})" if engine == "replay" else engine
            lines.append(f"{title:26}{shown:>20}{least:>12,.1f}{middle:>12,.1f}{least / ours:>9,.2f}x")
        lines.append(f"{'':26}recorded: {program.stats}")
    if absent := missing():
        lines.append(f"not installed here, so not in this table: {', '.join(absent)}")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
