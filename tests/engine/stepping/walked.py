"""A walk through backprop without a terminal: what is typed, and what is shown."""

from __future__ import annotations

import io

from engine import Value, walk

PLAIN = "\x1b"


def example() -> Value:
    """loss = relu(a × b + w) ** 2, all of it named but for the product; w is a parameter of a network."""
    a, b = Value(2.0, label="a"), Value(3.0, label="b")
    weight = Value(-1.0, label="layers[0].neurons[3].weights[1]")
    sum_ = a * b + weight
    sum_.label = "sum"
    loss = sum_.relu() ** 2 + a
    loss.label = "loss"
    return loss


def typed(root: Value, *lines: str, width: int = 100) -> str:
    """What the screen shows when these lines are typed at the prompt."""
    out = io.StringIO()
    assert walk(root, stdin=io.StringIO("\n".join(lines)), stdout=out, width=width) is None
    return out.getvalue()


def shown(root: Value, *lines: str, width: int = 100) -> list[str]:
    """The same, line by line, without the greeting, the prompts, and what was typed at them."""
    answers = typed(root, *lines, width=width).split("(walk ")[1:]
    return [line for answer in answers for line in answer.splitlines()[1:] if line]
