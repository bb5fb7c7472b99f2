"""A function of Values is run once, and everything that it does is written down.

Reading order: `selection` (the rows that only replay has), `tape` (what is written down), `stand_ins` (Values
that tell what is done with them), `record`.
"""
