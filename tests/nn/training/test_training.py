"""fit: what it trains, what it refuses before anything changes, and what ends it."""

import math
from pathlib import Path
from typing import Any

import pytest
from small_training import POINTS, small, train

from engine import Value
from nn import (
    MLP,
    SGD,
    Dropout,
    EarlyStopping,
    Embedding,
    Epoch,
    History,
    Layer,
    Sequential,
    TrainingError,
    evaluate,
    fit,
    schedules,
)

ROOT = Path(__file__).parents[3]


def test_training_makes_the_loss_smaller() -> None:
    history = train(small(), epochs=20, metrics="accuracy")
    assert history["loss"][-1] < 0.6 * history["loss"][0]
    assert history["accuracy"][-1] > 0.8
    assert history.ended == "all 20 epochs done"
    assert len(history) == 20


def test_a_step_is_the_one_that_would_be_written_by_hand() -> None:
    model, twin = small(), small()
    train(model, optimizer=SGD(0.3), epochs=1, batch_size=None, shuffle=False)
    losses = [
        -(twin(x)[0] if y else 1.0 - twin(x)[0]).log()
        for x, y in zip(POINTS.inputs, POINTS.targets, strict=True)
    ]
    loss = sum(losses[1:], losses[0]) / len(losses)
    loss.backward()
    for ours, parameter in zip(model.parameters(), twin.parameters(), strict=True):
        assert ours.data == pytest.approx(parameter.data - 0.3 * (parameter.grad or 0.0), rel=1e-12)


def test_the_same_seed_gives_the_same_bits_and_another_seed_others() -> None:
    one, again, other = small(), small(), small()
    train(one), train(again), train(other, seed=1)
    assert one.state() == again.state() != other.state()


def test_the_loss_shown_is_the_mean_over_all_samples_even_with_a_smaller_last_batch() -> None:
    history = train(small(), optimizer=SGD(1e-12), epochs=1, batch_size=16)  # 16 + 16 + 8, standing still
    expected = evaluate(small(), POINTS.inputs, POINTS.targets, loss="binary_cross_entropy")["loss"]
    assert history["loss"][0] == pytest.approx(expected, rel=1e-9)


def test_validation_and_metrics_become_columns() -> None:
    history = train(small(), validation=0.25, metrics=["accuracy", "roc_area"])
    names = ["loss", "accuracy", "roc_area"]
    assert list(history) == names + [f"validation {name}" for name in names]
    pair = train(small(), validation=(POINTS.inputs, POINTS.targets))
    whole = train(small(), validation=POINTS)
    assert pair["validation loss"] == whole["validation loss"]


def test_a_metric_and_a_loss_can_be_functions() -> None:
    def mistakes(truths: Any, answers: Any) -> float:
        return float(sum(t != a for t, a in zip(truths, answers, strict=True)))

    def squared(outputs: Any, target: Any) -> Value:
        result: Value = (outputs[0] - target) ** 2
        return result

    history = train(small(), loss=squared, metrics=[mistakes])
    assert list(history) == ["loss", "mistakes"]


@pytest.mark.parametrize(
    ("loss", "output", "sizes", "targets"),
    [
        ("mean_squared_error", "linear", [1], [0.5, -1.0]),
        ("mean_squared_error", "linear", [2], [[0.5, 1.0], [-1.0, 0.0]]),
        ("huber", "linear", [1], [0.5, -1.0]),
        ("hinge", "linear", [1], [1, -1]),
        ("binary_cross_entropy_with_logits", "linear", [1], [1, 0]),
        ("binary_cross_entropy", "sigmoid", [2], [[1, 0], [1, 1]]),
        ("categorical_cross_entropy", "softmax", [3], [2, 0]),
        ("cross_entropy_with_logits", "linear", [2], [[0, 1], [1, 0]]),
    ],
)
def test_every_loss_trains_and_answers(loss: str, output: str, sizes: list[int], targets: list[Any]) -> None:
    model = MLP(1, sizes, output=output, seed=0)
    metric = "r2" if loss in ("mean_squared_error", "huber") else "accuracy"
    history = fit(
        model,
        [[0.5], [-1.0]],
        targets,
        loss=loss,
        optimizer=SGD(0.3),
        epochs=60,
        metrics=metric,
        progress=False,
    )
    assert history["loss"][-1] < history["loss"][0]
    assert history[metric][-1] > 0.9


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"inputs": [[1.0]]}, "takes 2 inputs, got 1"),
        ({"inputs": [[1.0, math.nan]]}, r"inputs\[0\]\[1\] is nan"),
        ({"inputs": []}, "empty"),
        ({"targets": [0, 1]}, "expected 1 targets, got 2"),
        ({"targets": [2]}, r"targets\[0\] is 2, but binary_cross_entropy needs 0 or 1"),
        ({"targets": [[0, 1]]}, "expected 1 numbers, got 2"),
        ({"loss": "cross_entropy_with_logits"}, "compares 2 or more outputs"),
        ({"loss": "bce"}, "unknown loss 'bce'.*Known are"),
        ({"optimizer": "adm"}, "unknown optimizer 'adm'.*Known are"),
        ({"metrics": "acc"}, "unknown metric 'acc'.*Known are"),
        ({"epochs": 0}, "epochs must be a whole number of at least 1"),
        ({"batch_size": 0}, "batch_size must be"),
        ({"l2": -1.0}, "l2 must be"),
        ({"early_stopping": 0}, "patience"),
        ({"early_stopping": EarlyStopping(3, "validation loss")}, "cannot watch 'validation loss'"),
        ({"validation": ([[1.0, 2.0]], [7])}, "is 7, but"),
        ({"validation": 1.5}, "share between 0 and 1"),
        ({"resume": True}, "checkpoint=path"),
    ],
)
def test_errors_come_before_any_parameter_changes(settings: dict[str, Any], words: str) -> None:
    model = small()
    before = model.state()
    chosen = {"inputs": [[1.0, 2.0]], "targets": [1], "loss": "binary_cross_entropy", "progress": False}
    arguments: dict[str, Any] = {**chosen, **settings}
    with pytest.raises(ValueError, match=words):
        fit(model, arguments.pop("inputs"), arguments.pop("targets"), **arguments)
    assert model.state() == before


def test_other_kinds_of_wrong_data_are_type_errors() -> None:
    for inputs, validation, words in (([["a", "b"]], None, "no number"), ([[1.0, 2.0]], 3, "pair")):
        with pytest.raises(TypeError, match=words):
            fit(small(), inputs, [1], loss="binary_cross_entropy", validation=validation, progress=False)


def test_class_labels_are_checked_against_the_outputs() -> None:
    model = MLP(1, [3], output="softmax", seed=0)
    cases: list[tuple[list[Any], str]] = [
        ([3], "from 0 to 2"),
        ([-1], "from 0 to 2"),
        ([0.5], "from 0 to 2"),
        ([[1, 0]], "expected 3"),
        ([[1, 1, 0]], "add up to 1"),
    ]
    for targets, words in cases:
        with pytest.raises(ValueError, match=words):
            fit(model, [[1.0]], targets, loss="categorical_cross_entropy", progress=False)


def test_an_index_out_of_range_is_found_before_training() -> None:
    model = Sequential(Embedding(3, 2, seed=0), Layer(2, 2, "softmax", seed=0))
    before = model.state()
    with pytest.raises(IndexError, match="rows 0 to 2, got 3"):
        fit(model, [[0], [1], [3]], [0, 1, 0], loss="categorical_cross_entropy", batch_size=1, progress=False)
    assert model.state() == before


def test_a_model_without_parameters_is_refused() -> None:
    model = small()
    model.freeze()
    with pytest.raises(ValueError, match="no parameters to train"):
        train(model)


def test_frozen_layers_stay_as_they_are() -> None:
    model = small()
    model.layers[0].freeze()
    before = model.layers[0].state()
    train(model)
    assert model.layers[0].state() == before
    assert model.layers[1].state() != small().layers[1].state()


def test_breaking_down_says_when_and_keeps_the_history() -> None:
    model = MLP(1, [1], seed=0)
    with pytest.raises(
        TrainingError, match=r"broke down in epoch \d+.*smaller learning rate, now 1e\+20"
    ) as caught:
        fit(model, [[1.0], [2.0]], [1.0, 2.0], loss="mean_squared_error", optimizer=SGD(1e20), progress=False)
    assert isinstance(caught.value.history, History)
    assert caught.value.history.ended.startswith("broke down")


def test_early_stopping_puts_the_best_weights_back() -> None:
    model = small()
    rates = schedules.Step(0.01, every=5, factor=1e4)  # good for five epochs, far too large afterwards
    history = train(model, optimizer=SGD(rates), epochs=50, early_stopping=4, validation=POINTS)
    assert history.ended.startswith("early stopping after epoch")
    best, loss = history.best("validation loss")
    assert len(history) == best + 4
    scores = evaluate(model, POINTS.inputs, POINTS.targets, loss="binary_cross_entropy")
    assert scores["loss"] == loss


def test_early_stopping_keeps_the_state_of_the_model_as_it_is_then() -> None:
    """Under the names of that moment: a callback may exchange a part."""
    model, stopping = small(), EarlyStopping(50, least=-100.0)
    wider = Layer(2, 5, "tanh", seed=1)

    def change(epoch: Any) -> None:
        assert stopping.best_state == model.state() or stopping.best_epoch < epoch.number
        if epoch.number == 3:
            model.layers[0], model.layers[1] = wider, Layer(5, 1, "sigmoid", seed=2)

    train(model, epochs=6, early_stopping=stopping, callbacks=[change])
    assert stopping.best_epoch > 3
    assert set(stopping.best_state) == set(model.state())
    other = small(seed=4)
    stopping.best = None
    stopping.saw(Epoch(1, 1, other, SGD(0.1), train(other, epochs=1)))
    assert stopping.best_state == other.state()


def test_early_stopping_can_watch_a_metric() -> None:
    stopping = EarlyStopping(2, "accuracy", largest=True)
    history = train(small(), metrics="accuracy", early_stopping=stopping, epochs=200)
    assert len(history) == stopping.best_epoch + 2
    assert history["accuracy"][stopping.best_epoch - 1] == max(history["accuracy"])


def test_callbacks_see_each_epoch_and_can_end_training() -> None:
    seen: list[int] = []

    def look(epoch: Epoch) -> bool:
        seen.append(epoch.number)
        return epoch.number == 3

    history = train(small(), callbacks=[look])
    assert seen == [1, 2, 3]
    assert history.ended == "a callback ended it after epoch 3"


def test_control_c_ends_training_with_what_there_is() -> None:
    model = small()

    def interrupt(epoch: Epoch) -> None:
        if epoch.number == 2:
            raise KeyboardInterrupt

    history = train(model, callbacks=[interrupt])
    assert len(history) == 2
    assert history.ended == "interrupted in epoch 3"
    assert model.state() != small().state()
    assert not model.training


def test_penalties_shrink_the_weights() -> None:
    plain, held = small(), small()
    train(plain), train(held, l2=0.1, l1=0.01)
    assert sum(x * x for x in held.state().values()) < sum(x * x for x in plain.state().values())


def test_dropout_is_on_while_training_only_and_follows_the_seed() -> None:
    def model() -> Sequential:
        return Sequential(Layer(2, 8, "tanh", seed=0), Dropout(0.5, seed=9), Layer(8, 1, "sigmoid", seed=1))

    one, again = model(), model()
    train(one), train(again)
    assert one.state() == again.state()
    assert one.predict([[0.1, 0.2]]) == one.predict([[0.1, 0.2]])


def test_progress_in_a_log_is_a_line_at_each_tenth(capsys: pytest.CaptureFixture[str]) -> None:
    train(small(), epochs=20, progress=True, metrics="accuracy")
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(":")[0] for line in lines] == [f"epoch {n}/20" for n in (1, *range(2, 21, 2))]
    assert "accuracy" in lines[0]
    train(small(), progress=False)
    assert capsys.readouterr().err == ""


def test_the_doctor_speaks_while_training(capsys: pytest.CaptureFixture[str]) -> None:
    model = MLP(1, [2, 1], activation="tanh", output="sigmoid", seed=0)
    history = fit(
        model, [[0.0], [500.0]], [0, 1], loss="binary_cross_entropy", epochs=2, doctor=True, progress=False
    )
    assert [finding.name for finding in history.findings] == ["unscaled inputs"]
    assert "doctor: inputs are not scaled: input 0 reaches 500" in capsys.readouterr().err


def test_history_as_a_table() -> None:
    history = train(small(), epochs=30)
    text = str(history)
    assert text.splitlines()[0].split() == ["epoch", "loss"]
    assert text.splitlines()[-1] == "ended: all 30 epochs done"
    assert len(text.splitlines()) <= 14
    assert "validation loss" not in history
    with pytest.raises(KeyError, match="it has loss"):
        history["accuracy"]
    with pytest.raises(ValueError, match="columns"):
        history.add({"other": 1.0})
