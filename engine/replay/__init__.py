"""The second gear: a function of Values is recorded once, rolled into matrix code, and replayed on arrays.

Reading order. Recording: `stand_ins` (Values that tell what is done with them), `record`, `tape`, `strict`
(a tape run one scalar at a time: the oracle). Rolling: `simplify`, `collapse`, `groups`, `roll`,
`instructions`, `expression`, `adjoint` (the way back), `program`. Running: `run_numpy` with
`numpy_binding`, `samples`, `paths` (one for each way through a function's branches), `executors`,
`compiled` (what the user holds and calls).
"""
