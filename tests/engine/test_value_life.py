"""How long Values live: deep graphs, freeing, copies, threads, processes."""

from __future__ import annotations

import copy
import gc
import pickle
import subprocess
import sys
import threading
import weakref

import pytest

from engine import Value, dot
from engine.graph import topological_order


def deep_chain(depth: int) -> tuple[Value, Value]:
    x = start = Value(1.0)
    for _ in range(depth):
        x = x * 0.999999 + 1e-9
    return start, x


def test_a_graph_of_100_000_operations_is_built_run_backward_and_freed() -> None:
    start, root = deep_chain(50_000)  # deeper than the interpreter recurses, and than C does
    root.backward()
    assert start.grad == pytest.approx(0.999999**50_000, rel=1e-9)
    del root


def test_a_dropped_graph_is_freed_without_the_cyclic_collector() -> None:
    class Watched(Value):
        __slots__ = ("__weakref__",)

    gc.disable()
    try:
        watched = Watched(2.0)
        gone = weakref.ref(watched)
        y = (watched * watched).tanh()
        z = dot([y, watched], [y, y])
        z.backward()
        del watched, y, z
        assert gone() is None
    finally:
        gc.enable()


def test_deep_copies_are_whole_separate_and_of_any_depth() -> None:
    start, root = deep_chain(20_000)
    start.label = "start"
    twin_start, twin = copy.deepcopy([start, root])
    twin.backward()
    assert start.grad is None
    assert twin_start.label == "start"
    root.backward()
    assert twin_start.grad == start.grad
    n_ary = copy.deepcopy(dot([Value(2.0, label="w")], [Value(3.0)]))
    assert [parent.label for parent in topological_order(n_ary)[0:1]] == ["w"]
    n_ary.backward()
    assert n_ary.parents[0].grad == 3.0


def test_a_shallow_copy_has_no_gradient() -> None:
    a = Value(2.0, label="a")
    (a * a).backward()
    twin = copy.copy(a)
    assert (twin.data, twin.label, twin.grad) == (2.0, "a", None)
    assert a.grad == 4.0


def test_leaves_pickle_and_graphs_refuse() -> None:
    twin = pickle.loads(pickle.dumps(Value(2.0, label="w")))  # noqa: S301  (our own bytes)
    assert (twin.data, twin.label) == (2.0, "w")
    with pytest.raises(TypeError, match="save the parameters"):
        pickle.dumps(Value(2.0) * 3)


def test_graphs_are_built_and_run_in_four_threads_at_once() -> None:
    def work(seed: int, results: dict[int, float]) -> None:
        for _ in range(200):
            x = Value(0.1 * seed)
            y = x
            for _ in range(20):
                y = (y * x + 0.5).tanh()
            y.backward()
            assert x.grad is not None
            results[seed] = x.grad

    alone: dict[int, float] = {}
    for seed in range(4):
        work(seed, alone)
    together: dict[int, float] = {}
    threads = [threading.Thread(target=work, args=(seed, together)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone


PROGRAM = """
import random
from engine import Value, dot, total
draw = random.Random(7)
weights = [Value(draw.gauss(0, 1), label=f"w{i}") for i in range(30)]
values = weights
for _ in range(6):
    values = [dot(weights, values).tanh() + draw.choice(values) for _ in range(30)]
total(values).backward()
print([w.grad.hex() for w in weights])
"""


def test_same_program_same_bits_in_every_process() -> None:
    printed = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "424242")
    }
    assert len(printed) == 1


def test_importing_the_engine_imports_no_third_party_module() -> None:
    program = (
        "import sys; before = set(sys.modules); import engine, engine.calculus; "
        "print({name.partition('.')[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    assert done.stdout.strip() == "{'engine'}"
