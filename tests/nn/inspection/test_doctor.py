"""Every finding of the doctor: a case that provokes it, and its twin that is well."""

from typing import Any

import pytest

from engine import Value
from nn import MLP, SGD, Adam, History, Module, data, doctor, fit

POINTS = data.moons(40, seed=0)
MANY = [[x, y] for x in (-1.0, 0.0, 1.0) for y in (-1.0, 0.0, 1.0)]


def names(findings: list[doctor.Finding]) -> set[str]:
    return {finding.name for finding in findings}


def healthy() -> MLP:
    return MLP(2, [6, 1], activation="tanh", output="sigmoid", seed=0)


def examined(model: Module | None = None, **changes: Any) -> list[doctor.Finding]:
    chosen: dict[str, Any] = {"loss": "binary_cross_entropy", "optimizer": Adam(0.01), **changes}
    inputs, targets = chosen.pop("inputs", POINTS.inputs), chosen.pop("targets", POINTS.targets)
    return doctor.before_training(model or healthy(), inputs, targets, **chosen)


def test_a_healthy_case_has_no_findings() -> None:
    assert examined() == []


def test_a_healthy_training_has_no_findings() -> None:
    history = fit(
        healthy(),
        POINTS.inputs,
        POINTS.targets,
        loss="binary_cross_entropy",
        epochs=5,
        doctor=True,
        progress=False,
    )
    assert history.findings == []


def test_gradients_that_were_not_zeroed() -> None:
    model = healthy()
    for step in range(2):
        loss = model([0.5, 0.5])[0] ** 2
        loss.backward()
        findings = doctor.examine_step(model, loss)
        assert names(findings) == ({"gradients not zeroed"} if step else set())
    assert "call zero_grad()" in str(findings[0])
    model.zero_grad()
    loss = model([0.5, 0.5])[0] ** 2
    loss.backward()
    assert doctor.examine_step(model, loss) == []


def test_softmax_before_a_loss_with_logits() -> None:
    for output, expected in (("softmax", {"softmax before logits"}), ("linear", set())):
        model = MLP(2, [6, 2], activation="tanh", output=output, seed=0)
        assert names(examined(model, loss="cross_entropy_with_logits")) == expected


def test_sigmoid_before_a_loss_with_logits() -> None:
    for output, expected in (("sigmoid", {"sigmoid before logits"}), ("linear", set())):
        model = MLP(2, [6, 1], activation="tanh", output=output, seed=0)
        assert names(examined(model, loss="binary_cross_entropy_with_logits")) == expected


def test_logits_where_probabilities_are_needed() -> None:
    model = MLP(2, [6, 1], activation="tanh", output="linear", seed=0)
    assert "logits instead of probabilities" in names(examined(model))
    assert "logits instead of probabilities" not in names(examined())


def test_dead_relus() -> None:
    model = MLP(2, [6, 1], output="sigmoid", seed=0)
    assert "dead relus" not in names(examined(model))
    for neuron in model.layers[0].neurons[:2]:
        neuron.bias.data = -50.0
    (finding,) = [finding for finding in examined(model) if finding.name == "dead relus"]
    assert finding.number == 2
    assert str(finding).startswith("2 of 6 relu neurons are dead, layers[0].neurons[")


@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
def test_saturation(activation: str) -> None:
    model = MLP(2, [6, 1], activation=activation, output="linear", seed=0)
    assert "saturated" not in names(examined(model, loss="mean_squared_error"))
    for parameter in model.layers[0].parameters():
        parameter.data = parameter.data * 80.0 + 0.01
    (finding,) = [f for f in examined(model, loss="mean_squared_error") if f.name == "saturated"]
    assert finding.number > 0.5
    assert f"of the {activation} outputs are saturated" in str(finding)


def test_a_loss_that_starts_far_from_chance() -> None:
    model = MLP(2, [3], output="linear", seed=0)
    settings = {"loss": "cross_entropy_with_logits", "inputs": MANY, "targets": [0, 1, 2] * 3}
    assert "loss far from chance" not in names(examined(model, **settings))
    for parameter in model.parameters():
        parameter.data *= 20.0
    assert "loss far from chance" in names(examined(model, **settings))


def test_targets_that_are_not_scaled_are_far_from_chance() -> None:
    model = MLP(2, [1], seed=0)
    targets = [100.0 + place for place in range(9)]
    findings = examined(model, loss="mean_squared_error", inputs=MANY, targets=targets)
    assert "scale the targets" in " ".join(map(str, findings))
    near = [0.1 * place - 0.4 for place in range(9)]
    calm = MLP(2, [1], initializer="zeros")
    assert "loss far from chance" not in names(
        examined(calm, loss="mean_squared_error", inputs=MANY, targets=near)
    )


def test_an_update_that_is_too_small_or_too_large() -> None:
    assert "update ratio off" in names(examined(optimizer=SGD(1e-9)))
    (large,) = examined(
        MLP(2, [6, 1], activation="tanh", output="sigmoid", initializer=tiny, seed=0), optimizer=Adam(0.3)
    )
    assert large.name == "update ratio off"
    assert "very large" in str(large)
    assert "update ratio off" not in names(examined(optimizer=SGD(0.1)))


def tiny(_inputs: int, _outputs: int, rng: Any) -> float:
    return float(rng.gauss(0.0, 1e-3))


def test_a_learning_rate_that_is_too_large() -> None:
    model = MLP(2, [1], seed=0)
    targets = [x + y for x, y in MANY]
    found = examined(model, loss="mean_squared_error", inputs=MANY, targets=targets, optimizer=SGD(3.0))
    assert "learning rate too large" in names(found)
    calm = examined(model, loss="mean_squared_error", inputs=MANY, targets=targets, optimizer=SGD(0.1))
    assert "learning rate too large" not in names(calm)


def test_a_loss_that_has_risen_over_the_epochs() -> None:
    risen, fallen = History(), History()
    for loss in (1.0, 1.5, 3.0):
        risen.add({"loss": loss})
        fallen.add({"loss": 1.0 / loss})
    findings = doctor.examine(
        healthy(), POINTS.inputs, POINTS.targets, loss="binary_cross_entropy", history=risen
    )
    assert names(findings) == {"learning rate too large"}
    assert not doctor.examine(
        healthy(), POINTS.inputs, POINTS.targets, loss="binary_cross_entropy", history=fallen
    )


def test_labels_outside_the_range() -> None:
    findings = examined(targets=[2] * 40)
    assert names(findings) == {"labels out of range"}
    assert findings[0].number == 2
    assert "labels out of range" not in names(examined())


def test_inputs_that_are_not_scaled() -> None:
    rows = [[x, 300.0 * y] for x, y in POINTS.inputs]
    (finding,) = [f for f in examined(inputs=rows) if f.name == "unscaled inputs"]
    assert "input 1 reaches" in str(finding)
    assert "unscaled inputs" not in names(examined())


class Cut(Module):
    """A layer whose outputs are cut off from the graph on their way to the next."""

    def __init__(self, *, cut: bool) -> None:
        self.first, self.last, self.cut = MLP(2, [3], seed=0), MLP(3, [1], output="sigmoid", seed=0), cut

    def __call__(self, inputs: Any, /) -> list[Value]:
        hidden = self.first(inputs)
        return self.last([float(h) for h in hidden] if self.cut else hidden)


def test_parameters_that_get_no_gradient() -> None:
    (finding,) = [f for f in examined(Cut(cut=True)) if f.name == "no gradient"]
    assert finding.number == 9
    assert "9 of 13 parameters get no gradient" in str(finding)
    assert "no gradient" not in names(examined(Cut(cut=False)))


def test_examining_changes_nothing() -> None:
    model, optimizer = healthy(), Adam(0.01)
    model([1.0, 1.0])[0].backward()
    before = [(p.data, p.grad) for p in model.parameters()]
    examined(model, optimizer=optimizer)
    assert [(p.data, p.grad) for p in model.parameters()] == before
    assert optimizer.state() == Adam(0.01).state()
