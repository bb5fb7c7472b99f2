"""Graphs that the tests of pictures share."""

from __future__ import annotations

import random

from engine import Value, mean
from nn import MLP

HOSTILE = [
    "<b>bold</b>",
    "a|b{c}\\N\\l",
    'say "x"',
    "two\nlines",
    "tab\there",
    "&lt;&amp;",
    "🙂 π",
    "nul\x00bell\x07",
    "lone \ud800",
    "node",
    "</script>",
    "x" * 300,
    " ",
    "a:b",
    "]]>",
    "%3",
    "\\",
]


def expression() -> Value:
    """Ten nodes: shared leaves, constants, a square, a function; one label for each kind of node."""
    a, b, c = Value(0.6, label="a"), Value(-1.2, label="b"), Value(0.9, label="c")
    product = a * b
    product.label = "d"
    hidden = (product + c).tanh()
    hidden.label = "h"
    loss = hidden * hidden + a - 2.0
    loss.label = "loss"
    return loss


def network_loss(samples: int, sizes: tuple[int, ...] = (16, 16, 1)) -> Value:
    """The mean squared error of an MLP with two inputs over some samples, backward done."""
    draw = random.Random(0)
    network = MLP(2, list(sizes), activation="tanh", seed=0)
    points = [(draw.uniform(-1, 1), draw.uniform(-1, 1)) for _ in range(samples)]
    loss = mean([(network(point)[0] - (1.0 if point[0] > 0 else -1.0)) ** 2 for point in points])
    loss.label = "loss"
    loss.backward()
    return loss
