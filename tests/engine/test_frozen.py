"""Frozen classes do what dataclass(frozen=True) does."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import FrozenInstanceError, dataclass, field, fields, replace
from typing import Any, ClassVar

import pytest

from engine.frozen import frozen


@frozen
class Frozen:
    """A class of ours."""

    a: int
    b: tuple[int, ...] = ()
    c: int = field(default=3, compare=False)
    d: ClassVar[int] = 4


@dataclass(frozen=True)
class Data:
    """The same, by the standard library."""

    a: int
    b: tuple[int, ...] = ()
    c: int = field(default=3, compare=False)
    d: ClassVar[int] = 4


CLASSES = [Frozen, Data]


@pytest.mark.parametrize("kind", CLASSES)
def test_fields_are_given_by_place_by_name_or_by_default(kind: Any) -> None:
    made = [kind(1), kind(1, ()), kind(b=(), a=1), kind(1, (), 3), kind(1, c=3)]
    assert [(x.a, x.b, x.c, x.d) for x in made] == [(1, (), 3, 4)] * 5
    assert repr(made[0]) == f"{kind.__name__}(a=1, b=(), c=3)"


@pytest.mark.parametrize("kind", CLASSES)
def test_they_are_equal_and_hashed_by_what_is_compared(kind: Any) -> None:
    assert kind(1) == kind(1, c=5)
    assert hash(kind(1)) == hash(kind(1, c=5))
    assert kind(1) != kind(2)
    assert kind(1) != Data(1) or kind is Data
    assert kind(1) != (1, ())
    with pytest.raises(TypeError, match="unhashable"):
        hash(kind(1, []))


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize(
    "wrong",
    [
        lambda kind: kind(),
        lambda kind: kind(1, (), 3, 4),
        lambda kind: kind(1, a=1),
        lambda kind: kind(1, d=4),
        lambda kind: kind(b=()),
        lambda kind: kind(b=(), e=1),
    ],
)
def test_other_arguments_are_refused(kind: Any, wrong: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match=kind.__name__ if kind is Frozen else None):
        wrong(kind)


@pytest.mark.parametrize("kind", CLASSES)
def test_fields_stay(kind: Any) -> None:
    made = kind(1)
    with pytest.raises(FrozenInstanceError, match="a"):
        made.a = 2
    with pytest.raises(FrozenInstanceError, match="a"):
        del made.a
    with pytest.raises(FrozenInstanceError, match="new"):
        made.new = 2


@pytest.mark.parametrize("kind", CLASSES)
def test_they_are_dataclasses(kind: Any) -> None:
    assert [each.name for each in fields(kind)] == ["a", "b", "c"]
    assert replace(kind(1), b=(2,)) == kind(1, (2,))
    assert copy.copy(kind(1)) == copy.deepcopy(kind(1)) == kind(1)
    match kind(1, (2,)):
        case Frozen(a, b) | Data(a, b):
            assert (a, b) == (1, (2,))
        case _:
            pytest.fail("it has no places")


def test_methods_of_its_own_and_subclasses() -> None:
    @frozen
    class More(Frozen):
        """One field more, and another look."""

        e: int = 0

        def __repr__(self) -> str:
            return "more"

    assert (More(1, (), 3, 9).e, repr(More(1))) == (9, "more")
    assert More(1) != Frozen(1)
