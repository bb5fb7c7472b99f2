"""Forwards that Python's math module does not have, right to the last digits.

Reading order: `elementary` (sums of exponentials, the normal distribution), `gamma` (the gamma function's).
"""
