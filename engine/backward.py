"""The chain rule over a graph, from the root down: in numbers (`backward`), in Values (higher orders).

Each node contributes its gradient, times its local derivative, to the gradient of each of its operands;
an operand's gradient is the sum of these contributions. In reverse topological order all contributions to a
node are there before it makes its own.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, repeat
from operator import itemgetter
from typing import Any, NoReturn

from engine import modes
from engine.errors import GraphError, NonFiniteError
from engine.graph import Node, interior_and_leaves

__all__ = ["add_gradients", "adjoints", "backward", "local_values", "refuse_stale", "slopes"]


def backward(root: Node, gradient: float = 1.0, constant: type[Node] = Node) -> None:
    """Add `gradient` × d root / d leaf to the `grad` of every leaf; give interior nodes theirs afresh.

    All or nothing: where a gradient would be nan, NonFiniteError is raised, and then, and after an
    exception from elsewhere at any moment (Ctrl-C, a signal handler's, no memory), every `grad` is as it
    was. Leaves of type `constant` are left without a gradient.

    The rule itself stands in `adjoints`, in eight lines; this is the same, bit for bit, written for speed.
    """
    unreached = float("-0.0")  # an object of this call, told by `is`; and what anything can be added to
    interior: list[Node] = []
    leaves: list[Node] = []
    held: list[Node] = []
    before: list[float] = []
    waiting: list[Waiting] = [((root,), None)]
    undo = _restoring(interior, leaves, held, before, waiting)
    try:
        _mark(root, unreached, interior, leaves, held, before, waiting)
        root.grad = gradient
        if not (_sweep(interior, unreached) and _settle(leaves, unreached, constant)):
            _refuse_nan(root, interior, gradient)
        summed = [
            earlier + node.grad if node._operation is None and node.grad is not None else node.grad
            for node, earlier in zip(held, before, strict=True)
        ]
        _write(held, summed)
    except BaseException:
        undo()
        raise


def slopes(root: Node, wanted: Sequence[Node], constant: type[Node] = Node) -> list[float]:
    """d root / d each of these leaves, as `backward` adds it to its `grad`; every `grad` stays as it was.

    NonFiniteError where `backward` raises it.
    """
    nodes = [*wanted, *chain.from_iterable(interior_and_leaves(root))]
    earlier = [node.grad for node in nodes]
    try:
        _write(wanted, repeat(None))
        backward(root, constant=constant)
        return [node.grad or 0.0 for node in wanted]
    finally:
        _write(nodes, earlier)


Waiting = tuple[Any, Any]  # a run of nodes, and the node that it goes on with
_set = Node.__dict__["grad"].__set__  # an assignment to `grad` as a function of C's


def _write(nodes: Iterable[Node], gradients: Iterable[float | None]) -> None:
    """Set the `grad` of each node: of all, or of none that Python's own code could see.

    Exceptions from elsewhere are raised between two steps of the interpreter, and this is one step.
    """
    deque(map(_set, nodes, gradients), 0)


def add_gradients(nodes: Sequence[Node], parts: Sequence[float]) -> None:
    """Add a part to the `grad` of each node: to all, or to none."""
    _write(nodes, [(node.grad or 0.0) + part for node, part in zip(nodes, parts, strict=True)])


def _restoring(
    interior: list[Node], leaves: list[Node], held: list[Node], before: list[float], waiting: list[Waiting]
) -> Callable[[], object]:
    """A call that puts every gradient back, whatever these lists will hold by then; one step, as `_write`.

    A node stands in one of the first two, or in a run that waits, before its `grad` is touched; and in
    `held`, with its gradient in `before`, if it had one.
    """
    runs = chain.from_iterable(map(itemgetter(0), waiting))
    cleared = map(_set, chain(interior, leaves, runs), repeat(None))
    return partial(deque, chain(cleared, map(_set, held, before)), 0)


def _mark(  # noqa: C901, PLR0912, PLR0915  (written out: a call per node would double its cost)
    root: Node,
    unreached: float,
    interior: list[Node],
    leaves: list[Node],
    held: list[Node],
    before: list[float],
    waiting: list[Waiting],
) -> None:
    """`graph.interior_and_leaves` for speed: the mark of a node that was seen is `unreached` in its `grad`.

    Gradients that were there go to `before`, their nodes to `held`. A run is a path from a node down to a
    leaf or to a node that was seen: each node, then the operand that is the last one to be placed before it.
    So at its end the whole run is placed at once, in reverse: operands come first. Where a node has further
    operands to be placed first, its run waits in `waiting`, with the operand that it will go on with.

    For loss = s * t, with s = a + b and t = s * c, where a, b and c are leaves:

        loop   run              what happens                               interior afterwards
        1      [loss]           t is looked at later: loss waits for s     waiting: ([loss], t)
               [s]              a and b are leaves: the run ends           [s]
        2      [loss, t]        goes on with t; s was seen, c is a leaf    [s, t, loss]
    """
    run: list[Node] = []
    waiting.append((run, root))
    try:
        for run, node in iter(waiting.pop, waiting[0]):  # in one step: else an interruption could lose a run
            while True:
                if node.grad is not None:
                    if node.grad is unreached:
                        break
                    held.append(node)
                    before.append(node.grad)
                if node._operation is None:
                    leaves.append(node)
                    node.grad = unreached
                    break
                run.append(node)
                node.grad = unreached
                second = node._second
                node = node._first  # noqa: PLW2901
                if second is None:
                    continue
                if node is None:
                    fresh = []
                    for operand in second:
                        if operand.grad is not unreached:
                            if operand._operation is not None:
                                fresh.append(operand)
                                continue
                            if operand.grad is not None:
                                held.append(operand)
                                before.append(operand.grad)
                            leaves.append(operand)
                            operand.grad = unreached
                    if not fresh:
                        break
                    if len(fresh) > 1:
                        waiting.append((run, fresh[-1]))
                        waiting += [([], operand) for operand in fresh[-2:0:-1]]
                        run = []  # noqa: PLW2901
                    node = fresh[0]  # noqa: PLW2901
                elif second.grad is not unreached:
                    if second._operation is None:
                        if second.grad is not None:
                            held.append(second)
                            before.append(second.grad)
                        leaves.append(second)
                        second.grad = unreached
                    else:
                        waiting.append((run, second))
                        run = []  # noqa: PLW2901
            run.reverse()
            interior += run
    except BaseException:
        interior += run  # so that no marked node is lost
        raise


def _sweep(interior: list[Node], unreached: float) -> bool:
    """Leave in every interior node's `grad` the derivative of the root by that node, 0.0 where no path leads.

    False where a nan was met; one that came to a leaf is left to `_settle`.

    A node without a contribution still has `unreached` itself in its `grad`. It must contribute nothing:
    its own local derivative may be infinite, and 0 times that would be nan. Since `unreached` is −0.0, which
    changes no number that is added to it, the first contribution needs no case of its own.
    """
    node: Any
    for node in reversed(interior):
        upstream = node.grad
        if upstream is unreached:
            node.grad = 0.0
            continue
        partial = node._first_partial
        if partial is not None:
            node._first.grad += upstream * partial
        elif upstream != upstream:  # where a first partial is, it takes the nan along, down to a leaf
            return False
        elif node._first is None:
            for operand, slope in zip(node._second, node._second_partial):  # noqa: B905  (a keyword costs as much as three edges)
                if slope is not None:
                    operand.grad += upstream * slope
            continue
        partial = node._second_partial
        if partial is not None:
            node._second.grad += upstream * partial
    return True


def _settle(leaves: list[Node], unreached: float, constant: type[Node]) -> bool:
    """Turn the sums in the leaves into gradients: none for constants, 0.0 where no path leads.

    False where a gradient is nan.
    """
    for leaf in leaves:
        upstream = leaf.grad
        if type(leaf) is constant:
            leaf.grad = None
        elif upstream is unreached:
            leaf.grad = 0.0
        elif upstream != upstream:
            return False
    return True


def _refuse_nan(root: Node, interior: list[Node], gradient: float) -> NoReturn:
    """Raise NonFiniteError: which node made the nan, and which number of the forward pass led to it."""
    reached = adjoints(root, lambda node: node.paths, gradient)
    maker, slope = next(_makers_of_nan(reached, interior))
    cause = next((node for node in interior if not math.isfinite(node._data)), None)
    infinite = (node for node in reversed(interior) if not _all_finite(node))
    advice = [op.advice for node in infinite if (op := node.operation) and op.advice][:1]
    raise NonFiniteError(_nan_words(maker, reached[maker], slope, cause, advice), maker, cause)


def _makers_of_nan(
    reached: Mapping[Node, float], interior: list[Node]
) -> Iterator[tuple[Node, float | None]]:
    """First the nodes that turn a gradient that is a number into nan, with the local derivative that does it.

    Then those in which infinite gradients of both signs meet.
    """
    for node in reversed(interior):
        upstream = reached.get(node, math.nan)
        if upstream == upstream:
            yield from ((node, s) for s in node.paths if s is not None and upstream * s != upstream * s)
    yield from ((node, None) for node, upstream in reached.items() if upstream != upstream)


def _all_finite(node: Node) -> bool:
    return all(math.isfinite(x) for x in (node._data, *node.paths) if x is not None)


def _nan_words(
    maker: Node, upstream: float, slope: float | None, cause: Node | None, advice: list[str]
) -> str:
    operands = ", ".join(describe(parent) for parent in maker.parents)
    if slope is None:
        what = "infinite gradients of both signs meet there"
    else:
        what = f"its gradient {upstream!r} times its local derivative {slope!r} is nan"
    words = f"backward would give nan at {describe(maker)} with operands ({operands}): {what}"
    if cause is not None and cause is not maker:
        inputs = ", ".join(describe(parent) for parent in cause.parents)
        words += f"; the first number in the graph that is not finite is {describe(cause)} of ({inputs})"
    return "; ".join([words, *advice])


def describe(node: Node) -> str:
    """A node in an error message: operation, label, number, and the line that made it when known."""
    made = node.operation.name if node.operation else "leaf"
    label = f" {node.label!r}" if node.label else ""
    line = f" (made at {node.line})" if node.line else ""
    return f"{made}{label} = {node._data!r}{line}"


def adjoints(root: Any, local: Callable[[Any], Sequence[Any]], gradient: float = 1.0) -> dict[Any, Any]:
    """{node: `gradient` × d root / d node} for every node that a path reaches; no `grad` is read or written.

    `local(node)` gives the node's local derivatives: its stored numbers, or Values to differentiate
    again.
    """
    interior, _ = interior_and_leaves(root)
    adjoint: dict[Any, Any] = {root: gradient}
    for node in reversed(interior):
        if (upstream := adjoint.get(node)) is not None:
            for parent, slope in zip(node.parents, local(node), strict=True):
                if slope is not None:
                    part = _times(upstream, slope)
                    adjoint[parent] = adjoint[parent] + part if parent in adjoint else part
    return adjoint


def _times(upstream: Any, slope: Any) -> Any:
    """The product, without a node for a factor of 1."""
    if isinstance(upstream, float) and upstream == 1.0:
        return slope
    if isinstance(slope, float) and slope == 1.0:
        return upstream
    return upstream * slope


def local_values(node: Any) -> Sequence[Any]:
    """The node's local derivatives as Values: its row's formulas, run on the nodes themselves.

    Constants go in as plain numbers, so that nothing is computed for a derivative that nobody wants.
    """
    if modes.anywhere and (session := modes.session()) is not None:
        return session.local_derivatives(node)
    constant = [parent.is_constant for parent in node.parents]
    operands = [p._data if fixed else p for p, fixed in zip(node.parents, constant, strict=True)]
    slopes = node.operation.partials(node, *operands)
    return [None if fixed else slope for slope, fixed in zip(slopes, constant, strict=True)]


def refuse_stale(root: Node) -> None:
    """Raise GraphError when a leaf's data was changed since the graph was made.

    Stored local derivatives belong to the point where forward ran. Formulas that are run again would
    take today's numbers, and mix two points.
    """
    for node in interior_and_leaves(root)[0]:
        operation: Any = node._operation
        again = operation.evaluate([parent._data for parent in node.parents])
        if again != node._data and again == again:
            changed = [p for p in node.parents if p._operation is None] or list(node.parents)
            named = ", ".join(describe(parent) for parent in changed)
            raise GraphError(
                f"the data of a leaf has changed since the graph was made ({named}): "
                f"{operation.name} gave {node._data!r} then and gives {again!r} now; "
                "build the graph again before differentiating it more than once",
                changed[0].label,
            )
