"""From a tape of scalars to a program of coarse instructions, forward and back.

Reading order: `simplify` (constants, common factors), `exact` (which sums stay as they are), `collapse` (the
others become sums of products), `groups` (nodes that do the same, side by side: here sums of products become
matrix products), `ordering`, `adjoint` (the way back), `roll` (each group becomes an instruction).
"""
