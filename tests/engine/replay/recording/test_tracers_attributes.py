"""Every attribute of an int and a float is followed, or known."""

from __future__ import annotations

from typing import Any

import pytest
from test_tracers import W, followed


def everything_of(kind: type) -> list[str]:
    return sorted(set(dir(kind)) - set(dir(object)))


ARGUMENTS = {
    "__pow__": (2,), "__rpow__": (2,), "__round__": (), "__format__": ("",), "__getformat__": ("double",),
    "to_bytes": (4, "big"), "from_bytes": (b"a", "big"), "fromhex": ("0x1p1",), "from_number": (1,),
}  # fmt: skip


@pytest.mark.parametrize("name", everything_of(int))
def test_every_attribute_of_an_int_is_followed_or_known(name: str) -> None:
    check_attribute(name, [1, 2, 5], 3)


@pytest.mark.parametrize("name", everything_of(float))
def test_every_attribute_of_a_float_is_followed_or_known(name: str) -> None:
    check_attribute(name, [1.0, -2.5, 5.0], 3.0)


def check_attribute(name: str, column: list[Any], other: Any) -> None:
    """The attribute, called where it can be, makes a difference that eager sees too."""

    def answer(x: Any) -> Any:
        attribute = getattr(x, name)
        if not callable(attribute):
            return attribute
        for arguments in (ARGUMENTS.get(name, ()), (other,), ()):
            try:
                return attribute(*arguments)
            except TypeError:
                continue
        return 0

    def function(x: Any) -> Any:
        found = answer(x)
        return x * W * (1.0 + len(repr(found)) + sum(map(ord, repr(found))))

    followed(function, column)
