"""From a tape of scalars to a program of coarse instructions, forward and back.

Reading order: `simplify` (constants, common factors), `exact` (which sums stay as they are), `collapse` (the
others become sums of products), `periods`, `blocks` and `loops` (what repeats itself),
`shortening` (of what repeats itself very often a part is enough),
`groups` (nodes that do the same, side by side: here sums of products become matrix products), `ordering`,
`frames` and `emitter` (each group becomes an instruction), `adjoint` (the way back), `roll`.
"""
