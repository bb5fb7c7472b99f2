"""Names for source code: the user's labels where they can be, and comments in which a label stays text."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from engine.graph import Node

__all__ = ["identifiers", "safe"]

LONGEST = 40


def safe(text: str) -> str:
    r"""The text for a comment: on one line, and without anything that could end it or a page around it.

    >>> safe("a */ b\n</script>")
    'a *_ b __script_'
    """
    return re.sub(r"[^\w .\[\]()+*×÷−–²³=<>≤≥,:→…-]|<(?!=? )|(?<! )>", "_", " ".join(text.split()))


def identifiers(nodes: Iterable[Node], reserved: Collection[str]) -> dict[Node, str]:
    """A name for each node: its label as an identifier, else v and its place; no two are alike.

    A gradient is named `d_` and the node's name, so that such a name is taken twice.

    >>> from engine import Value
    >>> nodes = [Value(1.0, label=label) for label in ("w", "layers[0].bias", "w", "", "while")]
    >>> list(identifiers(nodes, {"while"}).values())
    ['w', 'layers_0_bias', 'w_2', 'v3', 'while_2']
    """
    taken = set(reserved)
    named: dict[Node, str] = {}
    for place, node in enumerate(nodes):
        wanted = re.sub(r"\W+", "_", node.label, flags=re.ASCII).strip("_")[:LONGEST] or f"v{place}"
        if wanted[0].isdigit():
            wanted = f"v_{wanted}"
        name, count = wanted, 1
        while not taken.isdisjoint(_family(name)) or name.startswith("op_"):
            count += 1
            name = f"{wanted}_{count}" if not wanted.startswith("op_") else f"v_{wanted}_{count}"
        taken.update(_family(name))
        named[node] = name
    return named


def _family(name: str) -> tuple[str, str, str]:
    """The names that go with one node: its own, its gradient's, and the flag that it was reached."""
    return name, f"d_{name}", f"r_{name}"
