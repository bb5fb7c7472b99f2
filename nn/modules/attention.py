"""What a language model is made of besides layers: a norm, and attention to what came before.

A sequence is a list with the numbers of each place, and each place is a list of numbers or Values.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from engine import Value, dot, softmax
from nn.modules.initializers import Initializer
from nn.modules.inputs import nodes, wrong_inputs
from nn.modules.layers import Layer, Seed, generator
from nn.modules.module import Module
from nn.modules.parts import Parts

__all__ = ["CausalSelfAttention", "RMSNorm"]

Nodes: TypeAlias = list[Value]


class RMSNorm(Module):
    """gainᵢ × inputᵢ ÷ √(mean of all inputs² + epsilon): brings a list to one length. Zhang, Sennrich, 2019.

    >>> [round(output.data, 3) for output in RMSNorm(2)([3.0, 4.0])]
    [0.849, 1.131]
    """

    def __init__(self, size: int, *, epsilon: float = 1e-5) -> None:
        is_number = isinstance(epsilon, int | float) and not isinstance(epsilon, bool)
        if size < 1 or not (is_number and 0.0 < epsilon <= sys.float_info.max):
            raise ValueError(
                f"RMSNorm needs a size of at least 1 and an epsilon > 0, got {size}, {epsilon!r}"
            )
        self.epsilon = epsilon
        self.gains = Parts(Value(1.0) for _ in range(size))

    def __call__(self, inputs: Iterable[Value | float], /) -> Nodes:
        """As many outputs as inputs; ValueError when the number of inputs is not its own."""
        sample = nodes(inputs)
        if len(sample) != len(self.gains):
            raise ValueError(wrong_inputs(repr(self), len(self.gains), len(sample)))
        scale = (dot(sample, sample) * (1.0 / len(sample)) + self.epsilon) ** -0.5
        return [member * scale * gain for member, gain in zip(sample, self.gains, strict=True)]

    def arguments(self) -> dict[str, Any]:
        """size and epsilon."""
        return {"size": len(self.gains), "epsilon": self.epsilon}

    def __repr__(self) -> str:
        return f"RMSNorm({len(self.gains)})"


class CausalSelfAttention(Module):
    """Each place asks all places up to itself, and mixes what they have to say. Vaswani et al., 2017.

    A place makes a query, a key and a value of its numbers. How much it takes of another place's value is the
    softmax of its query times their keys, ÷ √size of a head; each of the `heads` sees a part of the numbers.

    >>> attention = CausalSelfAttention(4, heads=2, seed=0)
    >>> outputs = attention([[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]])
    >>> len(outputs), len(outputs[0]), len(attention.parameters())
    (2, 4, 80)
    """

    makes_parts = True

    def __init__(
        self,
        size: int,
        heads: int = 1,
        *,
        initializer: str | Initializer | None = None,
        seed: Seed = None,
    ) -> None:
        if heads < 1 or size % heads:
            raise ValueError(f"attention divides its size among its heads: got size {size} and {heads} heads")
        rng = generator(seed)
        self.size, self.heads = size, heads
        self.query, self.key, self.value, self.output = (
            Layer(size, size, "linear", initializer=initializer, seed=rng) for _ in range(4)
        )

    def __call__(self, sequence: Sequence[Sequence[Value | float]], /) -> list[Nodes]:
        """A list of `size` Values for every place; what comes later changes nothing that came before."""
        places = [nodes(place) for place in sequence]
        queries = [self.query(place) for place in places]
        keys = [self.key(place) for place in places]
        values = [self.value(place) for place in places]
        return [
            self.output(self._mixed(query, keys[: place + 1], values[: place + 1]))
            for place, query in enumerate(queries)
        ]

    def _mixed(self, query: Nodes, keys: list[Nodes], values: list[Nodes]) -> Nodes:
        """What one place takes from those that it may see, head after head."""
        mixed: Nodes = []
        width = self.size // self.heads
        for start in range(0, self.size, width):
            head = slice(start, start + width)
            scores = [dot(query[head], key[head]) * width**-0.5 for key in keys]
            shares = softmax(scores)
            mixed += [dot(shares, column) for column in zip(*(value[head] for value in values), strict=True)]
        return mixed

    def arguments(self) -> dict[str, Any]:
        """size and heads."""
        return {"size": self.size, "heads": self.heads}
