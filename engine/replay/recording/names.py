"""What a piece of code reads, as its bytecode says: which globals, and which attributes of whatever there is.

Code is somebody's own, or a library's: the standard library's, this project's, or that of installed packages.
What a library keeps in its globals is its own affair; what it reads of the user's objects is not.
"""

from __future__ import annotations

import builtins
import dis
import functools
import sys
from collections.abc import Iterator
from types import CodeType, ModuleType
from typing import Any, NamedTuple

__all__ = ["Names", "is_library", "names_in", "unrepeatable"]

_OWN = ("engine", "nn")
_INSTALLED = ("site-packages", "dist-packages")
_GLOBAL = ("LOAD_GLOBAL", "LOAD_NAME", "STORE_GLOBAL", "DELETE_GLOBAL", "LOAD_FROM_DICT_OR_GLOBALS")
_EQUAL_NOT_SAME = (int, float, complex, bytes, tuple)  # constants that may be equal and not the same object
_STORED = ("STORE_ATTR", "DELETE_ATTR")

# What answers otherwise each time it is asked, or cannot be looked through: nothing that could be watched.
_UNREPEATABLE = {
    *("time", "_time", "datetime", "_datetime", "secrets", "uuid", "socket", "subprocess"),
    *("os", "posix", "nt"),
}
_UNREPEATABLE_BUILTINS = {"open", "input", "globals", "locals", "eval", "exec", "__import__"}
UNREPEATABLE_ATTRIBUTES = {
    "_data": "write .data, which is noticed",
    "read_text": "read the file before, and pass its numbers as arguments",
    "read_bytes": "read the file before, and pass its numbers as arguments",
}


class Names(NamedTuple):
    """The names in a function's code, and in all code inside it."""

    globals: frozenset[str]
    attributes: frozenset[str]
    stored: frozenset[str]  # the attributes that it sets
    texts: frozenset[str]  # that could be names: getattr(settings, "beta")
    imported: frozenset[str]
    identical: frozenset[str]  # numbers and texts that it asks by `is` for, as they are written


@functools.lru_cache(maxsize=4096)
def names_in(code: CodeType) -> Names:
    """The globals that this code and all code inside it name, and the attributes; texts count among these.

    >>> names_in((lambda x: x * settings.beta).__code__)[:2]
    (frozenset({'settings'}), frozenset({'beta'}))
    """
    found: dict[str, set[str]] = {kind: set() for kind in Names._fields}
    for each in _codes_of(code):
        found["texts"].update(c for c in each.co_consts if isinstance(c, str) and c.isidentifier())
        steps = list(dis.get_instructions(each))
        for number, step in enumerate(steps):
            if step.opname == "IS_OP":  # `x is 1` is true for some numbers that are 1
                sides = [s.argval for s in steps[max(0, number - 2) : number] if s.opname[:5] == "LOAD_"]
                found["identical"].update(repr(c) for c in sides if type(c) in _EQUAL_NOT_SAME)
            elif step.opname in _GLOBAL:
                found["globals"].add(step.argval)
            elif step.opname == "IMPORT_NAME":
                found["imported"].add(step.argval)
            elif step.opname in _STORED:
                found["stored"].add(step.argval)
            elif step.opname == "IMPORT_FROM" or "ATTR" in step.opname or "METHOD" in step.opname:
                found["attributes"].add(step.argval)
    found["attributes"] |= found["texts"]
    return Names(**{kind: frozenset(names) for kind, names in found.items()})


def _codes_of(code: CodeType) -> Iterator[CodeType]:
    """The code, and that of the functions, classes and comprehensions written inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes_of(constant)


@functools.lru_cache(maxsize=4096)
def is_library(module: str, file: str = "") -> bool:
    """Whether code of this module, from this file, belongs to a library, and not to the user.

    >>> is_library("random"), is_library("engine.value"), is_library("__main__")
    (True, True, False)
    """
    top = module.partition(".")[0]
    if top == "__main__" or (file.startswith("<") and not file.startswith("<frozen")):
        return False  # a script, a prompt, a notebook, an example in a docstring
    return (
        top in _OWN
        or top in sys.stdlib_module_names
        or any(folder in file.replace("\\", "/").split("/") for folder in _INSTALLED)
    )


def unrepeatable(thing: Any) -> bool:
    """Whether a thing that code names is a clock, a file or the like, which nothing can watch.

    >>> import time
    >>> unrepeatable(time), unrepeatable(time.perf_counter), unrepeatable(len)
    (True, True, False)
    """
    if isinstance(thing, ModuleType):
        return thing.__name__ in _UNREPEATABLE
    owner = getattr(thing, "__self__", None)  # datetime.now has no module, and its class has one
    module = getattr(owner if isinstance(owner, type) else thing, "__module__", None)
    name = getattr(thing, "__name__", None)
    if not (isinstance(module, str) and isinstance(name, str) and callable(thing)):
        return False
    if module in ("builtins", "io", "_io"):
        return name in _UNREPEATABLE_BUILTINS and thing is getattr(builtins, name)
    return module in _UNREPEATABLE or name in ("SystemRandom", "urandom")
