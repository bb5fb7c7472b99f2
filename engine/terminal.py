"""What a terminal can show: the texts of this project in ASCII where it knows no more.

>>> in_ascii("1 − out² → h")
'1 - out**2 -> h'
"""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["Record", "at_prompt", "in_ascii", "knows_unicode", "shown"]

MOST_LINES = 30  # of what a prompt shows without being asked to print it

_ASCII = str.maketrans(
    {
        "×": "*",
        "÷": "/",
        "−": "-",
        "²": "**2",
        "³": "**3",
        "–": "-",
        "→": "->",
        "…": "...",
        "≤": "<=",
        "≥": ">=",
        "±": "+-",
        "·": "*",
        "ᵀ": ".T",
    }
    | {"├": "|", "└": "`", "│": "|", "─": "-", "Σ": "sum", "√": "sqrt", "π": "pi", "�": "?"}
    | {"“": '"', "”": '"', "’": "'"}
)


def in_ascii(text: str) -> str:
    """The text for a terminal that knows nothing but ASCII.

    >>> in_ascii("x ≥ 0, ± 1e-9")
    'x >= 0, +- 1e-9'
    """
    return text.translate(_ASCII).encode("ascii", "backslashreplace").decode()


def knows_unicode(stream: Any) -> bool:
    """Whether what is written to this stream may have signs such as × and →."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        "×−²→–…├".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def shown(text: str) -> str:
    """The text as the standard output can show it: as it is, or in ASCII.

    Every `str()` and `repr()` of this project goes through here, so that a plain `print` never fails.
    """
    return text if text.isascii() or knows_unicode(sys.stdout) else in_ascii(text)


class Record:
    """The base of dataclasses (with repr=False) whose fields may hold such signs."""

    __slots__ = ()

    def __repr__(self) -> str:
        fields: Any = self.__dataclass_fields__  # type: ignore[attr-defined]
        told = ", ".join(f"{name}={getattr(self, name)!r}" for name in fields)
        return shown(f"{type(self).__name__}({told})")


def at_prompt(text: str) -> str:
    r"""The text as it shows itself at a prompt, where nobody said `print`: a long one is cut, and says so.

    >>> print(at_prompt("a line\n" * 100)[-54:])
    a line
    … and 71 more lines; print(_) shows all of them
    """
    lines = text.splitlines()
    if len(lines) > MOST_LINES:
        rest = len(lines) - MOST_LINES + 1
        lines[MOST_LINES - 1 :] = [f"… and {rest} more lines; print(_) shows all of them"]
    return shown("\n".join(lines))
