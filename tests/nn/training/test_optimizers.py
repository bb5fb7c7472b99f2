"""Optimizers against torch where it is installed, and against stored exact values (40 digits) everywhere."""

import copy
import json
import math
import random
from pathlib import Path
from typing import Any

import pytest

from engine import Value
from nn import SGD, Adam, AdamW, RMSProp, schedules
from nn.training.optimizers import Optimizer, length_of, optimizer_for

GOLDEN = json.loads((Path(__file__).parent / "golden" / "optimizers.json").read_text(encoding="utf-8"))
START = [0.5, -2.0, 1.5]
MAKE: dict[str, Any] = {
    "SGD": lambda: SGD(0.1),
    "SGD momentum": lambda: SGD(0.05, momentum=0.9),
    "SGD nesterov decay": lambda: SGD(0.05, momentum=0.9, nesterov=True, weight_decay=0.01),
    "RMSProp": lambda: RMSProp(0.01),
    "RMSProp decay": lambda: RMSProp(0.02, decay=0.9, weight_decay=0.1),
    "Adam": lambda: Adam(0.05),
    "Adam decay": lambda: Adam(0.05, weight_decay=0.1),
    "AdamW": lambda: AdamW(0.05, weight_decay=0.1),
}


def gradients(w: Any) -> Any:
    return [(w[0] - 3) * 0.7 + w[1] * 0.1, 4 * (w[1] + 1) + w[0] * 0.1, w[2] * w[2] * w[2] - 0.5 * w[2]]


@pytest.mark.parametrize("name", list(MAKE))
def test_a_hundred_steps_are_the_exact_ones(name: Any) -> None:
    optimizer, numbers = MAKE[name](), START
    for _ in range(100):
        numbers = optimizer.update(numbers, gradients(numbers))
    assert numbers == pytest.approx([float(x) for x in GOLDEN[name]], rel=1e-11)


@pytest.mark.parametrize("name", list(MAKE))
def test_a_hundred_steps_equal_torch(name: Any) -> None:
    torch = pytest.importorskip("torch")
    make: dict[str, Any] = {
        "SGD": lambda p: torch.optim.SGD(p, 0.1),
        "SGD momentum": lambda p: torch.optim.SGD(p, 0.05, momentum=0.9),
        "SGD nesterov decay": lambda p: torch.optim.SGD(
            p, 0.05, momentum=0.9, nesterov=True, weight_decay=0.01
        ),
        "RMSProp": lambda p: torch.optim.RMSprop(p, 0.01),
        "RMSProp decay": lambda p: torch.optim.RMSprop(p, 0.02, alpha=0.9, weight_decay=0.1),
        "Adam": lambda p: torch.optim.Adam(p, 0.05),
        "Adam decay": lambda p: torch.optim.Adam(p, 0.05, weight_decay=0.1),
        "AdamW": lambda p: torch.optim.AdamW(p, 0.05, weight_decay=0.1),
    }
    theirs = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    their_optimizer, optimizer = make[name]([theirs]), MAKE[name]()
    ours = [Value(x) for x in START]
    for _ in range(100):
        theirs.grad = torch.tensor(gradients(theirs.tolist()), dtype=torch.float64)
        their_optimizer.step()
        for value, slope in zip(ours, gradients([value.data for value in ours]), strict=True):
            value.grad = slope
        optimizer.step(ours)
    assert [value.data for value in ours] == pytest.approx(theirs.tolist(), rel=1e-10)


@pytest.mark.parametrize("name", list(MAKE))
def test_the_rules_run_on_arrays_unchanged(name: Any) -> None:
    numpy = pytest.importorskip("numpy")
    one, other = MAKE[name](), MAKE[name]()
    numbers, array = START, numpy.array(START)
    for _ in range(20):
        numbers = one.update(numbers, gradients(numbers))
        (array,) = other.update([array], [numpy.array(gradients(array))])
    assert array.tolist() == pytest.approx(numbers, rel=1e-13)


@pytest.mark.parametrize("name", list(MAKE))
def test_a_state_saved_half_way_goes_on_with_the_same_bits(name: Any) -> None:
    whole, numbers = MAKE[name](), START
    for step in range(10):
        if step == 5:
            saved = json.loads(json.dumps(whole.state()))
            middle = numbers
        numbers = whole.update(numbers, gradients(numbers))
    resumed = Optimizer.from_state(saved)
    for _ in range(5):
        middle = resumed.update(middle, gradients(middle))
    assert middle == numbers
    assert repr(resumed) == repr(whole)


def test_clipping() -> None:
    clipped = SGD(1.0, clip_norm=1.0).clipped([3.0, -4.0])
    assert clipped == pytest.approx([0.6, -0.8])
    assert length_of(clipped) == pytest.approx(1.0)
    assert SGD(1.0, clip_norm=10.0).clipped([3.0, -4.0]) == [3.0, -4.0]
    assert SGD(1.0, clip_value=0.5).clipped([3.0, -4.0, 0.1]) == [0.5, -0.5, 0.1]


def test_clipping_on_arrays() -> None:
    numpy = pytest.importorskip("numpy")
    (array,) = SGD(1.0, clip_norm=1.0, clip_value=3.0).clipped([numpy.array([3.0, -4.0])])
    assert array.tolist() == pytest.approx([3 / 18**0.5, -3 / 18**0.5])


def test_a_parameter_without_a_gradient_stays() -> None:
    value = Value(1.0)
    Adam(0.1).step([value])
    assert value.data == 1.0


def test_another_number_of_parameters_changes_nothing() -> None:
    optimizer = Adam(0.1)
    values = [Value(1.0), Value(2.0)]
    optimizer.step(values)
    with pytest.raises(ValueError, match="with 2 parameters and now gets 1"):
        optimizer.step(values[:1])
    assert optimizer.steps_done == 1


@pytest.mark.parametrize("rate", [0.0, -0.1, math.inf, math.nan, "0.1", True, None])
def test_a_learning_rate_that_is_none_is_refused(rate: Any) -> None:
    with pytest.raises(ValueError, match="learning rate must be a finite number above 0"):
        SGD(rate)


def test_other_settings_are_checked_too() -> None:
    cases: list[tuple[Any, str]] = [
        (lambda: SGD(0.1, momentum=1.0), "momentum"),
        (lambda: SGD(0.1, nesterov=True), "momentum > 0"),
        (lambda: Adam(0.1, beta1=-0.1), "beta1"),
        (lambda: RMSProp(0.1, epsilon=0.0), "epsilon"),
        (lambda: SGD(0.1, weight_decay=-1.0), "weight_decay"),
        (lambda: SGD(0.1, clip_norm=0.0), "clip_norm"),
        (lambda: optimizer_for("adm"), r"unknown optimizer 'adm'.*sgd, rmsprop, adam, adamw"),
    ]
    for make, words in cases:
        with pytest.raises(ValueError, match=words):
            make()
    with pytest.raises(TypeError, match="SGD"):
        optimizer_for(0.1)  # type: ignore[arg-type]


def test_an_optimizer_with_a_schedule_follows_it() -> None:
    optimizer, numbers = SGD(schedules.Step(1.0, every=1, factor=0.5)), [0.0]
    for _ in range(3):
        numbers = optimizer.update(numbers, [-1.0])
    assert numbers == [1.75]
    assert optimizer.learning_rate == 0.125


SCHEDULES = [
    schedules.Constant(0.3),
    schedules.Step(0.3, every=4, factor=0.1),
    schedules.Linear(0.3, steps=10, end=0.1),
    schedules.Cosine(0.3, steps=10, end=0.01),
    schedules.WarmUp(5, then=schedules.Cosine(0.3, steps=8)),
]


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda s: type(s).__name__)
def test_schedules_come_back_from_their_state(schedule: Any) -> None:
    again = schedules.as_schedule(json.loads(json.dumps(schedule.state())))
    assert again == schedule
    assert [again(step) for step in range(20)] == [schedule(step) for step in range(20)]


def test_schedules_equal_torch() -> None:
    torch = pytest.importorskip("torch")
    lr = torch.optim.lr_scheduler
    pairs: list[tuple[schedules.Schedule, Any]] = [
        (SCHEDULES[1], lambda o: lr.StepLR(o, 4, 0.1)),
        (SCHEDULES[2], lambda o: lr.LinearLR(o, 1.0, 1 / 3, 10)),
        (SCHEDULES[3], lambda o: lr.CosineAnnealingLR(o, 10, 0.01)),
    ]
    for schedule, make in pairs:
        optimizer = torch.optim.SGD([torch.zeros(1)], 0.3)
        theirs = make(optimizer)
        for step in range(11):
            assert schedule(step) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-12)
            optimizer.step()
            theirs.step()


def test_schedules_refuse_no_steps() -> None:
    for make in (lambda: schedules.Linear(0.1, steps=0), lambda: schedules.Step(0.1, every=-1)):
        with pytest.raises(ValueError, match="at least 1 step"):
            make()


def test_an_optimizer_can_be_copied() -> None:
    optimizer = Adam(0.1)
    optimizer.update([1.0], [1.0])
    twin = copy.deepcopy(optimizer)
    rng = random.Random(0)
    for _ in range(3):
        slope = [rng.random()]
        assert twin.update([1.0], slope) == optimizer.update([1.0], slope)


def test_control_c_cannot_leave_half_a_step_behind() -> None:
    class Interrupting(Value):
        __slots__ = ("interrupted",)

        @property
        def data(self) -> float:
            return self._data

        @data.setter
        def data(self, number: float) -> None:
            if not hasattr(self, "interrupted"):
                self.interrupted = True
                raise KeyboardInterrupt
            self._data = number

    values = [Value(1.0), Interrupting(1.0), Value(1.0)]
    for value in values:
        value.grad = 1.0
    with pytest.raises(KeyboardInterrupt):
        SGD(0.5).step(values)
    assert [value.data for value in values] == [0.5, 0.5, 0.5]


def test_warming_up_leads_into_what_follows_from_its_start() -> None:
    schedule = schedules.WarmUp(2, then=schedules.Linear(1.0, steps=2))
    assert [schedule(step) for step in range(6)] == [0.5, 1.0, 1.0, 0.5, 0.0, 0.0]


def test_a_function_is_no_schedule_and_the_answer_says_what_is() -> None:
    with pytest.raises(ValueError, match="a schedule of your own is an instance of a subclass of Schedule"):
        SGD(lambda step: 0.1 / (1 + step))  # type: ignore[arg-type]
