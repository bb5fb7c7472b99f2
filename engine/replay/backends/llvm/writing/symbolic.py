"""Symbolic numbers: known while a program is laid out, but read from a table by the machine code.

What follows the length of a sequence, trips and addresses behind rows that follow them, would make other text
for every length. So it is not written into the text, and a program of another length has the same text, the
same code, and another table.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

__all__ = ["Symbolic", "read_from_table"]

_WRITTEN = re.compile(r"%\[([^]=]*)=(-?\d+)]")


class Symbolic(int):
    """A whole number with a name; in a text it stands as both, and what is computed of it is symbolic too.

    Names tell numbers apart that happen to be the same for one length.

    >>> trips = Symbolic(60, "trips")
    >>> print(trips - 1, trips // 8 * 8)
    %[(trips-1)=59] %[((trips//8)*8)=56]
    """

    name: str

    def __new__(cls, number: int, name: str) -> Symbolic:
        """The number under this name."""
        found = super().__new__(cls, number)
        found.name = name
        return found

    def __str__(self) -> str:
        return f"%[{self.name}={int(self)}]"

    def __format__(self, _: str) -> str:
        return str(self)


def _symbolic(sign: str, method: str) -> None:
    """Let an operation of whole numbers give a symbolic one."""
    plain = getattr(int, method)
    is_turned = method.startswith("__r")

    def operation(self: Symbolic, other: int) -> Any:
        found = plain(self, other)
        if found is NotImplemented:
            return found
        names = [self.name, other.name if isinstance(other, Symbolic) else int.__repr__(other)]
        return Symbolic(found, f"({sign.join(reversed(names) if is_turned else names)})")

    setattr(Symbolic, method, operation)


for _sign, _name in (("+", "add"), ("-", "sub"), ("*", "mul"), ("//", "floordiv"), ("%", "mod")):
    _symbolic(_sign, f"__{_name}__")
    _symbolic(_sign, f"__r{_name}__")


def read_from_table(function: str, place_of: Callable[[str, int], int]) -> str:
    """The text of a function that reads its symbolic numbers when it begins, where `place_of` puts them."""
    if "%[" not in function:
        return function
    names: dict[str, str] = {}
    lines = [""]

    def name_of(found: re.Match[str]) -> str:
        key, number = found[1], int(found[2])
        if key not in names:
            name = names[key] = f"%size{len(names)}"
            place = place_of(key, number)
            lines.append(f"%at{name[1:]} = getelementptr inbounds i64, ptr %t, i64 {place}")
            lines.append(f"{name} = load i64, ptr %at{name[1:]}, align 8")
        return names[key]

    written = _WRITTEN.sub(name_of, function)
    begin = max(written.find("\nentry:"), written.find("\n%t = "))
    place = written.find("\n", begin + 1)
    return written[:place] + "\n".join(lines) + written[place:]
