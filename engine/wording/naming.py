"""The variables that hold Values: what a Value without a label is called, as long as somebody looks.

>>> import sys
>>> from engine import Value
>>> w, xs = Value(0.5), [Value(1.0), Value(2.0)]
>>> found = variables(sys._getframe())
>>> found[w], found[xs[1]]
('w', 'xs[1]')
"""

from __future__ import annotations

import dis
import math
from collections.abc import Iterator, Mapping
from functools import lru_cache
from types import CodeType, FrameType
from typing import Any

from engine.graph import Node

__all__ = ["variables"]

DEEPEST = 8  # brackets and dots in a name
_LISTS = (list, tuple, dict)


def variables(frame: FrameType) -> dict[Node, str]:
    """{a Value without a label: the name under which the code of this frame holds it}.

    Local variables count before global ones, and of several that hold one Value the first. A list, tuple or
    dict of Values gives names such as `w[3]`, an object of a class of the same module such as `neuron.w[3]`.
    The targets of `for` loops, which hold another Value in every turn, and names that begin with an
    underscore are left out. Nothing is written into a Value.
    """
    search = _Search(frame.f_globals.get("__name__"))
    hidden: set[str] = set()
    for scope, owner in _scopes(frame):
        members = list(scope.items())
        kinds = set(filter(search.may_hold, {type(held) for _, held in members}))
        passing: set[str] | None = None  # found out only where somebody is held
        for name, held in members:
            if type(held) not in kinds or name in hidden or name[0] == "_" or not name.isidentifier():
                continue
            if nodes := list(search.nodes(name, held, DEEPEST)):
                if passing is None:
                    passing = _loop_targets(owner) if owner else set()
                for path, node in nodes if name not in passing else ():
                    search.found.setdefault(node, path)
        hidden.update(scope)
    return search.found


class _Search:
    """What has been found, and what it is found in: Values, lists, and objects of one module's classes."""

    def __init__(self, module: str | None) -> None:
        self.found: dict[Node, str] = {}
        self._module = module
        self._seen: set[int] = set()  # objects, which may hold one another

    def may_hold(self, kind: type) -> bool:
        """Whether a variable of this type is looked at: most are not, and there may be hundreds."""
        return kind in _LISTS or issubclass(kind, Node) or self._is_own(kind)

    def _is_own(self, kind: type) -> bool:
        return kind.__module__ == self._module and kind.__dictoffset__ != 0

    def nodes(self, path: str, held: Any, depth: int) -> Iterator[tuple[str, Node]]:
        """(path, Value) for what a variable holds: a Value without a label, or lists or objects with such."""
        kind = type(held)
        if issubclass(kind, Node):
            if not held.label and not held.is_constant:
                yield path, held
        elif kind in _LISTS:
            if self._begins_with_nodes(held, depth):
                members = held.items() if kind is dict else enumerate(held)
                for key, member in list(members):
                    yield from self.nodes(f"{path}[{key!r}]", member, depth - 1)
        elif depth and self._is_own(kind) and id(held) not in self._seen:
            self._seen.add(id(held))
            attributes: dict[str, Any] = object.__getattribute__(held, "__dict__")
            for name, member in list(attributes.items()):
                if name[:1] != "_":
                    yield from self.nodes(f"{path}.{name}", member, depth - 1)

    def _begins_with_nodes(self, held: Any, depth: int) -> bool:
        """Whether the first member, or the first of the first, is of use; tables of data are left at once."""
        while depth and type(held) in _LISTS and held:
            if type(held) is dict and not all(type(key) is str for key in held):
                return False
            held = next(iter(held.values() if type(held) is dict else held))
            depth -= 1
        return type(held) not in _LISTS and self.may_hold(type(held))


def _scopes(frame: FrameType) -> Iterator[tuple[Mapping[str, Any], FrameType | None]]:
    """(variables, the frame whose code assigns them): those of the code itself, around it, and global."""
    while frame.f_locals is not frame.f_globals:
        yield frame.f_locals, frame
        outer = frame.f_back
        if outer is None or frame.f_code not in outer.f_code.co_consts:
            break
        frame = outer  # a comprehension, or a function that is called where it was written
    module: FrameType | None = frame
    while module and (module.f_code.co_name != "<module>" or module.f_globals is not frame.f_globals):
        module = module.f_back
    yield frame.f_globals, module


def _loop_targets(frame: FrameType) -> set[str]:
    """The names that `for` loops assign to, up to where the frame is."""
    return {name for name, start, end in _assigned_by_loops(frame.f_code) if start <= frame.f_lasti < end}


@lru_cache(maxsize=64)
def _assigned_by_loops(code: CodeType) -> tuple[tuple[str, int, float], ...]:
    """(name, from where in the code, up to where) of every target of a `for` loop.

    A loop's targets keep their last values. Those of a comprehension are its own: where it is compiled into
    the code around it (since Python 3.12), a variable of the same name is put aside, and back at its end.
    """
    targets: list[tuple[str, int, float]] = []
    aside: set[str] = set()
    end: float | None = None  # of the loop whose targets come next
    for instruction in dis.get_instructions(code):
        name = instruction.opname
        if name == "LOAD_FAST_AND_CLEAR":
            aside.add(instruction.argval)
        elif name == "FOR_ITER":
            end = instruction.argval
        elif end is not None and name.startswith("STORE_"):
            stored = instruction.argval
            stored = stored if isinstance(stored, tuple) else (stored,)
            for each in stored[: 1 if "LOAD" in name else 2]:
                targets.append((each, instruction.offset, end if each in aside else math.inf))
                aside.discard(each)
            end = None if "LOAD" in name else end
        elif name not in ("UNPACK_SEQUENCE", "UNPACK_EX", "EXTENDED_ARG", "NOP", "CACHE", "COPY"):
            end = None
    return tuple(targets)
