"""Programs as JAX functions: the same numbers, compiled, mapped, and divided among devices."""

from __future__ import annotations

import inspect
import json
import os
import random
import re
import socket
import subprocess
import sys
import textwrap
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import fuzz
import numpy as np
import pytest

from engine import Value, atan2, compile, dot, logsumexp, maximum, norm, ops, pick, softmax, total  # noqa: A004
from engine.errors import ReplayError
from engine.operation import Operation
from engine.replay.backends.arrays import REDUCTIONS
from engine.replay.backends.jax.functions import PRIMITIVES, functions
from engine.replay.backends.numpy.functions import function_of
from engine.replay.compiled import Compiled
from engine.replay.recording.selection import BEYOND_ONE, LARGEST
from nn import MLP

ROOT = Path(__file__).parents[4]
needs_jax = pytest.mark.skipif(find_spec("jax") is None, reason="jax is not installed (the extra `jax`)")


@pytest.fixture
def jax() -> Iterator[Any]:
    """JAX with numbers of 64 bits; afterwards as it was."""
    module = pytest.importorskip("jax", reason="jax is not installed (the extra `jax`)")
    before = module.config.jax_enable_x64
    module.config.update("jax_enable_x64", True)
    yield module
    module.config.update("jax_enable_x64", before)


def drawn(seed: int, *sizes: int) -> Any:
    return np.random.default_rng(seed).normal(size=sizes)


def weights_of(p: Any) -> Any:
    return np.array([parameter.data for parameter in p.parameters])


def agrees(jax: Any, p: Any, *arguments: Any) -> None:
    weights = weights_of(p)
    losses, gradients = p.value_and_gradients(weights, *arguments)  # which records
    found = jax.jit(p.to_jax())(weights, *map(np.asarray, arguments))
    assert found[0].dtype == found[1].dtype == np.float64
    assert abs(found[0] - losses).max() <= 1e-12 * max(1.0, abs(losses).max())
    assert abs(found[1] - gradients).max() <= 1e-12 * max(1.0, abs(gradients).max())


def moons() -> tuple[Any, Any, Any]:
    model = MLP(2, [6, 5, 1], activation="tanh", seed=0)
    some = model.parameters()[:9]
    p = compile(lambda x, y: (1.0 - y * model(x)[0]).relu() + 1e-3 * dot(some, some), model)
    return p, drawn(1, 12, 2), np.sign(drawn(2, 12))


def sequences() -> tuple[Any, Any, Any]:
    """A tiny attention: picked rows, ragged sums, softmax, a norm."""
    draw = random.Random(3)
    table = [[Value(draw.gauss(0, 1)) for _ in range(3)] for _ in range(4)]
    mixing = [[Value(draw.gauss(0, 1)) for _ in range(3)] for _ in range(4)]

    def loss(tokens: Any, targets: Any) -> Value:
        rows = [pick(table, token) for token in tokens]
        found = []
        for place, target in enumerate(targets):
            seen = rows[: place + 1]
            shares = softmax([dot(rows[place], row) for row in seen])
            mixed = [dot(shares, [row[k] for row in seen]) for k in range(3)]
            scores = [dot(weights, mixed) for weights in mixing]
            found.append(logsumexp(scores) - pick(scores, target) + 0.1 * norm(mixed))
        return total(found) / len(found)

    tokens = np.random.default_rng(4).integers(0, 4, (5, 6))
    return compile(loss, [value for row in table + mixing for value in row]), tokens[:, :-1], tokens[:, 1:]


def test_a_network_and_attention_give_what_numpy_gives(jax: Any) -> None:
    for p, *batch in (moons(), sequences()):
        p(*batch)
        agrees(jax, p, *batch)


def test_shared_rows_held_values_single_numbers_and_no_arguments(jax: Any) -> None:
    w, held = [Value(0.5), Value(-2.0), Value(3.0)], Value(7.0)
    p = compile(lambda x: (x * w[0]).exp() * held + total(v * v for v in w), w)
    p([0.25])
    agrees(jax, p, [0.25, 0.5, -1.0])
    alone = compile(lambda: (w[0] * w[1] - held) ** 2, w[:2])
    alone()
    losses, gradients = alone.to_jax()(np.array([0.5, -2.0]))
    assert (losses.tolist(), gradients.tolist()) == ([64.0], [32.0, -8.0])


def test_weights_inside_elementwise_operations_and_very_ragged_sums(jax: Any) -> None:
    w = [Value(0.5), Value(-2.0)]
    p = compile(lambda x: atan2(x[0], w[0]) + maximum(w[1], x[1]) * w[0], w)
    agrees(jax, p, drawn(6, 7, 2))
    sums = [(0, 60), *((k, k + 2) for k in range(40))]
    p = compile(lambda x: total((total(x[a:b]) * w[0]).tanh() for a, b in sums) * w[1], w)
    agrees(jax, p, drawn(7, 3, 60) / 5.0)


@needs_jax
@pytest.mark.parametrize("make", [fuzz.network_case, fuzz.sequence_case])
@pytest.mark.parametrize("seed", range(4))
def test_cases_of_the_fuzzer(make: Any, seed: int, jax: Any) -> None:
    case = make(random.Random(seed))
    first = [np.shape(argument) for argument in case.samples[0]]
    samples = [sample for sample in case.samples if [np.shape(argument) for argument in sample] == first]
    p = compile(case.function, case.parameters)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # parameters that are not used are on purpose
        agrees(jax, p, *(np.array(argument) for argument in zip(*samples, strict=True)))


def test_to_jax_records_the_samples_it_is_given_and_every_shape_so_far(jax: Any) -> None:
    w = [Value(0.5), Value(-2.0)]
    p = compile(lambda x: dot(x, x) * w[0] + w[1], w)
    with pytest.raises(ReplayError, match="give to_jax a few samples"):
        p.to_jax()
    f = p.to_jax([[1.0, 2.0]])
    assert f(np.array([1.0, 0.0]), np.array([[1.0, 2.0], [3.0, 4.0]]))[0].tolist() == [5.0, 25.0]
    with pytest.raises(ReplayError, match=r"was not recorded for arrays of the shapes \[\(1, 3\)\]"):
        f(np.array([1.0, 0.0]), np.ones((1, 3)))
    p([[1.0, 2.0, 3.0]])
    assert p.to_jax()(np.array([1.0, 0.0]), np.ones((1, 3)))[0].tolist() == [3.0]
    with pytest.raises(ReplayError, match=r"weights must have the shape \(2,\)"):
        f(np.ones(3), np.ones((1, 2)))
    with pytest.raises(ReplayError, match="one entry per sample"):
        f(np.ones(2), 1.0)


def test_vmap_runs_many_models_at_once(jax: Any) -> None:
    p, x, y = moons()
    f = p.to_jax(x, y)
    many = drawn(5, 4, len(p.parameters))
    losses, gradients = jax.jit(jax.vmap(f, in_axes=(0, None, None)))(many, x, y)
    assert (losses.shape, gradients.shape) == ((4, 12), (4, len(p.parameters)))
    for number, weights in enumerate(many):
        expected = p.value_and_gradients(weights, x, y)
        assert losses[number] == pytest.approx(expected[0], rel=1e-12, abs=1e-12)
        assert gradients[number] == pytest.approx(expected[1], rel=1e-12, abs=1e-12)


def test_it_computes_in_the_type_of_the_weights(jax: Any) -> None:
    p, x, y = moons()
    f = p.to_jax(x, y)
    losses, gradients = jax.jit(f)(weights_of(p).astype(np.float32), x, y)
    assert losses.dtype == gradients.dtype == np.float32
    assert losses == pytest.approx(p(x, y), rel=1e-4, abs=1e-5)


def test_what_eager_refuses_is_nan(jax: Any) -> None:
    w = [Value(1.0), Value(2.0), Value(3.0)]
    p = compile(lambda k: pick(w, k) * 2.0, w)
    losses, _ = p.to_jax([0, 1])(np.array([1.0, 2.0, 3.0]), np.array([0.0, -1.0, 3.0, 1.5]))
    assert losses[:2].tolist() == [2.0, 6.0]
    assert np.isnan(losses[2:]).all()


def test_what_cannot_be_one_program_is_refused() -> None:
    pytest.importorskip("jax", reason="jax is not installed (the extra `jax`)")
    w = [Value(1.0)]
    with pytest.raises(ReplayError, match="takes another way for some samples"):
        compile(lambda x: x * w[0] if x > 0 else x - w[0], w).to_jax([1.0])
    with pytest.raises(ReplayError, match="returns a list"):
        compile(lambda x: [x * w[0]], w).to_jax([1.0])
    ragged = compile(lambda rows: total(total(row) for row in rows) * w[0], w)
    with pytest.raises(ReplayError, match="ragged lists only"):
        ragged.to_jax([[[1.0], [1.0, 2.0]]])(np.ones(1), np.ones((1, 2, 2)))


def test_without_jax_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    w = [Value(1.0)]
    monkeypatch.setitem(sys.modules, "jax.numpy", None)
    with pytest.raises(ReplayError, match="pip install jax"):
        compile(lambda x: x * w[0], w).to_jax([1.0])


@needs_jax
@pytest.mark.parametrize("operation", sorted(PRIMITIVES, key=repr), ids=repr)
def test_every_primitive_gives_what_numpy_gives(operation: Operation, jax: Any) -> None:
    sample = operation.domain.sample or ((-3.0, 3.0),) * (operation.arity or 1)
    draw = random.Random(operation.name)
    operands = [np.array([draw.uniform(low, high) for _ in range(200)]) for low, high in sample]
    operands = [
        np.append(column, [low, high, (low + high) / 2])
        for column, (low, high) in zip(operands, sample, strict=True)
    ]
    expected = np.empty(len(operands[0]))
    with np.errstate(all="ignore"):
        function_of(operation)(*operands, out=expected)
    found = np.asarray(functions()[operation](*map(jax.numpy.asarray, operands)), dtype=float)
    assert found == pytest.approx(expected, rel=1e-12, abs=1e-13, nan_ok=True)


@needs_jax
@pytest.mark.parametrize("row", [row for row in ops.TABLE.values() if row.arity], ids=repr)
def test_every_row_with_its_derivatives(row: Operation, jax: Any) -> None:
    """What is no primitive is lowered to them; what cannot be is refused in one sentence."""
    draw = random.Random(row.name)
    columns = [np.array([draw.uniform(*interval) for _ in range(20)]) for interval in row.domain.sample]
    w = [Value(1.0) for _ in columns]
    p = compile(lambda *x: row(*[v * a for v, a in zip(w, x, strict=True)]), w)
    if row in PRIMITIVES or row.lowered:
        agrees(jax, p, *columns)
    else:
        with pytest.raises(ReplayError, match="which JAX cannot trace"):
            p.to_jax(*columns)


def test_reductions_of_infinite_and_equal_numbers(jax: Any) -> None:
    inf = np.inf
    terms = np.array([[0.0, 1000.0, -inf, inf, 3.0], [0.0, 1000.0, -inf, 1.0, -4.0]])[:, :, None]
    found = {row: f(jax.numpy, jax.numpy.asarray(terms))[:, 0].tolist() for row, f in REDUCTIONS.items()}
    assert found[LARGEST] == [0.0, 1000.0, -inf, inf, 3.0]
    assert found[ops.norm] == pytest.approx([0.0, 1000 * np.sqrt(2), inf, inf, 5.0])
    exponentials = np.array([[1.0, 1.0, 0.0, inf], [1.0, 1e-30, 0.0, 1.0]])[:, :, None]
    found = {
        row: f(jax.numpy, jax.numpy.asarray(exponentials))[:, 0].tolist() for row, f in REDUCTIONS.items()
    }
    assert found[BEYOND_ONE] == [1.0, 1e-30, -1.0, inf]


FOUR_DEVICES = """
    import json
    import jax, numpy as np
    from jax.sharding import Mesh, NamedSharding, PartitionSpec
    import test_jax

    devices = jax.devices()
    mesh = Mesh(np.array(devices), ("data",))
    divided, everywhere = NamedSharding(mesh, PartitionSpec("data")), NamedSharding(mesh, PartitionSpec())
    found = []
    for p, x, y in (test_jax.moons(), test_jax.sequences()):
        x, y = (np.concatenate([a] * 4) for a in (x, y))
        weights = test_jax.weights_of(p)
        losses, gradients = p.value_and_gradients(weights, x, y)
        step = jax.jit(p.to_jax(), out_shardings=(divided, everywhere))
        there = jax.device_put(weights, everywhere), jax.device_put(x, divided), jax.device_put(y, divided)
        text = step.lower(*there).compile().as_text()
        got = step(*there)
        found.append({
            "devices": len(got[0].sharding.device_set),
            "shards": sorted({shard.data.shape[0] for shard in got[0].addressable_shards}),
            "samples": len(x),
            "loss error": float(abs(np.asarray(got[0]) - losses).max()),
            "gradient error": float(abs(np.asarray(got[1]) - gradients).max() / abs(gradients).max()),
            "sums over devices": text.count("all-reduce("),
            "gathers": text.count("all-gather("),
        })
    print(json.dumps(found))
"""


def in_a_process_of_its_own(script: str, devices: int, *arguments: str) -> subprocess.Popen[str]:
    """Python with so many virtual devices, running the script."""
    environment = dict(os.environ, JAX_ENABLE_X64="1", JAX_PLATFORMS="cpu")
    environment["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={devices}"
    places = [str(ROOT), str(Path(__file__).parent), *filter(None, sys.path)]
    environment["PYTHONPATH"] = os.pathsep.join(places)
    command = [sys.executable, "-c", textwrap.dedent(script), *arguments]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def last_line_of(process: subprocess.Popen[str]) -> Any:
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    return json.loads(output.splitlines()[-1])


@needs_jax
def test_data_divided_over_four_devices_gives_the_same_gradients() -> None:
    for found in last_line_of(in_a_process_of_its_own(FOUR_DEVICES, 4)):
        assert found["devices"] == 4
        assert found["shards"] == [found["samples"] // 4], "the losses stay divided as the data were"
        assert found["loss error"] <= 1e-12
        assert found["gradient error"] <= 1e-12
        assert found["sums over devices"] > 0
        assert found["gathers"] == 0, "no sample leaves its device"


TWO_PROCESSES = """
    import json, sys
    import jax, numpy as np
    from jax.sharding import Mesh, NamedSharding, PartitionSpec
    import test_jax

    number = int(sys.argv[2])
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(f"localhost:{sys.argv[1]}", 2, number)
    p, x, y = test_jax.moons()
    weights = test_jax.weights_of(p)
    losses, gradients = p.value_and_gradients(weights, x, y)
    divided = NamedSharding(Mesh(np.array(jax.devices()), ("data",)), PartitionSpec("data"))
    mine = slice(6 * number, 6 * number + 6)
    there = [jax.make_array_from_process_local_data(divided, a[mine]) for a in (x, y)]
    found = jax.jit(p.to_jax())(weights, *there)[1]
    error = abs(np.asarray(found) - gradients).max() / abs(gradients).max()
    print(json.dumps([len(jax.devices()), len(jax.local_devices()), float(error)]))
"""


@needs_jax
def test_two_processes_with_half_of_the_data_each_get_the_whole_gradient() -> None:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = str(free.getsockname()[1])
    both = [in_a_process_of_its_own(TWO_PROCESSES, 1, port, number) for number in "01"]
    for devices, here, error in [last_line_of(process) for process in both]:
        assert (devices, here) == (2, 1)
        assert error <= 1e-12


@needs_jax
def test_the_example_of_the_documentation_runs() -> None:
    documented = inspect.getdoc(Compiled.to_jax) or ""
    example = textwrap.dedent(re.findall(r"^    import jax\n(?:    .*\n|\n)+", documented, re.MULTILINE)[0])
    before = "import numpy as np, json, test_jax\np, x, y = test_jax.moons()\n"
    after = "print(json.dumps([len(jax.devices()), losses.shape, gradient.shape, len(weights)]))\n"
    found = last_line_of(in_a_process_of_its_own(before + example + after, 4))
    assert found == [4, [12], [59], 59]


def test_ties_and_kinks_follow_the_table(jax: Any) -> None:
    """A tie is split, and relu has no path at 0: the way back comes from the rows, not from JAX."""
    w = [Value(1.0), Value(1.0)]
    f = compile(lambda x: maximum(x * w[0], x * w[1]) + (w[0] - w[1]).relu() * x, w).to_jax([2.0])
    assert f(np.ones(2), np.array([2.0]))[1].tolist() == [1.0, 1.0]
