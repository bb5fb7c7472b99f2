"""The second gear: a function of Values is recorded once, rolled into matrix code, and replayed.

Reading order: `record` (a function becomes a tape), `tape`, `strict` (the oracle), `roll` (the tape becomes a
program), `program`, `run_numpy`, `compiled` (what the user holds and calls).
"""
