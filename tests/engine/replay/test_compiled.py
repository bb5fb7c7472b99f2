"""compile(): arrays in, arrays out; branches, ragged samples, and everything that can go wrong."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from engine.errors import DomainError, NonFiniteError, ReplayError
from engine.functions import dot, exp, log_softmax, maximum, pick, sqrt, total, where
from engine.replay.compiled import compile  # noqa: A004
from engine.value import Value

EXECUTORS = ("numpy", "strict", *(["llvm"] if find_spec("llvmlite") else []))


def values(*numbers: float) -> list[Value]:
    return [Value(number, label=f"w[{k}]") for k, number in enumerate(numbers)]


def eager(
    f: Callable[..., Any], parameters: Sequence[Value], samples: Sequence[Sequence[Any]]
) -> tuple[list[float], list[float]]:
    for parameter in parameters:
        parameter.grad = None
    losses = [f(*sample) for sample in samples]
    for loss in losses:
        loss.backward()
    gradients = [parameter.grad or 0.0 for parameter in parameters]
    for parameter in parameters:
        parameter.grad = None
    return [loss.data for loss in losses], gradients


def agrees(p: Any, f: Any, parameters: Sequence[Value], *arguments: Any) -> None:
    weights = [parameter.data for parameter in parameters]
    losses, gradients = eager(f, parameters, list(zip(*arguments, strict=True)))
    for _ in range(2):
        found = p.value_and_gradients(weights, *arguments)
        assert found[0] == pytest.approx(losses, rel=1e-12, abs=1e-14)
        assert found[1] == pytest.approx(gradients, rel=1e-12, abs=1e-14)
        assert p(*arguments) == pytest.approx(losses, rel=1e-12, abs=1e-14)


@pytest.mark.parametrize("executor", EXECUTORS)
def test_arrays_lists_and_tables_give_the_same(executor: str) -> None:
    w = values(0.5, -1.0, 2.0)

    def f(x: Any, y: Any) -> Any:
        return (dot(w[:2], x, w[2]).tanh() - y) ** 2

    class Table:
        def to_numpy(self) -> Any:
            return np.array(points)

    points, targets = [[1.0, 2.0], [3.0, -4.0], [0.5, 0.25]], [1.0, 0.0, -1.0]
    p = compile(f, w, executor)
    agrees(p, f, w, points, targets)
    expected = p(points, targets)
    for x in (
        np.array(points),
        tuple(points),
        Table(),
        np.array(points, dtype=np.float32),
        np.array(points).tolist(),
    ):
        assert p(x, np.array(targets)) == pytest.approx(expected)
    assert p.executor == executor
    assert p.value_and_gradients([0.5, -1.0, 2.0], points, targets)[0].dtype == np.float64


def test_backward_adds_the_gradient_of_the_mean_loss() -> None:
    w = values(3.0)
    p = compile(lambda x, y: (x * w[0] - y) ** 2, w)
    assert p.backward([1.0, 2.0], [1.0, 1.0]) == 14.5
    assert p.backward([1.0, 2.0], [1.0, 1.0]) == 14.5
    assert w[0].grad == 24.0


def test_predictions_are_lists() -> None:
    w = values(3.0, 1.0)
    p = compile(lambda x: [x * w[0], x + w[1], w[0], x * w[0]], w)
    assert p([1.0, 2.0]).tolist() == [[3.0, 2.0, 3.0, 3.0], [6.0, 3.0, 3.0, 6.0]]
    with pytest.raises(ReplayError, match="one result"):
        p.value_and_gradients([1.0, 1.0], [1.0])


def test_as_a_decorator() -> None:
    w = values(2.0)

    @compile(parameters=w)
    def loss(x: Any) -> Any:
        """The loss."""
        return x * w[0]

    assert loss([1.0]).tolist() == [2.0]
    assert (loss.__name__, loss.__doc__) == ("loss", "The loss.")


def test_weights_are_taken_from_the_array_and_the_parameters_are_not_touched() -> None:
    w = values(2.0)
    p = compile(lambda x: x * w[0] if x * w[0] > 0 else -x, w)
    assert p.value_and_gradients([-5.0], [1.0, -1.0])[0].tolist() == [-1.0, 5.0]
    assert p.value_and_gradients([5.0], [1.0, -1.0])[0].tolist() == [5.0, 1.0]
    assert (w[0].data, w[0].grad) == (2.0, None)
    w[0].data = 7.0
    assert p([1.0]).tolist() == [7.0]


def test_a_value_from_elsewhere_is_read_at_every_call() -> None:
    w, temperature = values(2.0), Value(10.0)
    p = compile(lambda x: x * w[0] / temperature, w)
    assert p([1.0]).tolist() == [0.2]
    temperature.data = 4.0
    assert p([1.0]).tolist() == [0.5]
    assert p.value_and_gradients([2.0], [1.0])[1].tolist() == [0.25]


@pytest.mark.parametrize("executor", EXECUTORS)
def test_every_sample_takes_its_own_side_of_a_branch(executor: str) -> None:
    w = values(0.7, -0.3)

    def f(x: Any, y: Any) -> Any:
        step = x[0] * w[0]
        while step < 2.0:
            step = step * 1.5 + 0.5
        if y > 0 and x[1] > 0:
            return step * w[1]
        return exp(-step) if x[1] * w[1] > x[0] else step.log() * w[0]

    generator = random.Random(0)
    points = [[generator.uniform(-1, 3), generator.uniform(-2, 2)] for _ in range(40)]
    targets = [generator.choice([-1, 1]) for _ in range(40)]
    p = compile(f, w, executor)
    agrees(p, f, w, points, targets)
    assert p.stats.paths > 4
    order = list(reversed(range(40)))
    again = p([points[k] for k in order], [targets[k] for k in order])
    assert again.tolist() == pytest.approx(list(reversed(p(points, targets).tolist())))


def test_too_many_branches_are_refused() -> None:
    w = values(1.0)
    p = compile(lambda x: sorted([v * w[0] for v in x], key=lambda v: v)[1], w)
    generator = random.Random(0)
    with pytest.raises(ReplayError, match="where"):
        p([[generator.random() for _ in range(6)] for _ in range(500)])


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("sequences", [[[], []], np.zeros((2, 0)), [[1.0], []], [[[]], [[2.0], []]]])
def test_a_sequence_may_be_empty(executor: str, sequences: Any) -> None:
    (w,) = values(0.5)

    def f(sequence: Any, x: Any) -> Any:
        for each in sequence:
            x = w * x + (total(list(each)) if isinstance(each, list | tuple) else each)
        return w * x

    losses, gradient = compile(f, [w], executor=executor).value_and_gradients([0.5], sequences, [3.0, 4.0])
    samples = [(each.tolist() if hasattr(each, "tolist") else each) for each in sequences]
    assert (losses.tolist(), gradient.tolist()) == eager(f, [w], list(zip(samples, [3.0, 4.0], strict=True)))


def test_samples_of_different_lengths_each_have_their_program() -> None:
    w = values(0.5, -0.25)

    def f(x: Any, y: Any) -> Any:
        return (total([v * w[0] for v in x]) - y * w[1]) ** 2

    points = [[1.0], [2.0, 3.0], [4.0], [5.0, 6.0, 7.0], [8.0, 9.0]]
    targets = [1.0, 2.0, 3.0, 4.0, 5.0]
    p = compile(f, w)
    agrees(p, f, w, points, targets)
    assert p.stats.paths == 3
    several = compile(lambda x: [v * w[0] for v in x], w)([[2.0], [2.0, 4.0]])
    assert [part.tolist() for part in several] == [[1.0], [1.0, 2.0]]


@pytest.mark.parametrize("executor", EXECUTORS)
def test_labels_and_tokens_select(executor: str) -> None:
    table = [values(0.1, 0.2), values(0.3, -0.4), values(-0.5, 0.6)]
    w = [value for row in table for value in row]

    def f(tokens: Any, label: Any) -> Any:
        rows = [pick(table, token) for token in tokens]
        logits = [total(column) for column in zip(*rows, strict=True)]
        return -pick(log_softmax([*logits, logits[0] * logits[1]]), label)

    tokens, labels = [[0, 1, 1], [2, 2, 2], [1, 0, 2], [0, 0, -1]], [0, 2, 1, 1]
    p = compile(f, w, executor)
    agrees(p, f, w, tokens, labels)
    agrees(p, f, w, np.array(tokens), np.array(labels))
    with pytest.raises(IndexError, match="sample 1"):
        p([[0, 0, 0], [3, 0, 0]], [0, 0])
    with pytest.raises(TypeError, match="sample 0"):
        p([[0.5, 0, 0], [2, 0, 0]], [0, 0])


def test_an_index_outside_the_list_is_an_error_at_the_first_call_too() -> None:
    w = values(1.0, 2.0)
    with pytest.raises(IndexError):
        compile(lambda k: pick(w, k), w)([2])


@pytest.mark.parametrize("executor", EXECUTORS)
def test_what_eager_raises_is_raised(executor: str) -> None:
    w = values(1.0)
    w[0].grad = 0.5
    logarithm = compile(lambda x: (x * w[0]).log(), w, executor)
    assert logarithm([1.0]).tolist() == [0.0]
    with pytest.raises(DomainError, match=r"log needs x > 0; got -2\.0"):
        logarithm.backward([1.0, 3.0, -2.0, 4.0])
    root = compile(lambda x: sqrt(x * w[0]) * 0.0, w, executor)
    assert root([1.0]).tolist() == [0.0]
    with pytest.raises(NonFiniteError):
        root.backward([1.0, 0.0])
    hidden = compile(lambda x: where(x > 0.0, (x * w[0]).log(), 0.0), w, executor)
    assert hidden([1.0]).tolist() == [0.0]
    with pytest.raises(DomainError):
        hidden([1.0, -1.0])
    assert w[0].grad == 0.5


@pytest.mark.parametrize("executor", EXECUTORS)
def test_what_eager_allows_is_allowed(executor: str) -> None:
    w = values(0.0, 2.0)
    a, b = w

    def selects(x: Any) -> Any:
        return where(x > 0.0, w[0].sqrt(), x * w[1])

    p = compile(selects, w, executor)
    losses, gradient = p.value_and_gradients([0.0, 2.0], [-1.0, -2.0])
    assert (losses.tolist(), gradient.tolist()) == ([-2.0, -4.0], [0.0, -3.0])
    steep = compile(lambda x: (x * a).sqrt(), [a], executor)
    assert steep.value_and_gradients([0.0], [1.0])[1].tolist()[0] == np.inf
    huge = compile(lambda x: exp(x * b) * 0.5, [b], executor)
    assert huge([1000.0, 0.0]).tolist() == [np.inf, 0.5]


@pytest.mark.parametrize("executor", EXECUTORS)
def test_nan_in_the_data_flows_as_in_eager(executor: str) -> None:
    w = values(2.0)
    p = compile(lambda x: x * w[0], w, executor)
    assert np.isnan(p([1.0, np.nan])).tolist() == [False, True]
    with pytest.raises(NonFiniteError):
        p.backward([1.0, np.nan])
    assert w[0].grad is None


@pytest.mark.parametrize("samples", [1, 2, 3, 63, 64, 65, 1000, 5000])
def test_every_number_of_samples(samples: int) -> None:
    w = values(0.3, -0.2, 0.1)
    p = compile(lambda x, y: maximum(dot(w[:2], x, w[2]) * y, 0.1), w)
    generator = np.random.default_rng(samples)
    x, y = generator.normal(size=(samples, 2)), generator.normal(size=samples)
    score = (x @ [0.3, -0.2] + 0.1) * y
    losses, gradient = p.value_and_gradients([0.3, -0.2, 0.1], x, y)
    assert losses == pytest.approx(np.maximum(score, 0.1))
    chosen = (score > 0.1) * y
    assert gradient == pytest.approx([chosen @ x[:, 0], chosen @ x[:, 1], chosen.sum()])


def test_a_whole_batch_in_one_graph() -> None:
    w = values(0.5, 0.25)
    points = [(float(k), float(k % 3)) for k in range(50)]
    p = compile(lambda: total([(a * w[0] + w[1] - b) ** 2 for a, b in points]) / 50.0, w)
    loss = total([(a * w[0] + w[1] - b) ** 2 for a, b in points]) / 50.0
    assert p().tolist() == pytest.approx([loss.data])
    assert len(p.stats.__class__.__dataclass_fields__) == 6
    assert p.stats.instructions < 40


def test_what_is_printed() -> None:
    w = values(2.0)
    p = compile(lambda x: x * w[0], w)
    assert "nothing recorded yet" in str(p)
    p([1.0])
    assert "tape of 1 instruction" in str(p)
    assert "program of" in str(p)
    assert "1 path, 3 nodes" in repr(p)
    assert p.stats.record_seconds > 0


def test_without_numpy_the_engine_works_and_compile_says_what_to_install() -> None:
    program = (
        "import sys; sys.modules['numpy'] = None\n"
        "import engine\n"
        "x = engine.Value(2.0); (x * x).backward(); assert x.grad == 4.0\n"
        "try: engine.compile(lambda x: x, [x])\n"
        "except engine.ReplayError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "pip install numpy" in done.stdout


def test_threads_share_a_program() -> None:
    w = values(2.0)
    p = compile(lambda x: (x * w[0]).tanh(), w)
    failures: list[Any] = []
    points = [np.random.default_rng(seed).normal(size=200) for seed in range(4)]  # not while one records

    def work(seed: int) -> None:
        x = points[seed]
        for _ in range(50):
            losses, gradient = p.value_and_gradients([2.0], x)
            expected = np.tanh(2.0 * x)
            if (
                abs(losses - expected).max() > 1e-12
                or abs(gradient[0] - (x * (1 - expected**2)).sum()) > 1e-9
            ):
                failures.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


@pytest.mark.parametrize("is_one", [lambda x: x == 1, lambda x: not x != 1])  # noqa: SIM202
def test_an_input_is_equal_to_a_number_or_not_as_a_number_is(is_one: Callable[[Any], bool]) -> None:
    w = Value(2.0)
    p = compile(lambda x: w * 3.0 if is_one(x) else w * x, [w])
    assert p([1.0, 2.0, 5.0]).tolist() == [6.0, 4.0, 10.0]
