"""Loops of machine code, one kernel for each instruction of a program.

Reading order: `rows` (elementwise), `picks`; `sums`, for one sample `neighbors` (with `pieces`, `across`,
`along`); `products`: matrix products, in `tiles`, with `dots` and `panels`; `fusion`:
what is done at the end of a product.
"""
