"""Schema: what goes in and what comes out, in the user's own words; it is saved with a model.

>>> schema = Schema(scaler=Scaler([1.0], [2.0]), classes=("ham", "spam"), decision="probability")
>>> schema.inputs([[3.0]]), schema.answer([0.9])
([[1.0]], 'spam')
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nn.data.columns import Column
from nn.data.scaling import Scaler
from nn.data.tables import Dataset, as_rows

__all__ = ["DECISIONS", "Schema"]

Numbers = Sequence[float]
Row = list[float]


def _each(decide: Callable[[float], float]) -> Callable[[Numbers], Any]:
    return lambda outputs: decide(outputs[0]) if len(outputs) == 1 else [decide(x) for x in outputs]


# What one sample's outputs decide: it depends on the loss that they were trained with.
DECISIONS: dict[str, Callable[[Numbers], Any]] = {
    "number": _each(float),
    "probability": _each(lambda p: int(p >= 0.5)),
    "logit": _each(lambda z: int(z >= 0.0)),
    "sign": _each(lambda z: 1 if z >= 0 else -1),
    "largest": lambda outputs: outputs.index(max(outputs)),
}


@dataclass(frozen=True)
class Schema:
    """How raw rows become a network's inputs, and its outputs an answer.

    `columns` says how a row of the table becomes numbers, `scaler` how these are scaled. `classes` are the
    names of the classes, and `decision`, a name of `DECISIONS`, says how outputs choose among them. `fit`
    gives a model its schema; who trains by hand sets `model.schema`.
    """

    columns: tuple[Column, ...] = ()
    scaler: Scaler | None = None
    classes: tuple[str, ...] = ()
    decision: str = ""

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the inputs, where the columns are known."""
        return tuple(feature for column in self.columns for feature in column.features)

    # ── In ────────────────────────────────────────────────────────────────────────────────────────

    def inputs(self, raw: Any, what: str = "inputs") -> Any:
        """The network's inputs for a data set, a frame, or rows as they are in the table (lists or dicts).

        Where nothing is known of columns and scales, they are what was given. ValueError says what of a row
        is unknown or missing.
        """
        if isinstance(raw, Dataset):
            rows: Any = self._aligned(raw)
        elif self.columns:
            rows = [self._encoded(row, f"{what}[{place}]") for place, row in enumerate(_records(raw))]
        else:
            rows = _plain(raw, what)
        return rows if self.scaler is None else self.scaler.transform(as_rows(rows, what))

    def _aligned(self, dataset: Dataset) -> Sequence[Row]:
        """The rows of a data set, its inputs in the order of these columns; a category that it lacks is 0."""
        known, found = self.features, dataset.features
        if not self.columns or not dataset.columns or known == found:
            return dataset.inputs
        names = {column.name for column in self.columns}
        other = names ^ {column.name for column in dataset.columns} or set(found) - set(known)
        numbers = {column.name for column in self.columns if not column.categories}
        other = other or numbers - set(found)
        if other:
            raise ValueError(
                f"{dataset.name} has other inputs than the model was trained with: only one has "
                + ", ".join(map(repr, sorted(other)[:4]))
            )
        places = [found.index(name) if name in found else None for name in known]
        return [[0.0 if place is None else row[place] for place in places] for row in dataset.inputs]

    def _encoded(self, row: Any, where: str) -> Row:
        """A row of the table, or one that is encoded already, as numbers."""
        names = [column.name for column in self.columns]
        if isinstance(row, Mapping):
            missing = [name for name in names if name not in row]
            if missing:
                raise ValueError(f"{where} has no {missing[0]!r}; a row needs {', '.join(names)}")
            entries = [row[name] for name in names]
        else:
            entries = list(row) if isinstance(row, Iterable) and not isinstance(row, str) else [row]
        width = len(self.features)
        are_texts = any(isinstance(entry, str) for entry in entries)
        if len(entries) == width and not are_texts and not isinstance(row, Mapping):
            return entries
        if len(entries) != len(names):
            encoded = f", or {width} numbers once encoded" if width != len(names) else ""
            raise ValueError(f"{where} has {len(entries)} entries; a row has {len(names)}{encoded}: {names}")
        try:
            pairs = zip(self.columns, entries, strict=True)
            return [number for column, entry in pairs for number in column.encoded(entry)]
        except ValueError as error:
            raise ValueError(f"{where}, {error}") from None

    # ── Out ───────────────────────────────────────────────────────────────────────────────────────

    def answer(self, outputs: Numbers, what: str = "the sample") -> Any:
        """What one sample's outputs decide: the name of a class, where the classes have names.

        ValueError where they are nan: that is no name.
        """
        if self.classes and any(output != output for output in outputs):
            raise ValueError(f"{what} has no class: its outputs are nan, as an input is, or a weight")
        chosen = DECISIONS[self.decision or ("largest" if self.classes else "number")](outputs)
        if not self.classes:
            return chosen
        return self.classes[(chosen + 1) // 2 if self.decision == "sign" else chosen]

    def can_name(self, outputs: int) -> bool:
        """Whether so many outputs choose among these classes."""
        if self.decision in ("probability", "logit", "sign"):
            return outputs == 1 and len(self.classes) == 2
        return self.decision in ("largest", "") and outputs == len(self.classes) > 1

    def target(self, name: str) -> int:
        """The target that stands for a class; ValueError with the known names for another."""
        if name not in self.classes:
            raise ValueError(f"{name!r} is none of the classes {', '.join(map(repr, self.classes))}")
        place = self.classes.index(name)
        return 2 * place - 1 if self.decision == "sign" else place

    # ── To save ───────────────────────────────────────────────────────────────────────────────────

    def state(self) -> dict[str, Any]:
        """The schema as plain numbers, names and lists."""
        return {
            "columns": [
                {"name": column.name, "categories": list(column.categories), "fill": column.fill}
                for column in self.columns
            ],
            "scaler": self.scaler.state() if self.scaler else None,
            "classes": list(self.classes),
            "decision": self.decision,
        }

    @staticmethod
    def from_state(state: dict[str, Any]) -> Schema:
        """The schema that `state()` described; of what kind its parts are must have been checked before."""
        columns = tuple(
            Column(each["name"], tuple(each["categories"]), each["fill"]) for each in state["columns"]
        )
        scaler = None if state["scaler"] is None else Scaler(**state["scaler"])
        return Schema(columns, scaler, tuple(state["classes"]), state["decision"])


def _plain(raw: Any, what: str) -> Any:
    """Rows of which no column has a name: as they are, or those of a frame."""
    if hasattr(raw, "to_numpy"):
        return as_rows(raw, what)
    if isinstance(raw, memoryview):
        return raw.tolist()
    first = raw[0] if isinstance(raw, list) and raw else None
    if isinstance(raw, str | bytes | Mapping) or isinstance(first, str | Mapping):
        raise TypeError(f"{what} are lists of numbers: this model knows no names of columns; got {raw!r:.60}")
    return raw


def _records(raw: Any) -> Iterable[Any]:
    """The rows of lists, of an array or of a frame, of the latter with their names."""
    if hasattr(raw, "to_dict") and hasattr(raw, "columns"):
        records: Iterable[Any] = raw.to_dict(orient="records")
        return records
    if isinstance(raw, str | bytes | Mapping) or not isinstance(raw, Iterable):
        raise TypeError(f"rows must be a list of lists or of dicts, an array or a frame; got {raw!r:.60}")
    return raw
