"""Algebra: a graph as an expression of sympy, its derivatives by the rows' formulas, text and LaTeX of both.

Reading order: `symbols` (what a row makes of expressions), `expressions` (graphs, and the chain rule over
them), `typesetting` (text and LaTeX, for steps too), `asked` (what a user calls, which opens the others:
they need sympy).
"""
