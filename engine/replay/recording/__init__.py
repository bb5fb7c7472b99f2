"""A function of Values is run once, and everything that it does is written down.

Reading order: `selection` (the rows that only replay has), `tape` (what is written down), `tracers` (what
stands for the data), `nodes` and `session` (what hears all that is done with Values and tracers),
`domains` (which operations may have no value), `record`. Beside them, what a function reads besides its
inputs: `names` in its code, what `objects` hold, the `places` that they lead to, their `differences`, `reach`
(all of them), `watch` (whether one has changed), and `randomness`.
"""
