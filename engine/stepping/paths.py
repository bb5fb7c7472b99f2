"""A gradient as a sum over paths: from the root to a node, the product of the local derivatives on each."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

from engine.formula import number_text
from engine.graph import Node
from engine.stepping.steps import Steps

__all__ = ["UNCOUNTED", "Path", "largest_paths", "size"]

UNCOUNTED = 10**18  # the number of paths can double with every node; from here on it is "more than"
LONG_PATH = 8


@dataclass(frozen=True, slots=True)
class Path:
    """One way from the root back to the node: `nodes`, the local derivatives, and their product."""

    nodes: tuple[Node, ...]
    ids: tuple[str, ...]
    names: tuple[str, ...]
    partials: tuple[float, ...]
    amount: float

    def __str__(self) -> str:
        factors = [number_text(partial) for partial in self.partials]
        product = " × ".join(_shortened(factors))
        result = f" = {number_text(self.amount)}" if len(factors) > 1 else ""
        return f"{' → '.join(_shortened(self.names))}: {product or 1}{result}"


def largest_paths(backward: Steps, node: Node, limit: int = 8) -> tuple[list[Path], int]:
    """(The paths from the root to the node with the largest products, largest first; how many there are).

    The `limit` best of a node come from the `limit` best of each of its users, so the work grows with
    the edges, not with the paths. The count stops at 10^18.
    """
    below = _users(backward, node)
    best: dict[Node, list[_Link]] = {backward.root: [_Link(1.0, None, 0.0, 0)]}
    counts = {backward.root: 1}
    for user in reversed(backward.nodes):
        if user not in below or user not in best:
            continue
        best[user] = heapq.nlargest(limit, best[user], key=lambda link: size(link.amount))
        if user is node:
            break
        for parent, partial in zip(user.parents, user.partials, strict=True):
            if partial is not None and parent in below:
                counts[parent] = min(counts.get(parent, 0) + counts[user], UNCOUNTED)
                best.setdefault(parent, []).extend(
                    _Link(link.amount * partial, user, partial, rank) for rank, link in enumerate(best[user])
                )
    found = [_traced(backward, node, best, rank) for rank in range(len(best.get(node, [])))]
    return found, counts.get(node, 0)


@dataclass(frozen=True, slots=True)
class _Link:
    """The end of a path: its product, and the user and the rank there from which it came."""

    amount: float
    user: Node | None
    partial: float
    rank: int


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
    amount, nodes, partials = link.amount, [node], []
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
        amount=amount,
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
