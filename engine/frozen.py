"""`@frozen`: a class of named fields that stay, as `dataclass(frozen=True)` has it, made sooner.

For each class `dataclass` writes the source of six methods and compiles it: 0.4 ms whenever a process
starts, and the engine has some forty such classes. Here all share these six. To `fields`, `replace` and
`match` it is a dataclass.
"""

from __future__ import annotations

from dataclasses import MISSING, FrozenInstanceError, dataclass, field, fields
from operator import attrgetter
from typing import Any, TypeVar, dataclass_transform

__all__ = ["frozen"]

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(made: type[T]) -> type[T]:
    """The class, made of its fields, equal and hashed by them; a method of these that it defines is left.

    `field` may say `compare=False`; a default is a thing, not a factory.

    >>> @frozen
    ... class Point:
    ...     x: int
    ...     y: int = 0
    >>> Point(1), Point(1) == Point(1, y=0)
    (Point(x=1, y=0), True)
    >>> Point(1).x = 2
    Traceback (most recent call last):
        ...
    dataclasses.FrozenInstanceError: cannot assign to field 'x'
    """
    own = set(vars(made))
    kind: Any = dataclass(init=False, repr=False, eq=False)(made)
    kind._defaults = {each.name: each.default for each in fields(kind) if each.default is not MISSING}
    kind._compared = attrgetter(*(each.name for each in fields(kind) if each.compare))
    for name in _METHODS.keys() - own:
        setattr(kind, name, _METHODS[name])
    return made


def _init(self: Any, /, *given: Any, **named: Any) -> None:
    names, values = self.__match_args__, self.__dict__
    values.update(self._defaults)
    values.update(zip(names, given, strict=False))
    values.update(named)
    unknown = named and not named.keys() <= set(names[len(given) :])
    if len(values) != len(names) or len(given) > len(names) or unknown:
        kind, told = type(self).__name__, ", ".join(["…"] * len(given) + [f"{name}=…" for name in named])
        raise TypeError(f"{kind} is made of {', '.join(names)}; got {kind}({told})")


def _repr(self: Any) -> str:
    return f"{type(self).__qualname__}({', '.join(f'{n}={getattr(self, n)!r}' for n in self.__match_args__)})"


def _eq(self: Any, other: Any) -> Any:
    return self._compared(self) == self._compared(other) if type(other) is type(self) else NotImplemented


def _hash(self: Any) -> int:
    return hash(self._compared(self))


def _refuse(_: Any, name: str, *__: Any) -> None:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


_METHODS = {
    "__init__": _init,
    "__repr__": _repr,
    "__eq__": _eq,
    "__hash__": _hash,
    "__setattr__": _refuse,
    "__delattr__": _refuse,
}
