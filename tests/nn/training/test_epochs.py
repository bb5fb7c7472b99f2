"""Whole epochs in machine code: the steps that the gear takes one by one, whatever the optimizer does."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("llvmlite", reason="the LLVM executor needs llvmlite (extra `fast`)")

from engine import log
from engine.replay.steps import Steps
from nn import MLP, SGD, Adam, AdamW, Dropout, Layer, RMSProp, Sequential, TrainingError, data, fit
from nn.modules.module import Module
from nn.training.epochs import Epochs
from nn.training.objective import Objective
from nn.training.optimizers import Optimizer
from nn.training.schedules import Cosine, Linear, Step, WarmUp

POINTS = data.moons(41, seed=3)  # 41 = 5 × 8 + 1: the last batch is a single sample


def small() -> Module:
    return MLP(2, [6, 1], activation="tanh", output="sigmoid", seed=0)


def trained(make: Callable[[], Module] = small, **settings: Any) -> tuple[Any, list[float], Any]:
    """(the history, the parameters, what the optimizer remembers) after a few epochs."""
    model = make()
    told: dict[str, Any] = {
        "loss": "binary_cross_entropy",
        "optimizer": Adam(0.02),
        "batch_size": 8,
        "epochs": 4,
    }
    told |= {"progress": False, "gear": "replay", **settings}
    history = fit(model, POINTS.inputs, POINTS.targets, **told)
    numbers = [parameter.data for parameter in model.named_parameters().values()]
    return history, numbers, told["optimizer"].state()


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many steps each call of machine code took."""
    found: list[int] = []
    ready = Epochs.ready

    def watched(self: Epochs, *given: Any) -> Any:
        steps = ready(self, *given)
        if steps is None:
            return None

        class Watched:
            size, most = steps.size, steps.most

            def run(self, *given: Any) -> Any:
                taken = steps.run(*given)
                found.append(taken.steps if taken else 0)
                return taken

        return Watched()

    monkeypatch.setattr(Epochs, "ready", watched)
    return found


def one_by_one(monkeypatch: pytest.MonkeyPatch, **settings: Any) -> Any:
    with monkeypatch.context() as patch:
        patch.setattr(Epochs, "ready", lambda *_: None)
        return trained(**settings)


WAYS: dict[str, Callable[[], dict[str, Any]]] = {
    "SGD": lambda: {"optimizer": SGD(Step(0.3, every=7))},
    "Nesterov": lambda: {
        "optimizer": SGD(0.05, momentum=0.9, nesterov=True, weight_decay=0.01, clip_value=0.05)
    },
    "RMSProp": lambda: {"optimizer": RMSProp(Linear(0.01, steps=20), weight_decay=0.01), "batch_size": 1},
    "Adam": lambda: {
        "optimizer": Adam(WarmUp(5, Cosine(0.02, steps=30)), clip_norm=0.3, clip_value=0.1),
        "l1": 0.01,
        "l2": 0.02,
    },
    "AdamW": lambda: {
        "optimizer": AdamW(0.02, clip_norm=0.05),
        "batch_size": None,
        "sample_weight": [1.0, 2.0] * 20 + [3.0],
    },
}


@pytest.mark.parametrize("name", WAYS)
def test_epochs_in_machine_code_are_the_steps_taken_one_by_one(
    name: str, calls: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    history, numbers, state = trained(**WAYS[name]())
    steps = {1: [82] * 2, None: [4]}.get(WAYS[name]().get("batch_size", 8), [6] * 4)  # of epochs together
    assert calls == steps
    slowly, expected, remembered = one_by_one(monkeypatch, **WAYS[name]())
    assert numbers == pytest.approx(expected, rel=1e-12, abs=1e-14)
    assert history["loss"] == pytest.approx(slowly["loss"], rel=1e-12)
    assert state["steps_done"] == remembered["steps_done"] == sum(steps)
    for column, other in state["memory"].items():
        assert remembered["memory"][column] == pytest.approx(other, rel=1e-9, abs=1e-15)


def test_where_an_epoch_is_cut_and_resumed_changes_no_bit(
    calls: list[int], monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    whole = trained(dropping)
    with monkeypatch.context() as patch:
        patch.setattr("engine.replay.backends.llvm.trainer.MOST_WORK", 1)
        calls.clear()
        assert trained(dropping)[1:] == whole[1:]
        assert set(calls) == {1}
    for epochs in (1, 2, 3, 4):
        resumed = trained(dropping, epochs=epochs, checkpoint=tmp_path / "run.json", resume=True)
    assert resumed[1:] == whole[1:]
    assert resumed[0]["loss"] == whole[0]["loss"]


# ── Optimizers of one's own ───────────────────────────────────────────────────────────────────────


class Counting(SGD):
    """Its rule counts its calls, in an attribute."""

    calls = 0

    def rule(self, number: Any, gradient: Any, rate: float, *memory: Any) -> tuple[Any, ...]:
        self.calls += 1
        return super().rule(number, gradient, rate / max(1, self.calls - 3), *memory)


class Hidden(SGD):
    """Its rule counts where nobody sees it."""

    calls: list[int] = []  # noqa: RUF012

    def rule(self, number: Any, gradient: Any, rate: float, *memory: Any) -> tuple[Any, ...]:
        self.calls.append(1)
        return super().rule(number, gradient, rate / len(self.calls), *memory)


class Asking(SGD):
    """Its rule takes other steps later."""

    def rule(self, number: Any, gradient: Any, rate: float, *memory: Any) -> tuple[Any, ...]:
        return super().rule(number, gradient, rate if self.steps_done < 5 else rate / 2, *memory)


class Signs(SGD):
    """An update of its own."""

    def update(self, numbers: Any, gradients: Any) -> list[Any]:
        return super().update(numbers, [(g > 0) * 1.0 - (g < 0) * 1.0 for g in gradients])


class Decaying(Optimizer):
    """A formula that is nobody else's; it can be machine code."""

    remembers = ("sum",)

    def rule(self, number: Any, gradient: Any, rate: float, *memory: Any) -> tuple[Any, ...]:
        total = memory[0] + abs(gradient)
        return number - rate / self.steps_done**0.5 * gradient / (total + 1.0), total


class Noisy(SGD):
    """A rule that draws."""

    def rule(self, number: Any, gradient: Any, rate: float, *memory: Any) -> tuple[Any, ...]:
        return super().rule(number, gradient, rate * random.random(), *memory)


class Timed(SGD):
    """A rate that changes whenever it is asked for."""

    asked = 0

    @property
    def learning_rate(self) -> float:
        self.asked += 1
        return self.schedule(self.asked) / self.asked


class Holding(SGD):
    """It holds more than settings, which nobody should copy."""

    def __init__(self, rate: float) -> None:
        super().__init__(rate)
        self.model = small()


class Branching(SGD):
    """A rule that branches on a number, so that it cannot take an array."""

    def rule(self, number: Any, gradient: Any, rate: float, *memory: Any) -> tuple[Any, ...]:
        return super().rule(number, max(min(gradient, 0.1), -0.1), rate, *memory)


class Raising(SGD):
    """A rule that refuses what it does not know."""

    def rule(self, number: Any, gradient: Any, rate: float, *memory: Any) -> tuple[Any, ...]:
        if type(number).__name__ not in ("float", "ndarray"):
            raise NotImplementedError(type(number).__name__)
        return super().rule(number, gradient, rate, *memory)


@pytest.mark.parametrize("kind", [Counting, Hidden, Asking, Signs, Noisy, Branching, Timed, Holding, Raising])
def test_a_rule_that_is_no_formula_is_applied_number_by_number_as_in_eager(
    kind: type[SGD], calls: list[int]
) -> None:
    def made() -> dict[str, Any]:
        Hidden.calls.clear()
        random.seed(7)
        return {"optimizer": kind(0.1)}

    state = random.getstate()
    try:
        expected = trained(gear="eager", **made())
        found = trained(**made())  # what was tried has not been counted
    finally:
        random.setstate(state)
    assert not calls
    assert found[1] == pytest.approx(expected[1], rel=1e-9)
    memory, in_eager = (state["memory"].get("velocity") for _, _, state in (found, expected))
    assert memory == pytest.approx(in_eager, rel=1e-9)


def test_a_formula_of_ones_own_is_machine_code_as_any_other(
    calls: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = trained(optimizer=Decaying(0.5))
    assert calls == [6] * 4
    assert found[1] == pytest.approx(one_by_one(monkeypatch, optimizer=Decaying(0.5))[1], rel=1e-12)


@pytest.mark.parametrize("name", ["beta1", "epsilon", "weight_decay", "schedule"])
def test_what_a_callback_changes_at_the_optimizer_is_followed(name: str, calls: list[int]) -> None:
    changed = {"beta1": 0.5, "epsilon": 0.1, "weight_decay": 0.3, "schedule": Step(0.1, every=2)}

    def change(epoch: Any) -> None:
        if epoch.number == 2:
            setattr(epoch.optimizer, name, changed[name])

    found, expected = (trained(callbacks=[change], gear=gear)[1] for gear in ("replay", "eager"))
    assert calls == [6] * 4
    assert found == pytest.approx(expected, rel=1e-9)


# ── What goes wrong in the middle ─────────────────────────────────────────────────────────────────


def breaking(outputs: Any, target: Any) -> Any:
    """A loss that has no value where the second number of a target is 0."""
    return (outputs[0] - target[0]) ** 2 + 0.0 * log(target[1] * (outputs[0] + 1.0))


@pytest.mark.parametrize("gear", ["eager", "replay"])
def test_what_breaks_down_before_the_first_step_is_told_as_all_that_breaks_down(gear: str) -> None:
    with pytest.raises(TrainingError, match="broke down in epoch 1"):
        fit(MLP(1, [1], seed=0), [[1.0]], [[1e300]], loss="mean_squared_error", gear=gear, progress=False)


def dropping() -> Sequential:
    return Sequential(Layer(2, 5, "tanh", seed=0), Dropout(0.3, seed=1), Layer(5, 1, "sigmoid", seed=2))


@pytest.mark.parametrize("schedule", [False, True], ids=["loss", "schedule"])
def test_what_breaks_down_in_the_middle_of_an_epoch_leaves_what_eager_leaves(schedule: bool) -> None:
    def rate(step: int) -> float:
        if schedule and step == 9:
            raise ZeroDivisionError("no rate")
        return 0.1

    targets = [[float(target), 1.0] for target in POINTS.targets]
    if not schedule:
        targets[17][1] = 0.0
    found = []
    for gear in ("eager", "replay"):
        model, optimizer = dropping(), SGD(0.1, momentum=0.9)
        optimizer.schedule = rate  # type: ignore[assignment]
        with pytest.raises(ZeroDivisionError if schedule else TrainingError) as raised:
            fit(
                model, POINTS.inputs, targets, loss=breaking, optimizer=optimizer, batch_size=8,
                epochs=4, gear=gear, progress=False,
            )  # fmt: skip
        numbers = [number for each in model.parameters() for number in (each.data, each.grad)]
        found.append((numbers, optimizer, model.layers[1].rng.getstate(), str(raised.value)))
    eager, replay = found
    assert replay[0] == pytest.approx(eager[0], rel=1e-9)
    assert replay[1].steps_done == eager[1].steps_done
    assert replay[1].memory["velocity"] == pytest.approx(eager[1].memory["velocity"], rel=1e-9)
    assert replay[3] == eager[3]
    assert replay[2] == eager[2] or not schedule  # eager has not drawn for the samples behind the bad one


@pytest.mark.parametrize("is_over", [False, True], ids=["before a call", "after it"])
def test_control_c_leaves_whole_steps(is_over: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ninth step is not taken, in either gear, and nothing of it remains."""
    monkeypatch.setattr("engine.replay.backends.llvm.trainer.MOST_WORK", 1)
    found = []
    for gear, place in (("replay", Steps), ("eager", Objective)):
        name = "run" if gear == "replay" else "gradients"
        whole, count, model, optimizer = getattr(place, name), [0], dropping(), Adam(0.02)

        def interrupted(*given: Any, count: list[int] = count, whole: Any = whole) -> Any:
            count[0] += 1
            result = whole(*given) if is_over or count[0] < 9 else None
            if count[0] == 9:
                raise KeyboardInterrupt
            return result

        with monkeypatch.context() as patch:
            patch.setattr(place, name, interrupted)
            history = fit(
                model, POINTS.inputs, POINTS.targets, loss="binary_cross_entropy", optimizer=optimizer,
                batch_size=8, progress=False, gear=gear,
            )  # fmt: skip
        numbers = [parameter.data for parameter in model.parameters()]
        found.append((numbers, optimizer.state()["memory"]["mean"]))
        assert (history.ended, optimizer.steps_done) == ("interrupted in epoch 2", 8)
    for replay, eager in zip(*found, strict=True):
        assert replay == pytest.approx(eager, rel=1e-9, abs=1e-15)
