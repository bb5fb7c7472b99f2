"""Roll: Tape -> Program. Scalar nodes become a few coarse instructions over rows that lie side by side.

Collapse sums, find loops, group equal work by its distance from the result, then choose the order of rows:
from the result to the inputs, every group orders its members as its consumers ask for them, so that most
operands are whole ranges. What does not roll at all is a group of one: slower, and as right.
"""

from __future__ import annotations

from engine.replay.program.program import Program, Space
from engine.replay.recording.tape import Tape
from engine.replay.rolling.adjoint import Adjoint
from engine.replay.rolling.emitter import Emitter
from engine.replay.rolling.ordering import ordered
from engine.replay.rolling.shortening import collapsed_with_loops

__all__ = ["roll"]


def roll(tape: Tape, outputs: tuple[int, ...] | None = None, *, gradient: bool = True) -> Program:
    """The program of a tape: its results, or what stands at the places `outputs`.

    With `gradient` it has the way back too, from the first output to the parameters.
    """
    plan = ordered(collapsed_with_loops(tape, tape.outputs if outputs is None else outputs))
    emitter = Emitter(plan, tape.parameters)
    emitter.emit_all()
    results = emitter.results()
    way_back = Adjoint(emitter.wanted)
    if gradient:
        way_back.derive(results, emitter.forward, emitter.shared_forward)
    sizes = dict.fromkeys(Space, 0) | emitter.sizes
    sizes[Space.WEIGHT] = tape.parameters + len(tape.held)
    sizes[Space.CONSTANT] = len(emitter.constants)
    if gradient:
        for space in (Space.VALUE, Space.FRAME, Space.SHARED, Space.WEIGHT):
            sizes[space.adjoint] = sizes[space]
    return Program(
        name=tape.name,
        inputs=tuple(emitter.inputs),
        outputs=results,
        constants=tuple(emitter.constants),
        sizes=sizes,
        wanted=tape.parameters,
        shared_forward=tuple(emitter.shared_forward),
        forward=tuple(emitter.forward),
        backward=tuple(way_back.backward),
        shared_backward=tuple(way_back.shared_backward),
    )
