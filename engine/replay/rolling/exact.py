"""Which sums and products stay as they are written, because somebody sees how they are rounded.

Elsewhere the terms of a sum may change places: that moves the last digit. Two things make more of it. A
constant so large that it rounds all that is added to it, `(x + 2.0**52) - 2.0**52`; and `atan2`, which asks
for the sign of zero: a product may be −0.0, which a sum of it and +0.0 is not.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine import ops
from engine.operation import Operation
from engine.replay.recording.tape import Tape

__all__ = ["exact_places"]

HUGE = 2.0**26  # half of the digits of a float: what is added loses the other half
ADDITIONS = frozenset({ops.add, ops.subtract, ops.total, ops.dot})
WRITTEN_OUT = ADDITIONS | {ops.negate, ops.multiply, ops.divide}
SIGNLESS: frozenset[Operation] = frozenset(  # whose results do not depend on the sign of a zero
    {
        *(ops.absolute, ops.cosh, ops.cos, ops.dot, ops.erfc, ops.exp, ops.exp2, ops.hypot, ops.logsumexp),
        *(ops.norm, ops.relu, ops.sigmoid, ops.softplus),
    }
)


def exact_places(tape: Tape, needed: Sequence[int]) -> set[int]:
    """The places of the tape's sums, products and quotients that are to be computed just as eager does.

    `needed` are the places of instructions, in order.

    A sum of several constants is one of them too: they must not be added to one another.
    """
    first, constants = len(tape.leaves), tape.constants
    found: set[int] = set()
    signed: set[int] = set()  # the sign of a zero matters there
    for place in reversed(needed):
        operation, operands, _ = tape.instructions[place - first]
        has_numbers = not constants.keys().isdisjoint(operands)
        numbers = [abs(constants[each]) for each in operands if each in constants] if has_numbers else []
        is_rounding = operation in ADDITIONS and any(number >= HUGE for number in numbers)
        is_several = operation is ops.total and len(numbers) > 1
        if operation in WRITTEN_OUT and (place in signed or is_rounding or is_several):
            found.add(place)
            if is_rounding:  # and its operands, which may otherwise be rounded together with it
                found.update(operand for operand in operands if _is_product(tape, operand))
        if operation is ops.atan2 or (place in signed and operation not in SIGNLESS):
            signed.update(operands)
    return found


def _is_product(tape: Tape, place: int) -> bool:
    first = len(tape.leaves)
    return place >= first and tape.instructions[place - first].operation in WRITTEN_OUT - {ops.dot}
