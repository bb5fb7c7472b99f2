"""Replay's speed beside tensors, compilers and scalar engines: whole steps, taking turns in one process.

A step gives the losses and the gradient of a batch. Ours takes weights and a batch as arrays and gives
arrays, copies included; the others keep everything in the form that they like best, made once. Every engine
has to find the same loss and gradient first. Reading order: `workload`, `networks` and `language` (what is
computed), `own_steps`, `torch_steps`, `jax_steps` and `scalar_steps` (by whom), `multiply_adds` and `peak`
(how much of it, and how much there could be), `turns`, `table`.
"""
