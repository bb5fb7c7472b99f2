"""What a network is made of.

Reading order: `module` (something with parameters), `parts` (lists of them, whose changes are counted),
`activations`, `initializers`, `layers`, `attention`.
"""
