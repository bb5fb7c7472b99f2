"""Networks in scikit-learn: its own check, and its tools around them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sklearn")

from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures
from sklearn.utils.estimator_checks import check_estimator

import nn
from nn.estimators import Classifier, Regressor

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.filterwarnings("ignore")  # the check tries what must warn
@pytest.mark.parametrize("kind", [Classifier, Regressor])
def test_scikit_learns_own_check(kind: Any) -> None:
    results = check_estimator(kind([8], epochs=10), on_fail=None)
    failed = [result["check_name"] for result in results if result["status"] not in ("passed", "skipped")]
    assert failed == []
    assert sum(result["status"] == "passed" for result in results) > 50


def test_names_of_classes_come_back_and_probabilities_add_up() -> None:
    iris = load_iris()
    names = iris.target_names[iris.target]
    model = Classifier([8], random_state=0).fit(iris.data, names)
    assert accuracy_score(names, model.predict(iris.data)) > 0.95
    shares = model.predict_proba(iris.data)
    assert shares.shape == (150, 3)
    assert shares.sum(axis=1) == pytest.approx([1.0] * 150)
    assert list(model.classes_) == ["setosa", "versicolor", "virginica"]
    assert type(model.model_) is nn.MLP
    assert len(model.history_["loss"]) == model.n_iter_ == 200


def test_searches_pipelines_and_clones() -> None:
    inputs, targets = load_iris(return_X_y=True)
    pipeline = make_pipeline(PolynomialFeatures(2), Classifier(epochs=40, random_state=0))
    search = GridSearchCV(pipeline, {"classifier__hidden": [[2], [8]], "classifier__l2": [0.0, 0.1]}, cv=2)
    assert search.fit(inputs, targets).best_score_ > 0.9
    one = Classifier([3], learning_rate=0.1, class_weight="balanced", random_state=1)
    other = clone(one)
    assert other.get_params() == one.get_params()
    assert not hasattr(other, "model_")
    assert (one.fit(inputs, targets).predict(inputs) == other.fit(inputs, targets).predict(inputs)).all()


def test_a_regressor_learns_numbers_of_any_size() -> None:
    inputs, targets = load_diabetes(return_X_y=True)
    scores = cross_val_score(
        Regressor([8], epochs=60, l2=0.01, random_state=0), inputs, 1e6 + 1e3 * targets, cv=3
    )
    assert scores.mean() > 0.4


def test_a_frame_is_held_to_the_names_of_its_columns() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [0.0, 1.0, 2.0, 3.0], "b": [1.0, 0.0, 1.0, 0.0]})
    model = Classifier([2], epochs=5).fit(frame, ["x", "y", "x", "y"])
    assert list(model.feature_names_in_) == ["a", "b"]
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[["b", "a"]])


def test_without_scikit_learn_all_else_is_there_and_the_error_says_what_to_install() -> None:
    program = (
        "import sys; sys.modules['sklearn'] = None; import nn; nn.MLP(1, [1])\n"
        "try: nn.estimators\n"
        "except ImportError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "pip install scikit-learn" in done.stdout
