"""Eager speed: this engine beside others, on the same graphs, in the same process, taking turns.

W1 is a graph of about 100,000 mul, add, tanh and relu nodes; W2 a training step's loss and gradient on moons
(MLP 2-16-16-1, 100 samples, hinge loss and L2), written with this engine's dot and total, and with scalar
operators everywhere else. A turn builds the graph, runs backward, drops the graph, and collects what only
the cyclic garbage collector can free: micrograd's nodes are cycles, so that collecting is part of its price.
Times are CPU times; a figure is the median over the rounds of theirs ÷ ours, so that higher is better for us.
"""

from __future__ import annotations

import gc
import importlib
import math
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from engine import Value, dot, total

ROUNDS = 5
Build = Callable[[], Any]


def chains(make: Callable[[float], Any]) -> Any:
    """W1: 250 chains of 100 steps relu(tanh(x·w + b)), added up in pairs."""
    w, b = make(0.9), make(0.1)
    ends = []
    for k in range(250):
        x = make(0.5 + 0.001 * k)
        for _ in range(100):
            x = (x * w + b).tanh().relu()
        ends.append(x)
    while len(ends) > 1:
        ends = [ends[i] + ends[i + 1] if i + 1 < len(ends) else ends[i] for i in range(0, len(ends), 2)]
    return ends[0]


def points(seed: int = 1) -> tuple[list[list[float]], list[float]]:
    draw = random.Random(seed)
    inputs = [[draw.gauss(0, 1), draw.gauss(0, 1)] for _ in range(100)]
    return inputs, [1.0 if x[0] * x[1] > 0 else -1.0 for x in inputs]


INPUTS, TARGETS = points()
Network = list[list[tuple[list[Any], Any]]]


def network(make: Callable[[float], Any]) -> Network:
    """The weights and bias of each neuron of each layer of a 2-16-16-1 network."""
    draw = random.Random(3)
    return [
        [([make(draw.uniform(-1, 1)) for _ in range(width)], make(0.0)) for _ in range(count)]
        for width, count in ((2, 16), (16, 16), (16, 1))
    ]


def scalar_sum(values: Sequence[Any], start: Any = None) -> Any:
    for value in values:
        start = value if start is None else start + value
    return start


def scalar_neuron(weights: Sequence[Any], inputs: Sequence[Any], bias: Any) -> Any:
    return scalar_sum([w * x for w, x in zip(weights, inputs, strict=True)], bias)


def moons(layers: Network, make: Callable[[float], Any], neuron: Any, add_up: Any) -> Any:
    """W2: mean hinge loss over 100 samples, plus 1e-4 Σ p²."""
    losses = []
    for sample, target in zip(INPUTS, TARGETS, strict=True):
        values = [make(x) for x in sample]
        for depth, layer in enumerate(layers):
            values = [neuron(weights, values, bias) for weights, bias in layer]
            if depth < len(layers) - 1:
                values = [value.relu() for value in values]
        losses.append((values[0] * -target + 1.0).relu())
    parameters = [p for layer in layers for weights, bias in layer for p in (*weights, bias)]
    return add_up(losses) * (1.0 / len(losses)) + add_up([p * p for p in parameters]) * 1e-4


def with_tanh(engine: Any) -> Any:
    """micrograd's Value has no tanh; here it is in its own style."""

    def tanh(self: Any) -> Any:
        t = math.tanh(self.data)
        out = engine.Value(t, (self,), "tanh")

        def _backward() -> None:
            self.grad += (1 - t * t) * out.grad

        out._backward = _backward
        return out

    engine.Value.tanh = tanh
    return engine.Value


def torch_scalar(torch: Any) -> Callable[[float], Any]:
    return lambda number: torch.tensor(number, dtype=torch.float64, requires_grad=True)


def peers() -> dict[str, Callable[[float], Any]]:
    """How each installed engine makes a scalar."""
    found: dict[str, Callable[[float], Any]] = {}
    for name, module, maker in (
        ("micrograd", "micrograd.engine", with_tanh),
        ("torch 0-dim", "torch", torch_scalar),
    ):
        try:
            found[name] = maker(importlib.import_module(module))
        except ImportError:
            continue
    return found


def turn(build: Build) -> float:
    """CPU seconds to build, run backward, drop and collect."""
    gc.collect()
    start = time.process_time()
    root = build()
    root.backward()
    del root
    gc.collect()
    return time.process_time() - start


def taking_turns(builds: dict[str, Build], rounds: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in builds}
    for _ in range(rounds):
        for name, build in builds.items():
            times[name].append(turn(build))
    return times


def workloads() -> dict[str, dict[str, Build]]:
    """{workload: {engine: how it builds the graph}}, ours under "engine"."""
    makers: dict[str, Callable[[float], Any]] = {"engine": Value, **peers()}
    w1: dict[str, Build] = {name: lambda make=make: chains(make) for name, make in makers.items()}  # type: ignore[misc]
    w2: dict[str, Build] = {}
    for name, make in makers.items():
        parts = (dot, total) if name == "engine" else (scalar_neuron, scalar_sum)
        layers = network(make)
        w2[name] = lambda layers=layers, make=make, parts=parts: moons(layers, make, *parts)  # type: ignore[misc]
    w2["engine, scalars only"] = lambda layers=network(Value): moons(layers, Value, scalar_neuron, scalar_sum)  # type: ignore[misc]
    return {"W1 chains": w1, "W2 moons": w2}


def bytes_per_node() -> dict[str, float]:
    """Resident bytes a node of a 200,000-node mul/add graph, each engine in a process of its own."""
    program = """
import resource, sys
sys.setrecursionlimit(10**6)
{setup}
x, w, c = make(1.0), make(0.999), make(0.001)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
keep = []
for _ in range(1000):
    y = x
    for _ in range(100):
        y = y * w + c
    keep.append(y)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 / 200_000)
"""
    setups = {
        "engine": "from engine import Value as make",
        "micrograd": "from micrograd.engine import Value as make",
        "torch 0-dim": "import torch; make = lambda x: torch.tensor(x, dtype=torch.float64, requires_grad=True)",
    }
    wanted = {name: setups[name] for name in ("engine", *peers())}
    return {name: float(in_a_process(program.format(setup=setup))) for name, setup in wanted.items()}


def in_a_process(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else f"died ({done.stderr.strip().splitlines()[-1:]})"


def deep_chain() -> str:
    """What becomes of a chain of 1,000,000 operations: built, backward, freed."""
    return in_a_process(
        "from engine import Value\nx = start = Value(1.0)\n"
        "for _ in range(500_000): x = x * 0.999999 + 1e-9\n"
        "x.backward(); del x; print(f'survives, d end / d start = {start.grad:.6f}')"
    )


def table() -> str:
    """The eager table as text."""
    sys.setrecursionlimit(100_000)
    lines = ["eager: their time ÷ ours (median of rounds; CPU time; build + backward + free)"]
    lines.append(f"{'':12}{'':24}{'cyclic GC off':>16}{'cyclic GC on':>16}")
    for workload, builds in workloads().items():
        gc.freeze()
        ratios: dict[str, list[float]] = {}
        for enabled in (False, True):
            (gc.enable if enabled else gc.disable)()
            times = taking_turns(builds, ROUNDS)
            for name in builds:
                pairs = zip(times[name], times["engine"], strict=True)
                ratios.setdefault(name, []).append(statistics.median(theirs / ours for theirs, ours in pairs))
        lines += [
            f"{workload:12}{name:24}{off:>15.2f}x{on:>15.2f}x"
            for name, (off, on) in ratios.items()
            if name != "engine"
        ]
    lines += [f"{'memory':12}{name:24}{size:>13.0f} bytes a node" for name, size in bytes_per_node().items()]
    lines.append(f"{'depth':12}1,000,000 operations in a chain: {deep_chain()}")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
