"""The second gear: a function of Values is recorded once, rolled into matrix code, and replayed on arrays.

The data passes the rooms once, from top to bottom:

- `recording`: a function is run on tracers; what it did is a Tape;
- `rolling`: Tape to Program: where sums of products become matrix products, and the way back;
- `program`: the few coarse instructions that a program is made of, and their expressions;
- `backends`: what runs a program: one scalar at a time, in NumPy, in JAX, as machine code.

Then `samples` (batches, as the user gives them), `choosing` (which executor), `eager` (the function itself),
`paths` (a program for each way through a function's branches), `comparison` (of a new path with eager),
`recordings`, `validity` (whether they are still what the function does), `steps` (training in machine code),
`draws` (randomness as data), `devices` (programs for JAX), and `compiled`: what the user holds and calls.
"""
