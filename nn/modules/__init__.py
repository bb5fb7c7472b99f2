"""What a network is made of.

Reading order: `module` (something with parameters), `activations`, `initializers`, `layers`, `attention`.
"""
