"""Zeros: a state that begins as 0 makes the first step of a loop look unlike the others, if it is folded.

Of weights · [x, 0, 0] in a recurrent cell's first step there would be left one product, and what the zeros
give once for all samples (which is no zero where a weight is infinite). So products with 0 are left as they
are until loops have been found; where none has taken them in, they are folded then.
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.replay.rolling.collapse import (
    NONE,
    Collapsed,
    Node,
    Term,
    new_shared_node,
    shared_terms,
)

__all__ = ["folded", "with_zeros_folded"]


def with_zeros_folded(collapsed: Collapsed) -> Collapsed:
    """The same, with the products with 0 that are left as terms of one factor, whose coefficient is 0.

    >>> from engine import Value, dot
    >>> from engine.replay.recording.record import record
    >>> from engine.replay.rolling.collapse import collapse
    >>> from engine.replay.rolling.simplify import simplify
    >>> w = [Value(0.5), Value(2.0), Value(3.0)]
    >>> tape = record(lambda x: dot(w, [x, 0.0, 0.0]), w, [1.0])
    >>> found = with_zeros_folded(collapse(simplify(tape, tape.outputs)))
    >>> [len(node.terms) for node in found.nodes.values()]
    [2, 2]
    """
    left = collapsed.whole.intersection(collapsed.nodes)
    if not left:
        return collapsed
    flat, nodes = collapsed.flat, dict(collapsed.nodes)
    descending: list[int] = []
    for place in collapsed.descending:
        descending.append(place)
        if place not in left:
            continue
        terms = [folded(term, flat.constants) for term in nodes[place].terms]
        apart = shared_terms(flat, place, terms)
        if len(apart) > 1:
            shared = new_shared_node(flat, apart)
            nodes[shared] = Node(None, (), tuple(apart))
            descending.append(shared)
            terms = [*(term for term in terms if term not in apart), Term(1.0, shared, NONE)]
        nodes[place] = Node(None, (), tuple(terms))
    return collapsed._replace(nodes=nodes, descending=descending, whole=frozenset())


def folded(term: Term, constants: Mapping[int, float]) -> Term:
    """The term without a factor that is the constant 0."""
    if term.right != NONE:
        for zero, other in ((term.right, term.left), (term.left, term.right)):
            if constants.get(zero) == 0.0:
                return Term(term.coefficient * constants[zero], other, NONE)
    return term
