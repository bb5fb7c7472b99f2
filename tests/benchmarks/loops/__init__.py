"""Loops over time: ours, written as a Python loop over Values, beside jax.jit of lax.scan written by hand.

Whole steps, the loss and the gradient of a batch, taking turns in one process on one core; both have to find
the same first. Reading order: `functions` (what is computed, as a learner writes it), `scans` (the same for
JAX), `rows` (which sizes, and the bars they are held to), `ready` (from the function to the first result, in
processes of their own), `table`.
"""
