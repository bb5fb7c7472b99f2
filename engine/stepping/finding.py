"""Which node is meant by what somebody typed: a name as shown, a whole label, or an id."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from difflib import get_close_matches

from engine.graph import Node
from engine.stepping.steps import Steps
from engine.value import Constant
from engine.wording import in_ascii

__all__ = ["Finder", "Misunderstood", "asked_for", "attribute_of", "meant"]

_CALLED = re.compile(r"!\s*(?P<plain>.+)|(?:print|pp?)\s*\((?P<inner>.*)\)")
_ATTRIBUTE = re.compile(r"(?P<name>\S+)\.(?P<attribute>grad|data|label)")


class Misunderstood(Exception):  # noqa: N818  (it never leaves the walker, which shows its words)
    """What was typed cannot be done; the message says what can."""


class Finder:
    """The nodes of some steps by every name that a person may type for them."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self._found: dict[str, list[Node]] = {}
        for node in steps.nodes:
            name = steps.name(node)
            words = {steps.id(node): None}
            if not isinstance(node, Constant):
                words |= dict.fromkeys((name, in_ascii(name), node.label, name.partition("@")[0]))
            for word in words:
                if word:
                    self._found.setdefault(word, []).append(node)
        self.names = [steps.name(node) for node in steps.nodes if not isinstance(node, Constant)]

    def __contains__(self, words: str) -> bool:
        return words in self._found

    def find(self, words: str, here: Node | None = None) -> Node:
        """The one node that is called so, or of several the one that is `here`.

        Misunderstood names the nearest ones where there is none, and says which there are of several.
        """
        nodes = self.find_all(words)
        if len(nodes) == 1:
            return nodes[0]
        if here is not None and here in nodes:
            return here
        several = ", ".join(self._steps.name(node) for node in nodes[:5])
        more = ", …" if len(nodes) > 5 else ""
        raise Misunderstood(f"{len(nodes)} nodes are called {words!r}; say which: {several}{more}")

    def find_all(self, words: str) -> list[Node]:
        """All nodes that are called so: a neuron is there once for every sample. Misunderstood for none."""
        known = f"nodes are, for example, {', '.join(self.names[:4])}"
        if not words:
            raise Misunderstood(f"which node? {known}")
        if words not in self._found:
            near = meant(words, self._found) or f"; {known}"
            raise Misunderstood(f"no node is called {words!r}{near}")
        return self._found[words]


def meant(words: str, known: Iterable[str]) -> str:
    """What the words may have been meant to be, as the end of a message; '' when nothing is near."""
    near = get_close_matches(words, list(known), n=3)
    return f"; did you mean {' or '.join(near)}?" if near else ""


def asked_for(line: str, known: Finder, commands: Collection[str]) -> str | None:
    """What a line asks for in the manner of pdb: `w`, `w.grad`, `!w`, `print(w)`; None for a command."""
    called = _CALLED.fullmatch(line)
    if called:
        return called["plain"] or called["inner"].strip()
    is_asked = line in known or _ATTRIBUTE.fullmatch(line) is not None
    return line if is_asked and line not in commands else None


def attribute_of(words: str, known: Finder) -> tuple[str, str]:
    """(name, attribute) of `w.grad`; (the words, "") where they have none, or are a name as they are."""
    found = None if words in known else _ATTRIBUTE.fullmatch(words)
    return (found["name"], found["attribute"]) if found else (words, "")
