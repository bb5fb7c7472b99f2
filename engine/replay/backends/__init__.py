"""What runs a program.

Reading order: `interface` (what an executor is), `strict` (a tape run one scalar at a time: the oracle),
`arrays`, `numpy`, `jax`; `segments` (a large batch is cut into parts that threads share), `llvm`.
"""
