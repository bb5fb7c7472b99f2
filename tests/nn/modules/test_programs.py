"""Programs: predicting and measuring run by what was recorded of a model, while it is that model."""

from __future__ import annotations

import copy
import gc
import pickle
import random
import threading
import weakref
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import nn
from engine import DomainError, ReplayError, Value
from nn import MLP, Dropout, Layer, Module, Sequential
from nn.data.tables import as_rows
from nn.modules.programs import Program, Programs, outputs_for

ROWS = [[0.5, 1.0], [-1.0, 2.0], [2.0, -0.5], [0.25, 3.0]]
FACTOR = {"outside": 1.0}


class Scaled(Module):
    """Reads an attribute, a global, a Value as a plain number, and the kind of a number of the data."""

    def __init__(self) -> None:
        self.net = MLP(2, [3, 2], activation="tanh", seed=0)
        self.factor, self.offset = 1.0, Value(1.0)

    def __call__(self, inputs: Any, /) -> Any:
        whole = 2.0 if isinstance(inputs[0], int) else 1.0
        factor = self.factor * FACTOR["outside"] * float(self.offset) * whole
        return [output * factor for output in self.net(inputs)]


def is_replayed(model: Module) -> bool:
    program = Programs.of(model).outputs
    return program._compiled is not None and program._refused is None and bool(program._compiled.stats.nodes)


def assert_as_eager(model: Module, rows: Any = ROWS) -> None:
    found, expected = model.outputs(rows), outputs_for(model, rows)
    assert len(found) == len(expected)
    for row, truth in zip(found, expected, strict=True):
        assert row == pytest.approx(truth, rel=1e-12, abs=1e-13)


def replaced_layer(model: Any) -> None:
    model.net.layers[1] = Layer(3, 1, "tanh", seed=5)


@pytest.mark.parametrize(
    "change",
    [
        lambda m: setattr(m.net.parameters()[0], "data", 3.0),
        lambda m: m.net.layers[0].neurons[1].weights.__setitem__(0, Value(7.0)),
        replaced_layer,
        lambda m: setattr(m, "factor", 4.0),
        lambda m: setattr(m.offset, "data", 5.0),
        lambda m: FACTOR.update(outside=FACTOR["outside"] + 1.0),
        lambda m: m.load_state(dict.fromkeys(m.state(), 0.5)),
    ],
)
def test_a_change_of_the_model_is_noticed_at_the_next_call(change: Callable[[Any], Any]) -> None:
    model = Scaled()
    before = model.outputs(ROWS)
    change(model)
    assert_as_eager(model)
    assert model.outputs(ROWS) != before
    assert is_replayed(model)


def test_while_dropout_drops_it_is_eager_and_afterwards_replayed_again() -> None:
    model = Sequential(Layer(2, 4, "tanh", seed=0), Dropout(0.5, seed=0), Layer(4, 1, "linear", seed=1))
    model.train()
    noisy = model.outputs(ROWS)
    assert not is_replayed(model)
    assert noisy != model.outputs(ROWS)
    model.train(False)
    assert_as_eager(model)
    assert is_replayed(model)


@pytest.mark.parametrize(
    ("rows", "error"),
    [
        ([[0.5, 1.0], [1.0, 2.0, 3.0]], ValueError),
        ([[0.5, 1.0], [None, 2.0]], TypeError),
        ([[0.5, "1"]], TypeError),
        ([[1e308, 1e308], [float("inf"), float("-inf")]], DomainError),
    ],
)
def test_what_eager_raises_is_raised(rows: Any, error: type[Exception]) -> None:
    model = MLP(2, [3, 1], seed=0)
    model.outputs(ROWS)
    with pytest.raises(error) as eager:
        outputs_for(model, rows)
    with pytest.raises(error) as replayed:
        model.outputs(rows)
    assert str(replayed.value) == str(eager.value)
    assert is_replayed(model)  # for rows that are right


@pytest.mark.parametrize("rows", [[[1, 2], [0.5, 3]], [[1, 2], [3, 4]], [], [[Value(1.0), 2.0]], iter(ROWS)])
def test_rows_of_every_kind_give_what_eager_gives(rows: Any) -> None:
    model = Scaled()
    rows = rows if isinstance(rows, list) else list(rows)
    assert_as_eager(model, rows)


@pytest.mark.parametrize(
    "table",
    [
        np.array(ROWS) > 0.0,
        [[True, False], [np.False_, 0.5]],
        np.array([[True, 2], [0.5, np.int8(1)]], dtype=object),
        [[Decimal("0.5"), np.float16(2.0)], [Fraction(1, 4), np.array(1.0)]],
        np.array(ROWS).data,  # a memoryview
        np.array(ROWS, dtype=">f4", order="F")[::-1],
    ],
)
def test_predict_and_evaluate_take_what_fit_takes(table: Any) -> None:
    rows, labels = [*as_rows(table)], [0, 1, 1, 0][: len(table)]
    found = []
    for given in (rows, table):
        model = MLP(2, [3, 1], output="sigmoid", seed=0)
        predicted = model.predict(given)
        assert is_replayed(model)
        measured = nn.evaluate(model, given, labels, loss="binary_cross_entropy")
        nn.fit(model, given, labels, loss="binary_cross_entropy", epochs=1, progress=False)
        found.append((predicted, measured, model.state(), model.predict(given)))
    assert found[0] == found[1]


def test_a_model_that_changes_itself_or_gives_no_values_is_run_as_before() -> None:
    class Counting(Scaled):
        def __call__(self, inputs: Any, /) -> Any:
            self.calls = vars(self).get("calls", 0) + 1
            return [1.0, super().__call__(inputs)[0].data]

    model = Counting()
    model.outputs(ROWS)
    model.outputs(ROWS)
    assert model.calls == 2 * len(ROWS)
    assert not is_replayed(model)


def test_programs_go_with_no_copy_and_keep_no_model_alive() -> None:
    model: Any = Scaled()
    expected = model.outputs(ROWS)
    size = len(pickle.dumps(Scaled()))
    shallow = copy.copy(model)
    shallow.factor = 3.0
    assert_as_eager(shallow)
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):  # noqa: S301  (our own)
        assert other._programs is None
        assert other.outputs(ROWS) == expected
    assert len(pickle.dumps(model)) < size + 50
    nn.evaluate(model, ROWS, [0.0] * len(ROWS), loss=lambda outputs, truth: (outputs[0] - truth) ** 2)
    assert is_replayed(model)
    parts = [weakref.ref(part) for _, part in model.modules()]
    gc.disable()  # they are freed by the count of references alone
    try:
        del model, shallow
        assert not any(part() for part in parts)
    finally:
        gc.enable()


def test_parameters_are_read_and_never_set() -> None:
    model = MLP(2, [8, 1], activation="tanh", seed=0)
    first, results = model.parameters()[0], []
    threads = [threading.Thread(target=lambda: results.append(model.outputs(ROWS))) for _ in range(4)]
    for each in threads:
        each.start()
    for step in range(2000):
        first._data = float(step)
        assert first._data == float(step)
    for each in threads:
        each.join()
    assert len(results) == 4
    assert_as_eager(model)


def test_evaluate_is_what_it_was_in_eager_with_weights_and_a_loss_of_ones_own() -> None:
    points = nn.data.moons(30, seed=1)
    model = MLP(2, [4, 1], output="sigmoid", seed=0)
    found = nn.evaluate(model, points, loss="binary_cross_entropy", metrics=["accuracy"])
    losses = [
        nn.losses.binary_cross_entropy(model(x), y).data for x, y in zip(*points_of(points), strict=True)
    ]
    assert found["loss"] == pytest.approx(sum(losses) / len(losses), rel=1e-12)
    assert found["accuracy"] == sum(
        (model(x)[0].data >= 0.5) == y for x, y in zip(*points_of(points), strict=True)
    ) / len(losses)
    squares = nn.evaluate(model, points, loss=lambda outputs, truth: (outputs[0] - truth) ** 2)
    wanted = [(model(x)[0].data - y) ** 2 for x, y in zip(*points_of(points), strict=True)]
    assert squares["loss"] == pytest.approx(sum(wanted) / len(wanted), rel=1e-12)


def points_of(dataset: Any) -> tuple[Any, Any]:
    return dataset.inputs, dataset.targets


def test_both_gears_measure_the_same_in_fit_and_eager_records_nothing() -> None:
    points = nn.data.moons(40, seed=2)
    histories = []
    for gear in ("eager", "replay"):
        model = MLP(2, [4, 1], activation="tanh", output="sigmoid", seed=0)
        settings: dict[str, Any] = {
            "loss": "binary_cross_entropy",
            "metrics": ["accuracy"],
            "progress": False,
        }
        histories.append(nn.fit(model, points, validation=0.25, epochs=3, gear=gear, **settings))
        recorded = Programs.of(model)._measuring._compiled is not None
        assert recorded == (gear == "replay")
    eager, replay = histories
    for name in eager:
        assert replay[name] == pytest.approx(eager[name], rel=1e-9)


@pytest.mark.parametrize(("inputs", "sizes"), [(2, [8, 1]), (64, [20, 10]), (16, [564, 3])])
def test_no_bit_of_a_prediction_depends_on_the_other_rows(inputs: int, sizes: list[int]) -> None:
    model = MLP(inputs, sizes, activation="tanh", output="sigmoid", seed=0)
    draw = random.Random(0)
    rows = [[draw.gauss(0.0, 1.0) for _ in range(inputs)] for _ in range(300)]
    whole = model.outputs(rows)
    assert is_replayed(model)
    for count in (1, 2, 63, 129):
        assert model.outputs(rows[-count:]) == whole[-count:]
    assert model.outputs(rows[::-1]) == whole[::-1]


def test_what_was_refused_is_not_tried_again_at_every_call(monkeypatch: pytest.MonkeyPatch) -> None:
    state, tries = [0], []

    def refusing(columns: Any) -> None:
        tries.append(columns)
        raise ReplayError("this is not for replay")

    program = Program(lambda x: [x], lambda: state[0])
    monkeypatch.setattr(program, "_replayed", refusing)
    assert [program([1.0]) for _ in range(3)] == [[[1.0]]] * 3
    assert len(tries) == 1
    state[0] = 1
    program([1.0])
    assert len(tries) == 2
