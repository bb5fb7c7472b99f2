"""What people write by mistake when they use networks, with the whole answer that it gets."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest

import nn
from engine import Value, relu
from nn import MLP, SGD, Adam, Dropout, Layer, Module, Neuron, RMSProp, Sequential, evaluate, fit

X, Y = [[0.0, 1.0], [1.0, 0.0]], [0, 1]
MODEL = MLP(2, [3, 1], output="sigmoid", seed=0)
NAMES: dict[str, Any] = {
    **vars(nn),
    "model": MODEL,
    "X": X,
    "Y": Y,
    "Neuron": Neuron,
    "Layer": Layer,
    "np": np,
    "nn": nn,
}
ONE = "expected one sample, a list of numbers, got"
MANY = "predict takes many samples, a list of lists, got"
SIZES = "MLP takes the number of inputs, then the sizes of its layers in one list; write"
IN_ITS_STEP = "an optimizer meets its parameters in its step; write"

ANSWERS = {
    "model(3)": f"{ONE} 3; write model([3])",
    "model(Value(3.0))": f"{ONE} Value(3.0, grad=–); write model([Value(3.0, grad=–)])",
    "Layer(2, 3)(3.0)": f"{ONE} 3.0; write model([3.0])",
    "Neuron(2)(3.0)": f"{ONE} 3.0; write model([3.0])",
    "model([[1, 2], [3, 4]])": (
        f"{ONE} 2 of them; predict takes many: write model.predict([[1, 2], [3, 4]]), "
        "or model([1, 2]) for the first"
    ),
    "Neuron(2)([(1, 2), (3, 4)])": (
        f"{ONE} 2 of them; predict takes many: write model.predict([[1, 2], [3, 4]]), "
        "or model([1, 2]) for the first"
    ),
    "model(np.array([[1, 2], [3, 4]]))": (
        f"{ONE} 2 of them; predict takes many: write model.predict([[1, 2], [3, 4]]), "
        "or model([1, 2]) for the first"
    ),
    "model(1.0, 2.0)": f"{ONE} 2 arguments; write model([1.0, 2.0])",
    "model(None)": f"{ONE} None",
    "model.predict(None)": f"{MANY} None",
    "model.predict(np.array([1.0, 2.0]))": f"{MANY} [1.0, 2.0]; write model.predict([[1.0, 2.0]])",
    "model.predict([1.0, 2.0])": f"{MANY} [1.0, 2.0]; write model.predict([[1.0, 2.0]])",
    "model.predict(1.0)": f"{MANY} 1.0; write model.predict([[1.0]])",
    "MLP(1, [1]).predict([1.0, 2.0])": f"{MANY} [1.0, 2.0]; write model.predict([[1.0], [2.0]])",
    "MLP(2, 3, 1)": f"{SIZES} MLP(2, [3, 1])",
    "MLP(2, 3)": f"{SIZES} MLP(2, [3])",
    "MLP([2, 3, 1])": f"{SIZES} MLP(2, [3, 1])",
    "SGD(model.parameters(), lr=0.5)": (
        f"{IN_ITS_STEP} SGD(0.5), then optimizer.step(model.parameters()) or fit(..., optimizer=SGD(0.5))"
    ),
    "Adam(model.parameters(), 0.01)": (
        f"{IN_ITS_STEP} Adam(0.01), then optimizer.step(model.parameters()) or fit(..., optimizer=Adam(0.01))"
    ),
    "SGD(model.parameters)": (
        f"{IN_ITS_STEP} SGD(0.1), then optimizer.step(model.parameters()) or fit(..., optimizer=SGD(0.1))"
    ),
    "fit(MLP, X, Y, loss='mean_squared_error')": (
        "the model comes first, such as MLP(2, [16, 1]); got <class 'nn.modules.layers.MLP'>"
    ),
    "fit(X, Y, model, loss='mean_squared_error')": (
        "the model comes first, such as MLP(2, [16, 1]); got [[0.0, 1.0], [1.0, 0.0]]"
    ),
    "fit(model, X, Y, loss='mean_squared_error', callbacks=print)": (
        "callbacks is a list of functions, each called with an Epoch; write callbacks=[…]"
    ),
    "nn.save('model.json', model)": (
        "save takes a model, then the file's name; got 'model.json' for the model"
    ),
    "SGD(0.1, 0.9)": "all but the learning rate is given by name: write SGD(0.1, momentum=0.9)",
    "Adam(lr=0.01)": "the learning rate comes first; write Adam(0.01)",
    "Adam(0.01, betas=(0.9, 0.99))": "betas is beta1 and beta2 here; write Adam(0.01)",
    "RMSProp(0.01, alpha=0.9, eps=1e-6)": ("eps is epsilon here, alpha is decay here; write RMSProp(0.01)"),
}


@pytest.mark.parametrize("slip", ANSWERS)
def test_the_answer_says_what_was_wrong_and_the_line_to_write(slip: str) -> None:
    with pytest.raises(TypeError) as caught:
        eval(slip, {**NAMES, "Value": Value, "RMSProp": RMSProp})  # noqa: S307  (our own lines)
    assert str(caught.value) == ANSWERS[slip]


@pytest.mark.parametrize("weights", [[1, 2], 2.0, np.array([1.0, 2.0]), "even"])
def test_class_weights_of_another_kind(weights: Any) -> None:
    with pytest.raises(ValueError, match="class_weight is 'balanced' or"):
        fit(MODEL, X, Y, loss="binary_cross_entropy", class_weight=weights, progress=False)


LOGITS = "'binary_cross_entropy' (probabilities) or 'binary_cross_entropy_with_logits' (linear)"
CLASSES = "'categorical_cross_entropy' (probabilities) or 'cross_entropy_with_logits' (linear)"


LOSSES = {
    "mse": "'mean_squared_error'",
    "MSELoss": "'mean_squared_error'",
    "mae": "'mean_absolute_error'",
    "bce": LOGITS,
    "BCEWithLogitsLoss": "'binary_cross_entropy_with_logits'",
    "crossentropy": CLASSES,
    "CrossEntropyLoss": CLASSES,
    "categorical_crossentropy": "'categorical_cross_entropy'",
}


@pytest.mark.parametrize(("name", "meant"), LOSSES.items())
def test_a_loss_by_another_name(name: str, meant: str) -> None:
    with pytest.raises(ValueError, match="did you mean") as caught:
        fit(MODEL, X, Y, loss=name)
    known = ", ".join(nn.training.losses.LOSSES)
    assert str(caught.value) == (
        f"unknown loss {name!r}: did you mean {meant}? Known are {known}; a function will do as well"
    )


@pytest.mark.parametrize(
    ("name", "meant"), [("acc", "accuracy"), ("AUC", "roc_area"), ("mse", "mean_squared_error")]
)
def test_a_metric_by_another_name(name: str, meant: str) -> None:
    with pytest.raises(
        ValueError, match=f"unknown metric '{name}': did you mean '{meant}'. Known are accuracy"
    ):
        fit(MODEL, X, Y, loss="binary_cross_entropy", metrics=[name])


# ── A loss and an output that do not fit ──────────────────────────────────────────────────────────

PROBABILITY = "binary_cross_entropy needs probabilities, and"
LAST = "the network's last layer is"
TO_SIGMOID = 'make it output="sigmoid", or use binary_cross_entropy_with_logits'

MISFITS = {
    ("linear", 1, "binary_cross_entropy"): f'{PROBABILITY} {LAST} "linear": {TO_SIGMOID}',
    ("relu", 1, "binary_cross_entropy"): f'{PROBABILITY} {LAST} "relu": {TO_SIGMOID}',
    ("sigmoid", 1, "binary_cross_entropy_with_logits"): (
        f"binary_cross_entropy_with_logits needs logits, for it applies the sigmoid itself, and {LAST} "
        '"sigmoid": make it output="linear", or use binary_cross_entropy'
    ),
    ("linear", 2, "categorical_cross_entropy"): (
        f'categorical_cross_entropy needs probabilities that add up to 1, and {LAST} "linear": '
        'make it output="softmax", or use cross_entropy_with_logits'
    ),
    ("softmax", 2, "cross_entropy_with_logits"): (
        f'cross_entropy_with_logits needs logits, for it applies the softmax itself, and {LAST} "softmax": '
        'make it output="linear", or use categorical_cross_entropy'
    ),
    ("sigmoid", 1, "hinge"): (
        f'hinge needs outputs of either sign, and {LAST} "sigmoid": make it output="linear", '
        "or use binary_cross_entropy"
    ),
    ("softmax", 1, "binary_cross_entropy"): (
        "a softmax of one output is 1 for every sample, so nothing can be learned: make it "
        'output="sigmoid" with binary_cross_entropy, or give the network one output for each class'
    ),
    ("softmax", 1, "categorical_cross_entropy"): (
        "categorical_cross_entropy compares 2 or more outputs, one for each class; the network has 1: "
        "for two classes and one output use binary_cross_entropy, or give it 2 outputs"
    ),
}


@pytest.mark.parametrize("doctor", [True, False])
@pytest.mark.parametrize(("output", "outputs", "loss"), MISFITS)
def test_a_loss_and_an_output_that_do_not_fit(output: str, outputs: int, loss: str, doctor: bool) -> None:
    model = MLP(2, [3, outputs], output=output, seed=0)
    before = model.state()
    Y = [-1, 1] if loss == "hinge" else [0, 1]  # noqa: N806
    with pytest.raises(ValueError, match="output") as caught:
        fit(model, X, Y, loss=loss, doctor=doctor, progress=False)
    assert str(caught.value) == MISFITS[output, outputs, loss]
    with pytest.raises(ValueError, match="output"):
        evaluate(model, X, Y, loss=loss)
    assert model.state() == before


def test_probabilities_outside_of_0_and_1_are_found_in_a_network_of_one_s_own() -> None:
    outside = MLP(2, [1], output=lambda x: x * 0.0 + 1.25, seed=0)
    with pytest.raises(ValueError, match=r"an output of this network is 1\.25") as caught:
        fit(outside, X, Y, loss="binary_cross_entropy", progress=False)
    assert str(caught.value) == f"{PROBABILITY} an output of this network is 1.25: {TO_SIGMOID}"
    inside = MLP(2, [1], output=lambda x: x.sigmoid(), seed=0)
    assert len(fit(inside, X, Y, loss="binary_cross_entropy", epochs=1, progress=False)) == 1


class Squashed(Module):
    """A network of one's own, which makes probabilities of a linear layer's outputs."""

    def __init__(self, factor: float) -> None:
        self.inner, self.factor = MLP(2, [3, 1], seed=0), factor

    def __call__(self, inputs: Any, /) -> list[Value]:
        return [self.factor * output.sigmoid() for output in self.inner(inputs)]


def test_what_a_module_of_one_s_own_does_with_its_layers_is_seen_in_its_outputs() -> None:
    assert len(fit(Squashed(1.0), X, Y, loss="binary_cross_entropy", epochs=1, progress=False)) == 1
    with pytest.raises(ValueError, match="needs probabilities, and an output of this network is"):
        fit(Squashed(9.0), X, Y, loss="binary_cross_entropy", progress=False)
    nested = Sequential(Layer(2, 3, "tanh", seed=0), MLP(3, [1], output="linear", seed=0), Dropout(0.0))
    with pytest.raises(ValueError, match='the network\'s last layer is "linear"'):
        fit(nested, X, Y, loss="binary_cross_entropy", progress=False)


@pytest.mark.parametrize("loss", ["categorical_cross_entropy", "binary_cross_entropy"])
def test_three_classes_and_one_output(loss: str) -> None:
    mends = (
        'for 3 classes give it 3 outputs with output="softmax" and use categorical_cross_entropy; '
        "if the targets are measurements, use mean_squared_error"
    )
    start = {
        "categorical_cross_entropy": (
            "categorical_cross_entropy compares 2 or more outputs, one for each class; the network has 1: "
        ),
        "binary_cross_entropy": (
            "targets[2] is 2, but binary_cross_entropy needs 0 or 1 (or a probability between) for each "
            "output; the network has 1 output: a number is out of range; "
        ),
    }
    with pytest.raises(ValueError, match="3 classes") as caught:
        fit(MODEL, [*X, [1.0, 1.0]], [0, 1, 2], loss=loss)
    assert str(caught.value) == start[loss] + mends


# ── A loss of one's own ───────────────────────────────────────────────────────────────────────────


def through_math(predictions: Any, target: float) -> Any:
    return -math.log(predictions[0] if target else 1.0 - predictions[0])


def partly_through_math(predictions: Any, target: float) -> Any:
    return (predictions[0] - target) ** 2 - math.log(predictions[0])


def test_a_loss_that_gives_a_plain_number_is_refused() -> None:
    with pytest.raises(TypeError, match="through_math gives float") as caught:
        fit(MODEL, X, Y, loss=through_math, progress=False)
    assert str(caught.value).endswith(
        "where a Value is needed: math.log, float() and .data leave the graph; "
        "write log(p) with `from engine import log`"
    )


def test_a_loss_that_leaves_the_graph_on_its_way_is_warned_of() -> None:
    with pytest.warns(UserWarning, match="past the graph") as heard:
        fit(MODEL, X, Y, loss=partly_through_math, epochs=1, progress=False)
    assert str(heard[0].message) == (
        "the loss partly_through_math depends on the predictions past the graph, where nothing flows back: "
        "math.log, float() and .data leave the graph; write log(p) with `from engine import log`, "
        "or p.detach() where that is meant"
    )
    assert heard[0].filename == __file__


@pytest.mark.parametrize(
    "optimizer", [SGD(0.1), Adam(learning_rate=0.1), SGD(learning_rate=0.1, momentum=0.5)]
)
def test_optimizers_as_they_are_meant_are_made(optimizer: Any) -> None:
    assert optimizer.learning_rate == 0.1


def weighted(predictions: Any, target: float) -> Any:
    return (predictions[0] - target) ** 2 * predictions[0].detach()


def decided(predictions: Any, target: float) -> Any:
    return (predictions[0] - target) ** 2 if float(predictions[0]) > 0.5 else abs(predictions[0] - target)


def steep(predictions: Any, target: float) -> Any:
    return abs(1e6 * (predictions[0] - target)) + relu(predictions[0] - 0.5)


class Noisy:
    """A loss that is another one at every call."""

    __name__ = "noisy"

    def __init__(self) -> None:
        self.draw = random.Random(0)

    def __call__(self, predictions: Any, target: float) -> Any:
        return (predictions[0] - target + self.draw.random()) ** 2


@pytest.mark.parametrize("loss", [weighted, decided, steep, Noisy()])
def test_what_is_detached_on_purpose_a_decision_and_a_kink_are_no_slips(loss: Any) -> None:
    model = MLP(2, [3, 1], output="sigmoid", seed=0)
    assert len(fit(model, X, Y, loss=loss, optimizer=SGD(1e-9), epochs=1, progress=False, gear="eager")) == 1


def test_a_loss_of_one_s_own_takes_what_the_network_gives() -> None:
    def squared(prediction: Any, target: float) -> Any:
        return (prediction - target) ** 2

    assert len(fit(Neuron(2, "tanh", seed=0), X, Y, loss=squared, epochs=1, progress=False)) == 1
