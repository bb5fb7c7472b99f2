"""Programs: how a model answers for many samples at once, by what was recorded of it; kept with the model.

A program is recorded at its first call, and run by NumPy: there is no machine code to make. Each call asks
whether the model is still what was recorded, and reads every weight. What cannot be recorded, and whatever
goes wrong, is done in eager, sample by sample, which has the last word: its numbers, its errors.

>>> double = Program(lambda x: [x * 2.0], lambda: None)
>>> double([1.0, 2.0])
[[2.0], [4.0]]
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any
from weakref import ref

import engine
from nn.data.rows import Rows
from nn.data.tables import number_of
from nn.modules.parts import CHANGES

__all__ = ["Program", "Programs", "outputs_for"]

Row = list[float]


class Program:
    """A function of one sample, called with columns that have one entry per sample; gives a row for each.

    `state()` is another one whenever it is worth trying again to record what could not be recorded.
    """

    def __init__(self, function: Callable[..., Any], state: Callable[[], Any]) -> None:
        self.function, self._state = function, state
        self._compiled: Any = None
        self._refused: Any = None  # the state in which it could not be recorded

    def __call__(self, *columns: Sequence[Any]) -> list[Row]:
        """The numbers for every sample; last digits may differ from eager's."""
        state, kinds = self._state(), list(map(_kinds, columns))
        if not set().union(*kinds) <= {float, int}:
            columns = tuple(map(_with_numbers, columns))
            kinds = list(map(_kinds, columns))
        if state == self._refused or not all(kinds) or not set().union(*kinds) <= {float, int}:
            return self.eagerly(*columns)
        try:
            found = self._replayed(columns)
        except Exception:  # noqa: BLE001  (whatever it is: eager raises it too, or knows better)
            rows = self.eagerly(*columns)
            self._refused = state
            return rows
        self._refused = None
        if self._compiled.asks_types and max(map(len, kinds)) > 1:  # whole numbers came in as floats
            return self.eagerly(*columns)
        return [row.tolist() for row in found] if isinstance(found, list) else found.tolist()

    def eagerly(self, *columns: Iterable[Any]) -> list[Row]:
        """The same, sample by sample; each one's graph is dropped at once."""
        return [_numbers(self.function(*sample)) for sample in zip(*columns, strict=True)]

    def recheck(self) -> None:
        """Somebody's code has run: at the next call compare with eager."""
        if self._compiled is not None:
            self._compiled.recheck()

    def _replayed(self, columns: Sequence[Sequence[Any]]) -> Any:
        """By the program. The weights are no parameters of it but Values that it reads, and never sets."""
        if self._compiled is None:
            self._compiled = engine.compile(self.function, [], executor="numpy")
        arrays = [self._compiled.array(each) if isinstance(each, Rows) else each for each in columns]
        return self._compiled(*arrays)


class Programs:
    """Those of one model, which they do not keep alive: of its outputs, and of a loss with them.

    A copy of the model begins without.
    """

    def __init__(self, of: Any) -> None:
        model: Callable[[], Any] = ref(of)

        def outputs(inputs: Any) -> list[Any]:
            return _listed(model()(inputs))

        self._model, self._state = model, lambda: (CHANGES[0], model().training)
        self.outputs = Program(outputs, self._state)
        self._loss: Any = None
        self._measuring = self.outputs

    @classmethod
    def of(cls, model: Any) -> Programs:
        """Those that are kept with the model, an attribute of it; none are made before they are needed."""
        kept: Programs | None = vars(model).get("_programs")
        if kept is None or kept._model() is not model:  # of the model that it is a shallow copy of
            kept = vars(model)["_programs"] = cls(model)
        return kept

    def measuring(self, loss: Callable[..., Any] | None) -> Program:
        """The program of (inputs, target) that gives [loss, *outputs]; that of the last loss is kept."""
        if loss is None:
            return self.outputs
        if loss is not self._loss:
            model = self._model

            def measured(inputs: Any, target: Any) -> list[Any]:
                found = model()(inputs)
                return [loss(found, target), *_listed(found)]

            self._measuring, self._loss = Program(measured, self._state), loss
        return self._measuring

    def recheck(self) -> None:
        """At the next calls compare with eager."""
        self.outputs.recheck()
        self._measuring.recheck()

    def __reduce__(self) -> tuple[Any, ...]:
        """None, in a pickle and in a deep copy: who holds this makes it anew."""
        return type(None), ()


def outputs_for(model: Callable[[Any], Any], samples: Iterable[Any]) -> list[Row]:
    """The outputs for a few samples that are given as the network takes them: scaled; in eager."""
    return [_numbers(model(sample)) for sample in samples]


def _listed(outputs: Any) -> list[Any]:
    """The outputs of a module, which may be one Value or a list of them, as a list."""
    return list(outputs) if isinstance(outputs, list | tuple) else [outputs]


def _numbers(outputs: Any) -> Row:
    return [float(output) for output in _listed(outputs)]


def _with_numbers(thing: Any) -> Any:
    """The same with all that training takes for a number, True say, as one; eager judges the rest."""
    if hasattr(thing, "tolist"):
        thing = thing.tolist()
    if isinstance(thing, list | tuple):
        return [_with_numbers(member) for member in thing]
    return thing if isinstance(thing, engine.Value) or (number := number_of(thing)) is None else number


def _kinds(column: Any) -> set[type]:
    """The types of the numbers in it, in lists and arrays of any depth; of what is no number, its own."""
    if isinstance(column, Rows):
        return {float}
    if hasattr(column, "dtype"):
        return {{"f": float, "i": int, "u": int}.get(column.dtype.kind, type(column))}
    kinds = set(map(type, column))
    if kinds <= {float, int}:
        return kinds
    members = [each.tolist() if hasattr(each, "tolist") else each for each in column]
    lists = [each for each in members if isinstance(each, list | tuple)]
    kinds = {type(each) for each in members if not isinstance(each, list | tuple)}
    return kinds | _kinds(list(chain.from_iterable(lists))) if lists else kinds
