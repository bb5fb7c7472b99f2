"""Where a function is differentiated: its inputs, in the lists, dictionaries or modules that it wants.

>>> point = Point(lambda w, b: w[0] * w[1] + b, [[2.0, 3.0], 0.5])
>>> point.names, point.numbers
(['w[0]', 'w[1]', 'b'], [2.0, 3.0, 0.5])
>>> point.shaped([1, 2, 3])
[[1, 2], 3]
>>> point.call(point.leaves()).data
6.5
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from engine import modes
from engine.frozen import frozen
from engine.real import as_number
from engine.value import Value

__all__ = ["Point", "number"]


@frozen
class _Whole:
    """A module in a point: the function gets it as it is, and its parameters are the inputs."""

    module: Any
    places: list[int]


class Point:
    """A function's arguments, with a number or a leaf wherever the function wants a Value.

    `[2.0, -3.0]` is for `f(a, b)`, `[[1.0, 2.0], 0.5]` for `f(weights, bias)`, a dictionary for keyword
    arguments, a lone number for `f(x)`. Lists may be tuples, ranges or arrays; they hold lists, named tuples,
    dictionaries and modules (whatever has `.parameters()`). Leaves and parameters are the function's inputs
    themselves; a function that knows them already, and needs no arguments, is called without.

    `slots` (leaves, or numbers) and `numbers` are those of the inputs, in order. ValueError for no inputs,
    and for one that stands there twice or was computed; TypeError for what is no number.
    """

    def __init__(self, f: Callable[..., Any], at: Any) -> None:
        self.f = f
        self.slots: list[Value | float] = []
        self._paths: list[tuple[int | str, str]] = []  # of each input: its argument, and where in it
        at = _listed(at)
        self._keyed = isinstance(at, Mapping)
        self._several = isinstance(at, list)
        self._template = self._read(at)
        if not self.slots:
            raise ValueError("`at` is empty: there is nothing to check or to differentiate by")
        self._refuse_doubles()
        self._called_without = self._needs_nothing()
        self.numbers = [slot.data if isinstance(slot, Value) else slot for slot in self.slots]

    @cached_property
    def names(self) -> list[str]:
        """What each input is called: its label, or as the function calls it, or x[0], x[1], …"""
        arguments = self._argument_names()
        names = []
        for slot, (argument, path) in zip(self.slots, self._paths, strict=True):
            label = slot.label if isinstance(slot, Value) else ""
            name = argument if isinstance(argument, str) else arguments.get(argument, f"x[{argument}]")
            names.append(label or name + path)
        return names

    def leaves(self) -> list[Value]:
        """The inputs as Values: the leaves that stand in the point, and new ones for its numbers."""
        return [slot if isinstance(slot, Value) else Value(slot) for slot in self.slots]

    def moved(self, numbers: Sequence[float]) -> list[Value]:
        """The inputs as Values with these numbers, and their names as labels."""
        found = []
        for slot, number, name in zip(self.slots, numbers, self.names, strict=True):
            if not isinstance(slot, Value):
                found.append(Value(number, label=name))
                continue
            if slot._data != number:
                slot.data = number
            found.append(slot)
        return found

    def call(self, leaves: Sequence[Value]) -> Any:
        """What the function returns for these inputs."""
        if self._called_without:
            return self.f()
        given = _filled(self._template, leaves, whole=True)
        arguments = given if self._several else () if self._keyed else (given,)
        named = given if self._keyed else {}
        try:
            return self.f(*arguments, **named)
        except TypeError as error:
            self._explain(arguments, named, error)
            raise

    def shaped(self, things: Sequence[Any]) -> Any:
        """One thing for each input, in the place of the input; a module's in a list."""
        return _filled(self._template, things, whole=False)

    def flat(self, shaped: Any, what: str) -> list[float]:
        """The numbers of something of this point's shape, in the order of the inputs; else ValueError."""
        try:
            return [number(thing) for thing in _taken(self._template, _listed(shaped))]
        except (KeyError, TypeError, ValueError):
            count, found = len(self.slots), _count(shaped)
            shape = " in other lists" if found == count else ""
            raise ValueError(f"a {what} for {count} inputs has {count} numbers, got {found}{shape}") from None

    def _explain(self, arguments: Sequence[Any], named: Mapping[str, Any], error: TypeError) -> None:
        """Raise TypeError that says what to write where the function takes other arguments than these."""
        try:
            signature = inspect.signature(self.f)
        except (TypeError, ValueError):
            return
        try:
            signature.bind(*arguments, **named)
        except TypeError as why:
            thing, entry, wrapped = ("dictionary", "name", "[{…}]") if named else ("list", "place", "[[…]]")
            raise TypeError(
                f"the function does not take what `at` has: {why}. A {thing} has an entry for each argument, "
                f"by its {entry}; for one argument that is itself a {thing} write at={wrapped}"
            ) from error

    # ── Reading ───────────────────────────────────────────────────────────────────────────────────

    def _read(self, at: Any) -> Any:
        """`at` with the place of its slot instead of each number."""
        if isinstance(at, Mapping):
            return {key: self._read_one(part, str(key), "") for key, part in at.items()}
        if isinstance(at, list):
            return [self._read_one(part, place, "") for place, part in enumerate(at)]
        return self._read_one(at, 0, "")

    def _argument_names(self) -> dict[int, str]:
        """What the function calls its arguments, as far as it says."""
        try:
            parameters = inspect.signature(self.f).parameters.values()
        except (TypeError, ValueError):
            return {}
        named = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        return dict(enumerate(named))

    def _read_one(self, part: Any, argument: int | str, path: str) -> Any:
        if _is_named(part):
            read = [self._read_one(getattr(part, key), argument, f"{path}.{key}") for key in part._fields]
            return type(part)(*read)
        part = _listed(part)
        if isinstance(part, Mapping):
            return {key: self._read_one(inner, argument, f"{path}[{key!r}]") for key, inner in part.items()}
        if isinstance(part, list):
            return [self._read_one(inner, argument, f"{path}[{k}]") for k, inner in enumerate(part)]
        if not isinstance(part, Value) and hasattr(part, "parameters"):
            return _Whole(part, [self._read_one(leaf, argument, path) for leaf in part.parameters()])
        if isinstance(part, Value) and part.operation is not None:
            named = f" {part.label!r}" if part.label else ""
            raise ValueError(
                f"`at` holds numbers and leaves; one{named} is computed by {part.operation.name}"
            )
        is_input = isinstance(part, Value) and not part.is_constant
        self.slots.append(part if is_input else number(part))
        self._paths.append((argument, path))
        return len(self.slots) - 1

    def _refuse_doubles(self) -> None:
        leaves = [slot for slot in self.slots if isinstance(slot, Value)]
        if len(set(leaves)) < len(leaves):
            raise ValueError("`at` names the same leaf twice; each input stands for itself")

    def _needs_nothing(self) -> bool:
        """Whether `at` lists leaves that the function has already, so that it is called without arguments."""
        if not all(isinstance(slot, Value) for slot in self.slots):
            return False
        try:
            signature = inspect.signature(self.f)
            signature.bind()
        except (TypeError, ValueError):
            return False
        return all(p.kind is not p.VAR_POSITIONAL for p in signature.parameters.values())


def number(thing: Any) -> Any:
    """The float of a number or a Value; what replay follows stays as it is."""
    if isinstance(thing, Value):
        thing = thing.data
    return thing if modes.is_followed(thing) else as_number(thing)


def _listed(part: Any) -> Any:
    """Tuples, ranges, arrays and iterators as lists; everything else as it is."""
    if isinstance(part, (tuple, range, Iterator)):
        return list(part)
    return part.tolist() if hasattr(part, "__array__") and hasattr(part, "tolist") else part


def _is_named(part: Any) -> bool:
    """Whether this is a tuple whose entries have names."""
    return isinstance(part, tuple) and hasattr(part, "_fields")


def _filled(template: Any, things: Sequence[Any], *, whole: bool) -> Any:
    """The template with things in the places of its numbers; with `whole`, modules as they are."""
    if isinstance(template, dict):
        return {key: _filled(inner, things, whole=whole) for key, inner in template.items()}
    if isinstance(template, (list, tuple)):
        filled = [_filled(inner, things, whole=whole) for inner in template]
        return type(template)(*filled) if isinstance(template, tuple) else filled
    if isinstance(template, _Whole):
        return template.module if whole else [things[place] for place in template.places]
    return things[template]


def _taken(template: Any, shaped: Any) -> Iterator[Any]:
    """What stands in the places of the template's numbers, in order."""
    shaped = _listed(shaped)
    if isinstance(template, dict):
        if set(template) != set(shaped):
            raise ValueError("other keys")
        for key, inner in template.items():
            yield from _taken(inner, shaped[key])
    elif isinstance(template, (list, tuple, _Whole)):
        places = template.places if isinstance(template, _Whole) else template
        for inner, part in zip(places, list(shaped), strict=True):
            yield from _taken(inner, part)
    else:
        yield shaped


def _count(shaped: Any) -> int:
    shaped = _listed(shaped)
    if isinstance(shaped, Mapping):
        shaped = list(shaped.values())
    return sum(map(_count, shaped)) if isinstance(shaped, list) else 1
