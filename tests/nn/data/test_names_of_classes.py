"""Names of classes and columns, data sets, and scalers that go home with the model."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from training import noisy, three, train

from nn import MLP, SGD, Adam, Layer, data, evaluate, load, save

# ── Names of classes ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("loss", "output", "sizes", "names"),
    [
        ("cross_entropy_with_logits", "linear", [3], "abc"),
        ("categorical_cross_entropy", "softmax", [3], "abc"),
        ("binary_cross_entropy", "sigmoid", [1], "ab"),
        ("binary_cross_entropy_with_logits", "linear", [1], "ab"),
        ("hinge", "linear", [1], "ab"),
    ],
)
def test_names_go_in_and_come_out_also_from_a_file(
    tmp_path: Path, loss: str, output: str, sizes: list[int], names: str
) -> None:
    blobs = data.blobs(60, centers=len(names), seed=0)
    truths = [names[target] for target in blobs.targets]
    model = MLP(2, sizes, output=output, seed=0)
    train(model, blobs.inputs, truths, loss=loss, optimizer=Adam(0.1), epochs=40)
    assert model.predict(blobs.inputs) == truths
    assert model.predict(blobs) == truths
    assert len(model.outputs(blobs.inputs)[0]) == sizes[0]
    assert evaluate(model, blobs.inputs, truths, metrics="accuracy") == {"accuracy": 1.0}
    assert evaluate(model, blobs.inputs, truths, loss=loss)["loss"] < 0.5
    save(model, tmp_path / "model.json")
    again = load(tmp_path / "model.json")
    assert again.schema == model.schema
    assert again.predict(blobs.inputs) == truths


@pytest.mark.parametrize("kind", ["list", "tuple", "array", "series"])
def test_names_come_in_every_form(kind: str) -> None:
    inputs, targets = noisy(30)
    truths: Any = ["abc"[target] for target in targets]
    if kind == "tuple":
        truths = tuple(truths)
    elif kind == "array":
        truths = pytest.importorskip("numpy").array(truths)
    elif kind == "series":
        truths = pytest.importorskip("pandas").Series(truths, dtype="category")
    model = three()
    train(model, inputs, truths)
    assert model.schema is not None
    assert model.schema.classes == ("a", "b", "c")


@pytest.mark.parametrize(
    ("model", "targets", "loss", "error", "words"),
    [
        (MLP(2, [3]), ["a", "b", "a", "b"], "cross_entropy_with_logits", ValueError, "2 classes.*takes 3"),
        (MLP(2, [1]), ["a", "b", "c", "b"], "binary_cross_entropy", ValueError, "3 classes need 3 outputs"),
        (MLP(2, [1]), ["a", "a", "a", "a"], "binary_cross_entropy", ValueError, "1 classes"),
        (MLP(2, [2]), ["a", "b", "a", "b"], "binary_cross_entropy", ValueError, "2 outputs"),
        (MLP(2, [1]), ["a", "b", "a", "b"], "mean_squared_error", ValueError, "compares numbers"),
        (MLP(2, [2]), ["a", 1, "a", "b"], "cross_entropy_with_logits", TypeError, r"targets\[1\] is 1"),
        (MLP(2, [2]), ["a", None, "a", "b"], "cross_entropy_with_logits", TypeError, r"targets\[1\] is None"),
    ],
)
def test_names_that_do_not_fit_are_told(
    model: MLP, targets: list[Any], loss: str, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        train(model, noisy(4)[0], targets, loss=loss)
    assert model.schema is None


def test_a_name_that_was_not_trained_is_told_by_evaluate() -> None:
    inputs, targets = noisy(30)
    model = three()
    train(model, inputs, ["abc"[target] for target in targets])
    with pytest.raises(ValueError, match="'d' is none of the classes 'a', 'b', 'c'"):
        evaluate(model, inputs[:1], ["d"], metrics="accuracy")
    with pytest.raises(ValueError, match="knows no names of classes"):
        evaluate(three(), inputs[:1], ["a"], metrics="accuracy")


def test_a_number_that_is_missing_has_no_class() -> None:
    model = MLP(2, [2], seed=0)
    train(model, [[0.0, 1.0], [1.0, 0.0]], ["a", "b"], loss="cross_entropy_with_logits")
    with pytest.raises(ValueError, match=r"inputs\[1\] has no class: its outputs are nan"):
        model.predict([[0.0, 1.0], [math.nan, 0.0]])


def test_training_goes_on_with_the_classes_that_the_model_has() -> None:
    inputs, targets = noisy(30)
    model = three()
    train(model, inputs, ["abc"[target] for target in targets])
    train(model, inputs[:4], ["c", "b", "c", "b"])  # not as classes 1 and 0
    assert model.schema is not None
    assert model.schema.classes == ("a", "b", "c")
    before = model.outputs(inputs)
    train(model, inputs[:4], ["c"] * 4, epochs=200, optimizer=SGD(0.5))
    assert model.predict(inputs[:4]) == ["c"] * 4
    assert model.outputs(inputs) != before


# ── Data sets ─────────────────────────────────────────────────────────────────────────────────────


def test_a_data_set_is_its_inputs_and_targets() -> None:
    moons = data.moons(60, seed=0)
    train_set, test_set = moons.split(0.25, seed=0)
    one, other = (MLP(2, [4, 1], "tanh", "sigmoid", seed=0) for _ in range(2))
    told: dict[str, Any] = {"loss": "binary_cross_entropy", "metrics": ["accuracy"]}
    first = train(one, train_set, validation=test_set, **told)
    pair = (test_set.inputs, test_set.targets)
    second = train(other, train_set.inputs, train_set.targets, validation=pair, **told)
    assert first.columns == second.columns
    assert one.state() == other.state()
    assert evaluate(one, test_set, **told) == evaluate(other, *pair, **told)
    assert one.predict(test_set) == [("outer", "inner")[row[0] >= 0.5] for row in other.predict(pair[0])]
    with pytest.raises(TypeError, match="has its targets with it"):
        train(one, train_set, train_set.targets)
    with pytest.raises(TypeError, match="targets are missing"):
        train(one, train_set.inputs)


def test_a_data_set_whose_classes_are_numbered_otherwise_goes_by_name() -> None:
    blobs = data.blobs(60, seed=0)
    model = MLP(2, [3], seed=0)
    train(model, blobs, epochs=60, optimizer=Adam(0.1))
    names = blobs.classes
    two = [place for place, target in enumerate(blobs.targets) if target in (1, 2)]
    other = data.Dataset(
        "two", [blobs.inputs[k] for k in two], [2 - blobs.targets[k] for k in two], (), (names[2], names[1])
    )
    assert evaluate(model, other, metrics="accuracy") == {"accuracy": 1.0}
    strange = data.Dataset("strange", other.inputs, other.targets, (), ("blob 2", "blob 9"))
    with pytest.raises(ValueError, match="'blob 9' is none of the classes"):
        evaluate(model, strange, metrics="accuracy")


def test_a_scaler_goes_home_with_the_model(tmp_path: Path) -> None:
    wine = data.Dataset("far", [[1e3 + x, 1e-3 * y] for (x, y) in noisy(60)[0]], noisy(60)[1])
    by_hand = three()
    (scaled,) = data.standardize(wine)
    train(by_hand, scaled.inputs, scaled.targets)
    for given in (data.Scaler(), data.Scaler().fit(wine)):
        model = three()
        train(model, wine, scaler=given)
        assert model.state() == by_hand.state()
        assert model.outputs(wine.inputs) == by_hand.outputs(scaled.inputs)
        assert model.outputs(wine) == by_hand.outputs(scaled.inputs)
        assert evaluate(model, wine, metrics="accuracy") == evaluate(
            by_hand, scaled.inputs, scaled.targets, metrics="accuracy"
        )
        save(model, tmp_path / "model.json")
        assert load(tmp_path / "model.json").outputs(wine.inputs) == model.outputs(wine.inputs)
    unfitted = data.Scaler()
    train(three(), wine, scaler=unfitted)
    assert unfitted.means == ()
    train(model, wine)  # and training goes on with it
    assert model.schema is not None
    assert model.schema.scaler == data.Scaler().fit(wine)


def test_a_scaler_sees_only_the_samples_to_train_on() -> None:
    inputs, targets = noisy(40)
    model = three()
    train(model, inputs, targets, validation=0.5, scaler=data.Scaler())
    kept, _ = data.Dataset("all", inputs, targets).split(0.5, seed=0)
    assert model.schema is not None
    assert model.schema.scaler == data.Scaler().fit(kept)


def test_evaluate_measures_metrics_without_a_loss() -> None:
    inputs, targets = noisy(20)
    assert list(evaluate(three(), inputs, targets, metrics=["accuracy", "f1"])) == ["accuracy", "f1"]
    one = Layer(2, 1, "sigmoid", seed=0)
    with pytest.raises(ValueError, match="accuracy needs to know what one output decides"):
        evaluate(one, inputs, [0, 1] * 10, metrics="accuracy")
    assert list(evaluate(one, inputs, [0, 1] * 10, metrics="r2")) == ["r2"]
    train(one, inputs, [0, 1] * 10, loss="binary_cross_entropy")
    known = evaluate(one, inputs, [0, 1] * 10, loss="binary_cross_entropy", metrics="accuracy")
    assert evaluate(one, inputs, [0, 1] * 10, metrics="accuracy")["accuracy"] == known["accuracy"]
    with pytest.raises(ValueError, match="something to measure"):
        evaluate(one, inputs, targets)


TABLE = (
    "size;color;kind\n1.5;red;apple\n9;green;melon\n2;red;apple\n8;green;melon\n1;green;apple\n7;red;melon\n"
)


@pytest.fixture
def fruit(tmp_path: Path) -> tuple[data.Dataset, MLP]:
    (tmp_path / "fruit.csv").write_text(TABLE)
    table = data.from_csv(tmp_path / "fruit.csv", missing="mean")
    model = MLP(3, [2], seed=0)
    train(model, table, optimizer=Adam(0.1), epochs=200, scaler=data.Scaler())
    return table, model


def test_a_model_of_a_table_takes_rows_of_the_table(fruit: tuple[data.Dataset, MLP]) -> None:
    table, model = fruit
    answers = ["apple", "melon"] * 2
    rows: list[list[Any]] = [[1.5, "red"], [9.0, "green"], ["2", " red "], [8, "green"]]
    assert model.predict(rows) == answers
    assert model.predict([{"color": color, "size": size, "more": 1} for size, color in rows]) == answers
    assert model.outputs(rows) == model.outputs(table)[:4]
    assert model.outputs(table.inputs) == model.outputs(table)
    assert model.outputs([[None, "red"]]) == model.outputs([[4.75, "red"]])
    assert model.outputs([["?", ""]]) == model.outputs([[4.75, "green"]])


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ([1.5, "blue"], r"inputs\[0\], column 'color': 'blue' is none of the categories 'green', 'red'"),
        (["big", "red"], r"inputs\[0\], column 'size': 'big' is no finite number"),
        ([float("inf"), "red"], "no finite number"),
        ([1.5], r"has 1 entries; a row has 2, or 3 numbers once encoded: \['size', 'color'\]"),
        ({"size": 1.5}, r"inputs\[0\] has no 'color'; a row needs size, color"),
        ([1.0, 0.0, "red"], "has 3 entries"),
        ("red", "has 1 entries"),
    ],
)
def test_a_row_that_is_none_of_the_table_is_told(
    fruit: tuple[data.Dataset, MLP], row: Any, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        fruit[1].predict([row])


def test_a_frame_goes_by_the_names_of_its_columns(fruit: tuple[data.Dataset, MLP]) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"kind": ["?"] * 2, "color": ["red", "green"], "size": [1.5, 9.0]})
    assert fruit[1].predict(frame) == ["apple", "melon"]


def test_another_table_goes_by_the_names_of_its_columns(
    fruit: tuple[data.Dataset, MLP], tmp_path: Path
) -> None:
    _, model = fruit
    (tmp_path / "other.csv").write_text(
        "kind,color,size\napple,red,1.5\nmelon,green,9\nmelon,green,8\napple,red,1\n"
    )
    other = data.from_csv(tmp_path / "other.csv", target="kind")
    assert evaluate(model, other, metrics="accuracy") == {"accuracy": 1.0}
    (tmp_path / "strange.csv").write_text(
        "kind,color,size\napple,blue,1.5\nmelon,green,9\nmelon,green,8\napple,blue,1\n"
    )
    with pytest.raises(ValueError, match="only one has 'color=blue'"):
        model.predict(data.from_csv(tmp_path / "strange.csv", target="kind"))
    (tmp_path / "one.csv").write_text("kind,size,color\napple,1.5,red\nmelon,9,red\n")
    one = data.from_csv(tmp_path / "one.csv", target="kind", classes=True)  # a category and an order less
    assert model.outputs(one) == model.outputs([[1.5, "red"], [9.0, "red"]])
    (tmp_path / "less.csv").write_text("kind,size\napple,1.5\nmelon,9\n")
    with pytest.raises(ValueError, match="only one has 'color'"):
        model.predict(data.from_csv(tmp_path / "less.csv", target="kind", classes=True))


@pytest.mark.parametrize("scaler", [True, "standard", object()])
def test_what_is_no_scaler_is_told(scaler: Any) -> None:
    with pytest.raises(TypeError, match=r"scaler must be a data\.Scaler.*write scaler=data\.Scaler\(\)"):
        train(three(), *noisy(8), scaler=scaler)


@pytest.mark.parametrize("rows", [{"a": 1.0}, [{"a": 1.0, "b": 2.0}], "rows", ["a", "b"]])
def test_names_of_columns_need_a_model_that_knows_them(rows: Any) -> None:
    with pytest.raises(TypeError, match="knows no names of columns"):
        three().predict(rows)


def test_a_frame_without_known_columns_is_its_numbers() -> None:
    pandas = pytest.importorskip("pandas")
    inputs, targets = noisy(9)
    frame, model = pandas.DataFrame(inputs, columns=["a", "b"]), three()
    assert model.predict(frame) == model.predict(inputs)
    train(model, frame, pandas.Series(targets))
    assert evaluate(model, frame, pandas.Series(targets), metrics="accuracy")["accuracy"] >= 0.0


def test_who_trains_by_hand_sets_the_schema(tmp_path: Path) -> None:
    model = three()
    scaler = data.Scaler().fit(noisy(9)[0])
    model.schema = data.Schema(scaler=scaler, classes=("a", "b", "c"))
    save(model, tmp_path / "model.json")
    again = load(tmp_path / "model.json")
    rows = noisy(5)[0]
    places = [outputs.index(max(outputs)) for outputs in three().predict(scaler.transform(rows))]
    assert again.predict(rows) == model.predict(rows) == ["abc"[place] for place in places]
