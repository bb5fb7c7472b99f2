"""What a recorded function becomes: a few coarse instructions on whole blocks of numbers.

Reading order: `expression` (what is computed elementwise), `instructions`, `repeat` (a loop of them),
`describing` (as text), `soundness`, `program`, `lowering` (to the operations that a backend has itself).
"""
