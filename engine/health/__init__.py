"""Numerical health: how many digits of a value and of its gradients are right, and where the others went.

Reading order: `report` (what a user calls), `ball` (a number and how far it may be off), `enclosure` (the
ball around what a row makes of balls), `floats` and `many_digits` (the two kinds of numbers), `passes`
(forward and backward), `levels` (how far to look), `blame` and `hints`.
"""
