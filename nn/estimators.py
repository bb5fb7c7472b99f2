"""Estimators: networks as scikit-learn has it, for its pipelines, searches and cross-validation.

>>> from sklearn.datasets import load_iris
>>> from sklearn.model_selection import cross_val_score
>>> inputs, targets = load_iris(return_X_y=True)
>>> scores = cross_val_score(Classifier([8], random_state=0), inputs, targets, cv=3)
>>> bool(scores.mean() > 0.9)
True
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nn.data.scaling import Scaler
from nn.fitting import fit
from nn.modules.layers import MLP
from nn.training.optimizers import Optimizer, optimizer_for

try:
    import numpy as np
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.utils import check_random_state
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import (
        _check_sample_weight,
        check_is_fitted,
        column_or_1d,
        validate_data,
    )
except ImportError as error:
    raise ImportError(
        f"nn.estimators needs scikit-learn 1.6 or newer: pip install scikit-learn ({error})"
    ) from error

__all__ = ["Classifier", "Regressor"]

Array = Any


class _Network(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """What both estimators have in common: an MLP that scales its inputs itself."""

    def _train(self, X: Array, targets: list[Any], outputs: int, loss: str, **weights: Any) -> None:
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        made: Optimizer = type(optimizer_for(self.optimizer))(self.learning_rate)
        self.model_ = MLP(X.shape[1], [*self.hidden, outputs], self.activation, seed=seed)
        self.history_ = fit(
            self.model_,
            X,
            targets,
            loss=loss,
            optimizer=made,
            epochs=self.epochs,
            batch_size=self.batch_size,
            seed=seed,
            scaler=Scaler(),
            l2=self.l2,
            progress=False,
            gear=self.gear,
            **weights,
        )
        self.n_iter_ = len(self.history_)

    def _outputs(self, X: Array) -> Array:
        check_is_fitted(self)
        return np.array(self.model_.outputs(validate_data(self, X, dtype="float64", reset=False)))


class Classifier(ClassifierMixin, _Network):  # type: ignore[misc]
    """A network that chooses among classes, of any kind of label; what `fit` learned is in `model_`.

    `hidden` has the sizes of the hidden layers. `class_weight` is {label: weight} or "balanced". The network
    scales its inputs itself, so it takes raw rows.
    """

    def __init__(  # noqa: PLR0913  (scikit-learn wants every setting to be an argument)
        self,
        hidden: Sequence[int] = (16,),
        *,
        activation: str = "tanh",
        optimizer: str = "adam",
        learning_rate: float = 0.01,
        epochs: int = 200,
        batch_size: int | None = 200,
        l2: float = 0.0,
        class_weight: Any = None,
        random_state: Any = None,
        gear: str = "auto",
    ) -> None:
        self.hidden, self.activation = hidden, activation
        self.optimizer, self.learning_rate = optimizer, learning_rate
        self.epochs, self.batch_size = epochs, batch_size
        self.l2, self.class_weight = l2, class_weight
        self.random_state, self.gear = random_state, gear

    def fit(self, X: Array, y: Array, sample_weight: Array = None) -> Classifier:
        """Train on samples and their labels; returns itself."""
        X, y = validate_data(self, X, y, dtype="float64")
        check_classification_targets(y)
        X, y, sample_weight = _weighted(X, y, sample_weight)
        self.classes_, places = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"Classifier needs samples of at least 2 classes, got {len(self.classes_)} class"
            )
        weights = self.class_weight
        if isinstance(weights, dict):
            known = self.classes_.tolist()
            weights = {known.index(label): weight for label, weight in weights.items() if label in known}
        self._train(
            X,
            places.tolist(),
            len(self.classes_),
            "cross_entropy_with_logits",
            sample_weight=sample_weight,
            class_weight=weights,
        )
        return self

    def predict_proba(self, X: Array) -> Array:
        """A probability for each sample (row) and each of `classes_` (column)."""
        logits = self._outputs(X)
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        return shares / shares.sum(axis=1, keepdims=True)

    def predict(self, X: Array) -> Array:
        """The likeliest label of each sample."""
        places = self._outputs(X).argmax(axis=1)
        return self.classes_[places]


class Regressor(RegressorMixin, _Network):  # type: ignore[misc]
    """A network that estimates a number; what `fit` learned is in `model_`.

    `hidden` has the sizes of the hidden layers. Inputs and targets are scaled, and predictions scaled back.
    """

    def __init__(  # noqa: PLR0913  (scikit-learn wants every setting to be an argument)
        self,
        hidden: Sequence[int] = (16,),
        *,
        activation: str = "tanh",
        loss: str = "mean_squared_error",
        optimizer: str = "adam",
        learning_rate: float = 0.01,
        epochs: int = 200,
        batch_size: int | None = 200,
        l2: float = 0.0,
        random_state: Any = None,
        gear: str = "auto",
    ) -> None:
        self.hidden, self.activation, self.loss = hidden, activation, loss
        self.optimizer, self.learning_rate = optimizer, learning_rate
        self.epochs, self.batch_size = epochs, batch_size
        self.l2, self.random_state, self.gear = l2, random_state, gear

    def fit(self, X: Array, y: Array, sample_weight: Array = None) -> Regressor:
        """Train on samples and their numbers; returns itself."""
        X, y = validate_data(self, X, y, dtype="float64", y_numeric=True)
        y = column_or_1d(y, warn=True)
        X, y, sample_weight = _weighted(X, y, sample_weight)
        self.target_scaler_ = Scaler().fit(y, sample_weight=sample_weight)
        scaled: Any = self.target_scaler_.transform(y)
        targets = [target for (target,) in scaled]
        self._train(X, targets, 1, self.loss, sample_weight=sample_weight)
        return self

    def predict(self, X: Array) -> Array:
        """The estimate for each sample."""
        outputs = self._outputs(X)[:, 0]
        return outputs * self.target_scaler_.scales[0] + self.target_scaler_.means[0]


def _weighted(X: Array, y: Array, weights: Array) -> tuple[Array, Array, Array]:
    """The samples that count, and how often."""
    if weights is None:
        return X, y, None
    weights = _check_sample_weight(weights, X)
    counts = weights != 0.0
    return X[counts], y[counts], weights[counts]
