"""A gradient as a sum over paths: from the root to a node, the product of the local derivatives on each."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from engine.formula import number_text
from engine.graph import Node
from engine.stepping.steps import Steps
from engine.terminal import shown

__all__ = ["UNCOUNTED", "Path", "counted", "largest_paths", "size"]

UNCOUNTED = 10**18  # the number of paths can double with every node; from here on it is "more than"
LONG_PATH = 8


@dataclass(frozen=True, slots=True)
class Path:
    """One way from the root back to the node: `nodes`, the local derivatives, and their product, `amount`.

    Where an operation uses an operand more than once, as `x * x` does, equal paths are one: there are `uses`
    of them, and together they add `total` to the gradient.
    """

    nodes: tuple[Node, ...]
    ids: tuple[str, ...]
    names: tuple[str, ...]
    partials: tuple[float, ...]
    amount: float
    uses: int
    total: float

    def __str__(self) -> str:
        factors = [number_text(partial) for partial in self.partials]
        product = " × ".join(_shortened(factors))
        result = f" = {number_text(self.amount)}" if len(factors) > 1 else ""
        together = f", by {counted(self.uses)} uses: {number_text(self.total)}" if self.uses > 1 else ""
        return shown(f"{' → '.join(_shortened(self.names))}: {product or 1}{result}{together}")


def largest_paths(backward: Steps, node: Node, limit: int = 8) -> tuple[list[Path], int]:
    """(The paths from the root to the node that add most to its gradient, largest first; how many there are).

    Equal paths are one, and counted each. The `limit` best of a node come from the `limit` best of each of
    its users, so the work grows with the edges, not with the paths. The count stops at 10^18.
    """
    below = _users(backward, node)
    best: dict[Node, list[_Link]] = {backward.root: [_Link(1.0, 1, 1.0, None, 0.0, 0)]}
    counts = {backward.root: 1}
    for user in reversed(backward.nodes):
        if user not in below or user not in best:
            continue
        best[user] = heapq.nlargest(limit, best[user], key=lambda link: size(link.total))
        if user is node:
            break
        for (parent, partial), uses in Counter(zip(user.parents, user.partials, strict=True)).items():
            if partial is not None and parent in below:
                counts[parent] = min(counts.get(parent, 0) + uses * counts[user], UNCOUNTED)
                best.setdefault(parent, []).extend(
                    link.through(user, partial, uses, rank) for rank, link in enumerate(best[user])
                )
    found = [_traced(backward, node, best, rank) for rank in range(len(best.get(node, [])))]
    return found, counts.get(node, 0)


@dataclass(frozen=True, slots=True)
class _Link:
    """The end of equal paths: their product, how many, their sum; the user and the rank there before it."""

    amount: float
    uses: int
    total: float
    user: Node | None
    partial: float
    rank: int

    def through(self, user: Node, partial: float, uses: int, rank: int) -> _Link:
        """These paths, `rank` at their user, one edge longer; there are `uses` of that edge."""
        total = self.total * partial * uses
        return _Link(self.amount * partial, min(self.uses * uses, UNCOUNTED), total, user, partial, rank)


def _users(backward: Steps, node: Node) -> set[Node]:
    """The node and everything that was computed from it."""
    below = {node}
    for user in backward.nodes:
        edges = zip(user.parents, user.partials, strict=True)
        if any(parent in below and partial is not None for parent, partial in edges):
            below.add(user)
    return below


def _traced(backward: Steps, node: Node, best: dict[Node, list[_Link]], rank: int) -> Path:
    link = best[node][rank]
    end, nodes, partials = link, [node], []
    while link.user is not None:
        nodes.append(link.user)
        partials.append(link.partial)
        link = best[link.user][link.rank]
    nodes.reverse()
    return Path(
        nodes=tuple(nodes),
        ids=tuple(backward.id(member) for member in nodes),
        names=tuple(backward.name(member) for member in nodes),
        partials=tuple(reversed(partials)),
        amount=end.amount,
        uses=end.uses,
        total=end.total,
    )


def size(amount: float | None) -> float:
    """How large a term is for the order; a nan is the first that one wants to see."""
    return -1.0 if amount is None else abs(amount) if amount == amount else float("inf")


def _shortened(parts: Sequence[str]) -> list[str]:
    """A long path's ends, and how much is between them."""
    if len(parts) <= LONG_PATH:
        return list(parts)
    half = LONG_PATH // 2
    return [*parts[:half], f"… {len(parts) - 2 * half + 1} more …", *parts[1 - half :]]


def counted(number: int) -> str:
    """A number of paths, to read."""
    return "more than 10^18" if number >= UNCOUNTED else f"{number:,}"
