"""Documents: what a saved file must say, part by part, before anything is made of it.

A checksum tells that a file is whole, not that it is right. Everything here raises ValueError, which names
the part that is wrong, and what was found there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, TypeAlias

from nn.data.schema import DECISIONS

__all__ = ["check_described", "check_document", "number_of_parameters"]

Check: TypeAlias = Callable[[Any, str], None]

DEEPEST = 50  # modules within one another
MOST_STEPS = 2**53  # whole numbers up to here are exact as floats
NOT_FINITE = ("nan", "inf", "-inf")  # how a history writes what JSON has no numbers for
FOR_TWO_CLASSES = ("probability", "logit", "sign")


def check_document(document: Mapping[str, Any]) -> None:
    """Raise ValueError unless every part is of its kind; what the architecture can be is not known here."""
    _record(
        {
            "format": _text,
            "version": _whole,
            "architecture": check_described,
            "frozen": _texts,
            "state": _numbers_by_name,
            "schema": _or_nothing(_schema),
            "optimizer": _or_nothing(_optimizer),
            "training": _or_nothing(_training),
        }
    )({"schema": None, **document}, "the document")
    memory = document["optimizer"]["memory"] if document["optimizer"] else {}
    if any(not 0 < len(column) <= len(document["state"]) for column in memory.values()):
        raise ValueError("the optimizer remembers more or fewer parameters than there are")
    training = document["training"]
    if training is None:
        return
    if document["optimizer"] is None:
        raise ValueError("training without an optimizer")
    stopping = training["stopping"]
    if stopping and stopping["best_state"] and set(stopping["best_state"]) != set(document["state"]):
        raise ValueError("training.stopping.best_state has other parameters than state")


def number_of_parameters(architecture: Mapping[str, Any]) -> int:
    """How many numbers a module of this description holds; ValueError where its sizes are no sizes.

    A module of a class of one's own counts as 0: it is never made from a file.

    >>> number_of_parameters({"module": "MLP", "arguments": {"inputs": 2, "sizes": [3, 1]}})
    13
    """
    if "layers" in architecture:
        return sum(map(number_of_parameters, architecture["layers"]))
    arguments = architecture.get("arguments", {})
    counts = {
        "Neuron": lambda: _size(arguments, "inputs") + 1,
        "Layer": lambda: (_size(arguments, "inputs") + 1) * _size(arguments, "outputs"),
        "MLP": lambda: _of_layers([_size(arguments, "inputs"), *_sizes(arguments)]),
        "Embedding": lambda: _size(arguments, "count") * _size(arguments, "size"),
        "RMSNorm": lambda: _size(arguments, "size"),
        "CausalSelfAttention": lambda: 4 * _size(arguments, "size") * (_size(arguments, "size") + 1),
    }
    return counts.get(architecture["module"], int)()


def _of_layers(sizes: list[int]) -> int:
    return sum((before + 1) * size for before, size in pairwise(sizes))


def _sizes(arguments: Mapping[str, Any]) -> list[int]:
    given = arguments.get("sizes")
    _list_of(_whole)(given, "sizes")
    return [_size({"sizes": size}, "sizes") for size in given or []]


def _size(arguments: Mapping[str, Any], name: str) -> int:
    size = arguments.get(name)
    _whole(size, name)
    return int(size or 0)


# ── Parts ─────────────────────────────────────────────────────────────────────────────────────────


def check_described(part: Any, where: str = "architecture", depth: int = 0) -> None:
    """Raise ValueError unless this describes a module, with at most `DEEPEST` modules within one another."""
    if depth > DEEPEST:
        raise ValueError(f"{where:.60} lies deeper than {DEEPEST} modules within one another")
    if not isinstance(part, dict) or not isinstance(part.get("module"), str):
        _refuse(part, where, "the description of a module")
    names = set(part) - {"module"}
    if names == {"layers"} and part["module"] == "Sequential":
        _list_of(lambda *_: None)(part["layers"], f"{where}.layers")
        for place, layer in enumerate(part["layers"]):
            check_described(layer, f"{where}.layers[{place}]", depth + 1)
        if not part["layers"]:
            _refuse(part, where, "one or more layers")
    elif names == {"arguments"}:
        if not isinstance(part["arguments"], dict):
            _refuse(part["arguments"], f"{where}.arguments", "arguments by name")
    elif names:
        _refuse(sorted(names), where, "a module with its arguments")


def _schema(part: Any, where: str) -> None:
    _record(
        {
            "columns": _list_of(_column),
            "scaler": _or_nothing(_scaler),
            "classes": _texts,
            "decision": _text,
        }
    )(part, where)
    decision, classes, scaler = part["decision"], part["classes"], part["scaler"]
    if decision and decision not in DECISIONS:
        _refuse(decision, f"{where}.decision", f"one of {', '.join(DECISIONS)}")
    if classes and (decision == "number" or (decision in FOR_TWO_CLASSES) > (len(classes) == 2)):
        _refuse(classes, f"{where}.classes", f"the names that {decision!r} chooses among")
    width = sum(len(column["categories"]) or 1 for column in part["columns"])
    if scaler and width and len(scaler["means"]) != width:
        _refuse(len(scaler["means"]), f"{where}.scaler.means", f"{width} numbers, as the columns have")


def _column(part: Any, where: str) -> None:
    _record({"name": _text, "categories": _texts, "fill": lambda *_: None})(part, where)
    fill, categories = part["fill"], part["categories"]
    if fill is not None and categories and fill not in categories:
        _refuse(fill, f"{where}.fill", "one of the categories")
    if fill is not None and not categories:
        _number(fill, f"{where}.fill")


def _scaler(part: Any, where: str) -> None:
    _record({"means": _list_of(_number), "scales": _list_of(_number)})(part, where)
    if not part["means"] or len(part["means"]) != len(part["scales"]) or min(part["scales"]) <= 0.0:
        _refuse(part["scales"], f"{where}.scales", "a number above 0 for each of the means")


def _optimizer(part: Any, where: str) -> None:
    _record(
        {
            "optimizer": _text,
            "settings": _mapping_of(lambda *_: None),
            "steps_done": _whole,
            "memory": _mapping_of(_list_of(_number)),
        }
    )(part, where)
    if len({len(column) for column in part["memory"].values()}) > 1:
        _refuse("unequal ones", f"{where}.memory", "lists of one length")


def _training(part: Any, where: str) -> None:
    _record(
        {
            "identity": _mapping_of(lambda *_: None),
            "history": _mapping_of(_list_of(_number_or_not)),
            "stopping": _or_nothing(_stopping),
            "film": _or_nothing(_film),
        }
    )({"film": None, **part} if isinstance(part, dict) else part, where)
    lengths = {len(column) for column in part["history"].values()}
    if len(lengths) > 1:
        _refuse("unequal ones", f"{where}.history", "columns of one length")
    if part["history"] and part["identity"].get("columns") != list(part["history"]):
        _refuse(list(part["history"]), f"{where}.history", f"{part['identity'].get('columns')!r:.60}")
    if part["stopping"] and part["stopping"]["best_epoch"] > max(lengths, default=0):
        _refuse(part["stopping"]["best_epoch"], f"{where}.stopping.best_epoch", "an epoch of the history")


def _stopping(part: Any, where: str) -> None:
    _record({"best": _or_nothing(_number_or_not), "best_epoch": _whole, "best_state": _numbers_by_name})(
        part, where
    )
    if (part["best"] is None) != (part["best_epoch"] == 0) or (part["best"] is None) != (
        not part["best_state"]
    ):
        _refuse(part["best"], f"{where}.best", "what was best, with its epoch and state")


# ── Kinds ─────────────────────────────────────────────────────────────────────────────────────────


def _refuse(found: Any, where: str, wanted: str) -> None:
    raise ValueError(f"{where} must be {wanted}, and is {found!r:.60}")


def _film(part: Any, where: str) -> None:
    _record({"epochs": _list_of(_whole), "weights": _list_of(_text), "gradients": _list_of(_text)})(
        part, where
    )
    if any(later <= earlier for earlier, later in pairwise(part["epochs"])):
        _refuse(part["epochs"], f"{where}.epochs", "epochs in order")
    if not len(part["epochs"]) == len(part["weights"]) == len(part["gradients"]):
        _refuse("unequal ones", where, "columns of one length")


def _text(part: Any, where: str) -> None:
    if not isinstance(part, str):
        _refuse(part, where, "a text")


def _number(part: Any, where: str) -> None:
    try:
        is_number = not isinstance(part, bool) and isinstance(part, int | float) and math.isfinite(part)
    except OverflowError:  # a whole number beyond all floats
        is_number = False
    if not is_number:
        _refuse(part, where, "a finite number")


def _number_or_not(part: Any, where: str) -> None:
    if part not in NOT_FINITE:
        _number(part, where)


def _whole(part: Any, where: str) -> None:
    if isinstance(part, bool) or not isinstance(part, int) or not 0 <= part <= MOST_STEPS:
        _refuse(part, where, "a whole number of at least 0")


def _list_of(check: Check) -> Check:
    def check_list(part: Any, where: str) -> None:
        if not isinstance(part, list):
            _refuse(part, where, "a list")
        for place, member in enumerate(part):
            check(member, f"{where}[{place}]")

    return check_list


def _mapping_of(check: Check) -> Check:
    def check_mapping(part: Any, where: str) -> None:
        if not isinstance(part, dict):
            _refuse(part, where, "a mapping by names")
        for name, member in part.items():
            check(member, f"{where}[{name!r}]")

    return check_mapping


def _record(checks: Mapping[str, Check]) -> Check:
    def check_record(part: Any, where: str) -> None:
        if not isinstance(part, dict) or set(part) != set(checks):
            found = sorted(part) if isinstance(part, dict) else part
            _refuse(found, where, f"a record of {', '.join(checks)}")
        for name, check in checks.items():
            check(part[name], f"{where}.{name}")

    return check_record


def _or_nothing(check: Check) -> Check:
    return lambda part, where: None if part is None else check(part, where)


def _texts(part: Any, where: str) -> None:
    _list_of(_text)(part, where)
    if len(set(part)) != len(part):
        _refuse(part, where, "different texts")


_numbers_by_name = _mapping_of(_number)
