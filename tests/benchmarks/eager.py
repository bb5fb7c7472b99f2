"""Eager speed: this engine beside others, on the same graphs, in the same process, taking turns.

W1 is a graph of about 100,000 mul, add, tanh and relu nodes; W2 a training step's loss and gradient on moons
(MLP 2-16-16-1, 100 samples, hinge loss and L2), written with this engine's dot and total, and with scalar
operators everywhere else. A turn builds the graph, runs backward, drops the graph, and collects what only
the cyclic garbage collector can free: micrograd's nodes are cycles, so that collecting is part of its price.
Times are CPU times; a figure is the median over the rounds of theirs ÷ ours, so that higher is better for us.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import math
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from engine import Value, dot, total

ROUNDS = 7
Build = Callable[[], Any]


@dataclass(frozen=True)
class Peer:
    """How an engine makes a scalar, applies tanh and relu to it, and runs a whole graph backward."""

    make: Callable[[float], Any]
    tanh: Callable[[Any], Any]
    relu: Callable[[Any], Any]
    run: Callable[[Build], Any] = lambda build: build().backward()


def chains(peer: Peer) -> Any:
    """W1: 250 chains of 100 steps relu(tanh(x·w + b)), added up in pairs."""
    make, tanh, relu = peer.make, peer.tanh, peer.relu
    w, b = make(0.9), make(0.1)
    ends = []
    for k in range(250):
        x = make(0.5 + 0.001 * k)
        for _ in range(100):
            x = relu(tanh(x * w + b))
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


def network(peer: Peer) -> Network:
    """The weights and bias of each neuron of each layer of a 2-16-16-1 network."""
    draw, make = random.Random(3), peer.make
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


def moons(peer: Peer, layers: Network, neuron: Any = scalar_neuron, add_up: Any = scalar_sum) -> Any:
    """W2: mean hinge loss over 100 samples, plus 1e-4 Σ p²."""
    losses = []
    for sample, target in zip(INPUTS, TARGETS, strict=True):
        values = [peer.make(x) for x in sample]
        for depth, layer in enumerate(layers):
            values = [neuron(weights, values, bias) for weights, bias in layer]
            if depth < len(layers) - 1:
                values = [peer.relu(value) for value in values]
        losses.append(peer.relu(values[0] * -target + 1.0))
    parameters = [p for layer in layers for weights, bias in layer for p in (*weights, bias)]
    return add_up(losses) * (1.0 / len(losses)) + add_up([p * p for p in parameters]) * 1e-4


def micrograd_peer() -> Peer:
    """micrograd 0.1.0, whose Value has no tanh: here it is in its own style."""
    value = importlib.import_module("micrograd.engine").Value

    def tanh(x: Any) -> Any:
        t = math.tanh(x.data)
        out = value(t, (x,), "tanh")

        def _backward() -> None:
            x.grad += (1 - t * t) * out.grad

        out._backward = _backward
        return out

    return Peer(value, tanh, value.relu)


def torch_peer() -> Peer:
    """PyTorch, a tensor without dimensions for every scalar."""
    torch = importlib.import_module("torch")
    return Peer(
        lambda number: torch.tensor(number, dtype=torch.float64, requires_grad=True), torch.tanh, torch.relu
    )


def xad_peer() -> Peer:
    """xad, whose C++ tape has to be told what is about to be recorded."""
    module, functions = importlib.import_module("xad.adj_1st"), importlib.import_module("xad.math")
    tapes: list[Any] = []

    def make(number: float) -> Any:
        real = module.Real(number)
        if tapes:
            tapes[-1].registerInput(real)
        return real

    def run(build: Build) -> None:
        with module.Tape() as tape:
            tapes.append(tape)
            tape.newRecording()
            root = build()
            tape.registerOutput(root)
            root.derivative = 1.0
            tape.computeAdjoints()
            tapes.pop()

    return Peer(make, functions.tanh, lambda x: functions.max(x, 0.0), run)


OURS = Peer(Value, Value.tanh, Value.relu)


def peers() -> dict[str, Peer]:
    """The engines that are installed here, by name."""
    found: dict[str, Peer] = {}
    for name, peer in (("micrograd", micrograd_peer), ("torch 0-dim", torch_peer), ("xad", xad_peer)):
        with contextlib.suppress(ImportError):
            found[name] = peer()
    return found


def turn(peer: Peer, build: Build) -> float:
    """CPU seconds to build, run backward, drop and collect, after the same once untimed.

    Else a turn would pay for what the one before it has left in the caches, and the quickest would pay most.
    """
    peer.run(build)
    gc.collect()
    start = time.process_time()
    peer.run(build)
    gc.collect()
    return time.process_time() - start


Turns = dict[str, tuple[Peer, Build]]


def workloads() -> dict[str, Turns]:
    """{workload: {engine: its peer and how it builds the graph}}, ours under "engine"."""
    engines = {"engine": OURS, **peers()}
    chained: Turns = {name: (peer, partial(chains, peer)) for name, peer in engines.items()}
    trained: Turns = {}
    for name, peer in engines.items():
        if name == "xad":  # its parameters would have to be made anew on every tape
            trained[name] = (peer, lambda peer=peer: moons(peer, network(peer)))  # type: ignore[misc]
        else:
            trained[name] = (peer, partial(moons, peer, network(peer)))
    trained["engine"] = (OURS, partial(moons, OURS, network(OURS), dot, total))
    trained["engine, scalars only"] = (OURS, partial(moons, OURS, network(OURS)))
    return {"W1 chains": chained, "W2 moons": trained}


def ratios(turns: Turns, rounds: int) -> dict[str, float]:
    """{engine: the median over the rounds of its time ÷ ours}."""
    found: dict[str, list[float]] = {name: [] for name in turns}
    for _ in range(rounds):
        times = {name: turn(*pair) for name, pair in turns.items()}
        for name, seconds in times.items():
            found[name].append(seconds / times["engine"])
    return {name: statistics.median(quotients) for name, quotients in found.items()}


MEMORY = """
import gc, sys, tracemalloc
{setup}
x, w, c = make(1.0), make(0.999), make(0.001)
tracemalloc.start()
before = tracemalloc.get_traced_memory()[0]
keep = []
for _ in range(1000):
    y = x
    for _ in range(100):
        y = y * w + c
    keep.append(y)
print((tracemalloc.get_traced_memory()[0] - before) / 200_000)
"""


def bytes_per_node() -> dict[str, str]:
    """Python's own count of bytes for a node of a 200,000-node mul/add graph, each in its own process."""
    setups = {
        "engine": "from engine import Value as make",
        "micrograd": "from micrograd.engine import Value as make",
    }
    wanted = {name: setups[name] for name in ("engine", *peers()) if name in setups}
    return {name: in_a_process(MEMORY.format(setup=setup)) for name, setup in wanted.items()}


def in_a_process(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else f"died: {done.stderr.strip().splitlines()[-1:]}"


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
    for workload, turns in workloads().items():
        gc.collect()
        gc.freeze()
        gc.disable()
        off = ratios(turns, ROUNDS)
        gc.enable()
        on = ratios(turns, ROUNDS)
        others = [name for name in turns if name != "engine"]
        lines += [f"{workload:12}{name:24}{off[name]:>15.2f}x{on[name]:>15.2f}x" for name in others]
    lines += [f"{'memory':12}{name:24}{size:>16} bytes a node" for name, size in bytes_per_node().items()]
    lines.append(f"{'depth':12}1,000,000 operations in a chain: {deep_chain()}")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
