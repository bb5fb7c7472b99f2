"""What a terminal can show: the texts of this project in ASCII where it knows no more.

>>> in_ascii("1 − out² → h")
'1 - out**2 -> h'
"""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["in_ascii", "knows_unicode", "shown"]

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
