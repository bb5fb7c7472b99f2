"""Backprop one step at a time.

Reading order: `records` (what a step is), `steps` (the list of them, backward and forward), `explain` and
`paths` (one node in words, its gradient as a sum over paths), `difference` (a gradient beside a moved node's
effect); then the walker: `walk` (its commands), `prompt`, `finding`, `breakpoints`, `screen`.
"""
