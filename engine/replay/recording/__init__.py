"""A function of Values is run once, and everything that it does is written down.

Reading order: `selection` (the rows that only replay has), `tape` (what is written down), `stand_ins` (Values
that tell what is done with them), `record`. Beside them, what a function reads besides its inputs: `names` in
its code, the `places` that they lead to, `reach` (all of them), `watch` (whether one has changed), and
`randomness`.
"""
