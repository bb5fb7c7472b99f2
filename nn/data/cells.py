"""One entry of a table: a number, a text, or nothing; and what a text is that should be something else.

>>> number_in("7.40"), number_in("1_000"), is_missing("N/A"), trouble_with("2024-02-29")
(7.4, None, True, 'a date or a time')
"""

from __future__ import annotations

import math
import re

__all__ = ["DATE", "DECORATED", "MISSING", "WITH_COMMA", "is_missing", "number_in", "trouble_with"]

# As spreadsheets, statistics programs and Python write what is not there, in upper or lower case.
MISSING = frozenset(
    {"", "?", "-", "--", "---", ".", "..", "na", "n/a", "n.a.", "<na>", "#na", "#n/a", "#n/a n/a", "#null!"}
    | {"nan", "-nan", "1.#qnan", "-1.#qnan", "1.#ind", "-1.#ind", "nat", "null", "none", "nil", "missing"}
)

DATE, WITH_COMMA, DECORATED = (
    "a date or a time",
    "a number with a comma",
    "a number written with signs of its own",
)

_DATES = (
    r"\d{4}[-/.]\d{1,2}([-/.]\d{1,2})?([ T]\d{1,2}:\d{2}.*)?",
    r"\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}( \d{1,2}:\d{2}.*)?",
    r"\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?( ?[ap]m)?",
    r"\d{1,2}\.?[ -]?{month}[ -]?(\d{2,4})?( \d{1,2}:\d{2}.*)?",
    r"({day},? )?{month} ?\d{1,2}(,? \d{2,4})?( \d{1,2}:\d{2}.*)?",
    r"{month}[ -]\d{2,4}",
    r"{day}, \d{1,2} {month} \d{4}.*",
)
_MONTH = (
    "(jan(uary)?|feb(ruary)?|mar(ch)?|apr(il)?|may|june?|july?|aug(ust)?|sept?(ember)?|oct(ober)?|nov(ember)?"
    "|dec(ember)?)"
)
_DAY = "(mon|tue(s)?|wed(nes)?|thu(rs)?|fri|sat(ur)?|sun)(day)?"
_DATE = re.compile("|".join(_DATES).replace("{month}", _MONTH).replace("{day}", _DAY), re.IGNORECASE)
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+(e[+-]?\d+)?", re.IGNORECASE)
_DECORATED = re.compile(
    r"[(+-]?[$€£¥]?\s*[+-]?\d[\d.,'_ \u00a0\u202f]*([eE][+-]?\d+)?\s*([$€£¥%‰]|e?ur|usd)?\)?", re.IGNORECASE
)


def is_missing(text: str) -> bool:
    """Whether the text stands for an entry that is not there."""
    return len(text) <= 9 and text.casefold() in MISSING


def number_in(text: str, decimal: str = ".") -> float | None:
    """The finite number that the text is; None for everything else, "inf" and Python's own 1_000 too."""
    if decimal != ".":
        text = "" if "." in text else text.replace(decimal, ".")
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and "_" not in text and text.isascii() else None


def trouble_with(text: str) -> str:
    """What a text is that is neither a number nor the name of a category; nothing where it may be one."""
    if _DATE.fullmatch(text):
        return DATE
    if _DECIMAL_COMMA.fullmatch(text):
        return WITH_COMMA
    return DECORATED if _DECORATED.fullmatch(text) else ""
