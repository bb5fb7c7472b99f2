"""Three tables as the well-known ones look: from the file to a saved model to a row in another process."""

from __future__ import annotations

import json
import math
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nn import MLP, Adam, Module, data, evaluate, fit, save

ROOT = Path(__file__).parents[3]


def answer_elsewhere(path: Path, row: Any) -> Any:
    """What another process answers, that knows nothing but the file."""
    program = (
        f"import json, nn; model = nn.load({str(path)!r}); print(json.dumps(model.predict([{row!r}])[0]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def wine(folder: Path) -> Path:
    """Semicolons, quoted names, text classes, and a byte order mark: as of a spreadsheet's export."""
    pytest.importorskip("sklearn")
    found = data.wine()
    lines = [";".join(f'"{name}"' for name in (*found.features, "grower"))]
    for row, target in zip(found.inputs, found.targets, strict=True):
        lines.append(";".join([*(f"{x:g}" for x in row), ("Barolo", "Grignolino", "Barbera")[target]]))
    path = folder / "wine.csv"
    path.write_text("\r\n".join(lines), encoding="utf-8-sig")
    return path


def test_wine_with_semicolons_and_names_of_classes(tmp_path: Path) -> None:
    table = data.from_csv(wine(tmp_path), target="grower")
    assert table.classes == ("Barbera", "Barolo", "Grignolino")
    train, test = table.split(0.25, seed=0)
    model = MLP(13, [8, 3], seed=0)
    fit(
        model,
        train,
        loss="cross_entropy_with_logits",
        optimizer=Adam(0.02),
        epochs=60,
        scaler=data.Scaler(),
        class_weight="balanced",
        progress=False,
    )
    assert evaluate(model, test, metrics=["accuracy", "f1"])["accuracy"] > 0.9
    save(model, tmp_path / "wine.json")
    new = [13.2, 1.8, 2.1, 11.2, 100.0, 2.6, 2.8, 0.26, 1.3, 4.4, 1.05, 3.4, 1050.0]
    assert answer_elsewhere(tmp_path / "wine.json", new) == "Barolo" == model.predict([new])[0]
    by_name = dict(zip(table.features, new, strict=True))
    assert answer_elsewhere(tmp_path / "wine.json", by_name) == "Barolo"


def cars(folder: Path) -> Path:
    """No header, runs of spaces between columns, question marks, names behind tabs: a statistician's."""
    rng, lines = random.Random(0), []
    for number in range(300):
        cylinders = rng.choice([4, 4, 6, 8])
        power, weight = 20.0 * cylinders + rng.gauss(10, 12), 550.0 * cylinders + rng.gauss(400, 200)
        year, origin = rng.randrange(70, 83), rng.randrange(1, 4)
        miles = 46.0 - 0.0065 * weight - 0.03 * power + 0.6 * (year - 76) + origin + rng.gauss(0, 1)
        shown = "?" if number % 50 == 7 else f"{power:.1f}"
        lines.append(
            f'{miles:.1f}   {cylinders}   {shown:10} {weight:.0f}.  {year}  {origin}\t"car of kind {number}"'
        )
    path = folder / "cars.data"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_cars_without_a_header_and_with_missing_numbers(tmp_path: Path) -> None:
    path = cars(tmp_path)
    told: dict[str, Any] = {"target": 0, "columns": [1, 2, 3, 4, 5], "categories": ["column 6"]}
    with pytest.raises(ValueError, match=r"cars\.data, line 8, column 'column 3': '\?'.*missing"):
        data.from_csv(path, **told)
    with pytest.raises(ValueError, match=r"'car of kind 0'.*an id, a name"):
        data.from_csv(path, target=0, missing="mean")
    table = data.from_csv(path, missing="mean", **told)
    assert table.features[-3:] == ("column 6=1", "column 6=2", "column 6=3")
    train, test = table.split(0.25, seed=0)
    model = MLP(7, [8, 1], activation="tanh", seed=0)
    fit(
        model,
        train,
        loss="mean_squared_error",
        optimizer=Adam(0.05),
        epochs=120,
        scaler=data.Scaler(),
        progress=False,
    )
    assert evaluate(model, test, metrics="r2")["r2"] > 0.8
    save(model, tmp_path / "cars.json")
    for new in ([4, 95.0, 2400.0, 79, 1], [4, "?", 2400.0, 79, 1]):
        (miles,) = answer_elsewhere(tmp_path / "cars.json", new)
        assert miles == model.predict([new])[0][0]
        assert 20.0 < miles < 40.0


def people(folder: Path) -> Path:
    """Commas and spaces, no header, text columns, " ?", and classes with signs: as of a census."""
    rng, lines = random.Random(1), []
    for number in range(400):
        age, hours = rng.randrange(18, 70), rng.randrange(20, 60)
        school = rng.choice(["HS-grad", "Bachelors", "Masters"])
        work = "?" if number % 40 == 3 else rng.choice(["Private", "State-gov", "Self-emp"])
        gain = (
            0.06 * (age - 40)
            + 0.1 * (hours - 40)
            + {"HS-grad": -1.5, "Bachelors": 0.5, "Masters": 1.5}[school]
        )
        lines.append(
            f"{age}, {work}, {school}, {hours}, {'>50K' if gain + rng.gauss(0, 0.3) > 0 else '<=50K'}"
        )
    path = folder / "adult.data"
    path.write_text("\n".join(lines) + "\n\n")
    return path


@pytest.mark.parametrize("missing", ["drop", "most frequent"])
def test_people_with_text_columns_that_lack_some(tmp_path: Path, missing: str) -> None:
    table = data.from_csv(people(tmp_path), missing=missing)
    assert len(table) == (390 if missing == "drop" else 400)
    assert table.classes == ("<=50K", ">50K")
    assert [column.categories for column in table.columns][1] == ("Private", "Self-emp", "State-gov")
    train, test = table.split(0.25, seed=0)
    model = MLP(len(table.features), [8, 1], activation="tanh", output="sigmoid", seed=0)
    fit(
        model,
        train,
        loss="binary_cross_entropy",
        optimizer=Adam(0.05),
        epochs=60,
        scaler=data.Scaler(),
        progress=False,
    )
    assert evaluate(model, test, metrics="accuracy")["accuracy"] > 0.85
    path = tmp_path / "people.json"
    save(model, path)
    assert answer_elsewhere(path, [60, "Private", "Masters", 55]) == ">50K"
    assert answer_elsewhere(path, ["19", "State-gov", "HS-grad", "25"]) == "<=50K"
    if missing == "most frequent":
        assert answer_elsewhere(path, [60, None, "Masters", 55]) == ">50K"
    for row, words in (
        ([60, "Private", "Doctorate", 55], "'Doctorate' is none of the categories"),
        ([60, "Private", "Masters"], "has 3 entries; a row has 4"),
    ):
        with pytest.raises(ValueError, match=words):
            model.predict([row])


def test_an_answer_is_the_same_for_every_way_a_row_can_be_written(tmp_path: Path) -> None:
    table = data.from_csv(people(tmp_path), missing="most frequent")
    model: Module = MLP(len(table.features), [1], output="sigmoid", seed=0)
    fit(model, table, loss="binary_cross_entropy", epochs=2, scaler=data.Scaler(), progress=False)
    names = [column.name for column in table.columns]
    row = [33, "Private", "Bachelors", 40]
    ways = [row, tuple(row), list(map(str, row)), dict(zip(names, row, strict=True))]
    assert len({model.outputs([way])[0][0] for way in ways}) == 1
    (first,) = (place for place, inputs in enumerate(table.inputs) if inputs == table.inputs[0])
    assert model.outputs(table)[first] == model.outputs([table.inputs[0]])[0]


@pytest.mark.parametrize("entry", [1, 1.0, "1", " 1 ", np.float64(1.0), np.int64(1), np.float32(1.0)])
def test_a_category_that_is_a_number_is_known_however_the_number_comes(entry: Any) -> None:
    column = data.Column("grade", ("1", "2", "none"))
    assert column.encoded(entry) == [1.0, 0.0, 0.0]
    for unknown in (3.0, math.inf, 1.5, "1.0"):
        with pytest.raises(ValueError, match="is none of the categories"):
            column.encoded(unknown)
