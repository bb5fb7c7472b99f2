"""Neurons, layers of them, and networks of layers.

A neuron is two nodes: the weighted sum of its inputs plus a bias, and an activation.

>>> neuron = Neuron(2, activation="tanh", seed=0)
>>> output = neuron([1.0, -2.0])
>>> [parent.label for parent in output.parents]
['sum']
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeAlias

from engine import Value, dot, pick, softmax, where
from nn.modules.activations import Activation, activation_function, activation_name
from nn.modules.initializers import Initializer, initializer_for
from nn.modules.inputs import Nodes, no_list, no_sample, nodes, wrong_inputs
from nn.modules.module import Module
from nn.modules.parts import Parts

__all__ = ["MLP", "Dropout", "Embedding", "Layer", "Neuron", "Sequential", "masks_from"]

Seed: TypeAlias = int | random.Random | None


def generator(seed: Seed) -> random.Random:
    """The generator itself, or a new one: the same numbers for the same seed, others each time for None."""
    return seed if isinstance(seed, random.Random) else random.Random(seed)


class Neuron(Module):
    """activation(Σ weightᵢ × inputᵢ + bias), a list of numbers or Values in, one Value out.

    `initializer` draws the weights (a name, a function, or None for what fits the activation); the bias
    begins at 0. `seed` is a number or a `random.Random`; None gives other weights each time.

    >>> neuron = Neuron(2, activation="linear", initializer="zeros")
    >>> neuron.bias.data = 3.0
    >>> neuron([1.0, 1.0]).data
    3.0
    """

    _sum_label, _output_label = "sum", "output"

    def __init__(
        self,
        inputs: int,
        activation: Activation = "relu",
        *,
        initializer: str | Initializer | None = None,
        seed: Seed = None,
        outputs: int = 1,
    ) -> None:
        _at_least_one("inputs", inputs)
        draw, rng = initializer_for(initializer, activation), generator(seed)
        self.activation = activation
        self.weights = Parts([Value(draw(inputs, outputs, rng)) for _ in range(inputs)])
        self.bias = Value(0.0)
        self._function = activation_function(activation)
        self._is_linear = activation_name(activation) == "linear"

    def __call__(self, inputs: Sequence[Value | float], /) -> Value:
        """The neuron's output for one sample; ValueError when the number of inputs is not its own."""
        try:
            if len(inputs) != len(self.weights):
                raise ValueError(
                    no_sample(inputs) or wrong_inputs(repr(self), len(self.weights), len(inputs))
                )
            weighted = dot(self.weights, inputs, self.bias)
        except TypeError:
            if wrong := no_sample(inputs):
                raise TypeError(wrong) from None
            raise
        if self._is_linear:
            weighted.label = self._output_label
            return weighted
        weighted.label = self._sum_label
        output = self._function(weighted)
        output.label = self._output_label
        return output

    def take_name(self, path: str) -> None:
        """Label the parameters, and prepare the labels of the two nodes that every call makes."""
        super().take_name(path)
        self._sum_label = f"{path}.sum" if path else "sum"
        self._output_label = path or "output"

    def arguments(self) -> dict[str, Any]:
        """inputs and activation."""
        return {"inputs": len(self.weights), "activation": activation_name(self.activation)}


class Layer(Module):
    """Neurons that look at the same inputs; a list of numbers or Values in, a list of Values out.

    With `activation="softmax"` the outputs are positive and add up to 1.

    >>> layer = Layer(2, 3, activation="softmax", initializer="zeros")
    >>> [round(output.data, 3) for output in layer([1.0, 2.0])]
    [0.333, 0.333, 0.333]
    """

    makes_parts = True

    def __init__(
        self,
        inputs: int,
        outputs: int,
        activation: Activation = "relu",
        *,
        initializer: str | Initializer | None = None,
        seed: Seed = None,
    ) -> None:
        _at_least_one("inputs", inputs)
        _at_least_one("outputs", outputs)
        rng = generator(seed)
        draw = initializer_for(initializer, activation)
        of_neuron = "linear" if activation == "softmax" else activation
        self.inputs, self.activation = inputs, activation
        self.neurons = Parts(
            Neuron(inputs, of_neuron, initializer=draw, seed=rng, outputs=outputs) for _ in range(outputs)
        )

    def __call__(self, inputs: Iterable[Value | float], /) -> Nodes:
        """The outputs of all neurons for one sample."""
        sample = nodes(inputs)  # once, and not once for each neuron
        if len(sample) != self.inputs:
            raise ValueError(wrong_inputs(repr(self), self.inputs, len(sample)))
        outputs = [neuron(sample) for neuron in self.neurons]
        return self._softmax(outputs) if self.activation == "softmax" else outputs

    def _softmax(self, sums: Nodes) -> Nodes:
        outputs = softmax(sums)
        for neuron, weighted, output in zip(self.neurons, sums, outputs, strict=True):
            weighted.label, output.label = neuron._sum_label, neuron._output_label
        return outputs

    def arguments(self) -> dict[str, Any]:
        """inputs, outputs and activation."""
        sizes = {"inputs": self.inputs, "outputs": len(self.neurons)}
        return {**sizes, "activation": activation_name(self.activation)}


class Sequential(Module):
    """Modules one after the other: the outputs of each are the inputs of the next.

    >>> network = Sequential(Layer(2, 8, "tanh", seed=0), Dropout(0.5, seed=0), Layer(8, 1, "linear", seed=1))
    >>> len(network([0.5, -0.5])), len(network.parameters())
    (1, 33)
    """

    def __init__(self, *layers: Callable[[Any], Any]) -> None:
        if not layers:
            raise ValueError("Sequential needs at least one module, got none")
        self.layers: Parts[Any] = Parts(layers)

    def __call__(self, inputs: Iterable[Value | float], /, *others: Any) -> Nodes:
        """The outputs of the last module for one sample, always as a list."""
        if others:
            raise TypeError(no_list((inputs, *others)))
        try:
            outputs: Any = list(inputs)
        except TypeError:
            if wrong := no_sample(inputs):
                raise TypeError(wrong) from None
            raise
        for layer in self.layers:
            outputs = layer(outputs)
        return outputs if isinstance(outputs, list) else [outputs]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.layers))})"


class MLP(Sequential):
    """A network of fully connected layers, a multi-layer perceptron: list in, list out, for one output too.

    `MLP(2, [16, 16, 1])` has two inputs, two hidden layers of 16 and one output. `activation` is that of the
    hidden layers, `output` that of the last one: "linear" for regression and for losses with logits,
    "sigmoid" for a probability, "softmax" for one probability per class.

    >>> network = MLP(2, [16, 16, 1], activation="tanh", seed=0)
    >>> len(network([0.5, -1.0])), len(network.parameters())
    (1, 337)
    """

    makes_parts = True

    def __init__(
        self,
        inputs: int,
        sizes: Sequence[int] = (),
        activation: Activation = "relu",
        output: Activation = "linear",
        *,
        initializer: str | Initializer | None = None,
        seed: Seed = None,
    ) -> None:
        if not isinstance(inputs, int) or isinstance(sizes, int):
            raise TypeError(_sizes_in_one_list(inputs, sizes, activation, output))
        if not sizes:
            raise ValueError("MLP needs the size of at least one layer, got an empty list; MLP(2, [16, 1])")
        rng = generator(seed)
        self.inputs, self.sizes, self.activation, self.output = inputs, tuple(sizes), activation, output
        activations = [activation] * (len(sizes) - 1) + [output]
        super().__init__(
            *(
                Layer(before, size, each, initializer=initializer, seed=rng)
                for before, size, each in zip([inputs, *sizes], sizes, activations, strict=False)
            )
        )

    def arguments(self) -> dict[str, Any]:
        """inputs, sizes, activation and output."""
        names = {"activation": activation_name(self.activation), "output": activation_name(self.output)}
        return {"inputs": self.inputs, "sizes": list(self.sizes), **names}

    def __repr__(self) -> str:
        return Module.__repr__(self)


Masks: TypeAlias = Callable[["Dropout", int], Sequence[Any]]
_masks: ContextVar[Masks | None] = ContextVar("masks", default=None)


@contextmanager
def masks_from(masks: Masks) -> Iterator[None]:
    """Inside, every Dropout asks here what to keep: of so many inputs, those whose number is above 0."""
    token = _masks.set(masks)
    try:
        yield
    finally:
        _masks.reset(token)


class Dropout(Module):
    """While training, each input is 0 with probability `rate`, and else scaled up to keep the mean.

    Otherwise, inputs pass unchanged. `fit` switches it on and seeds it; in replay, what to keep comes in as
    data (`masks_from`), drawn from the same generator in the same order. Srivastava et al., 2014.

    >>> dropout = Dropout(0.5, seed=0)
    >>> dropout.train()
    >>> [output.data for output in dropout([1.0, 1.0, 1.0, 1.0])]
    [2.0, 2.0, 0.0, 0.0]
    """

    def __init__(self, rate: float, *, seed: Seed = None) -> None:
        if not 0.0 <= rate < 1.0:
            raise ValueError(f"the rate of Dropout is a probability, 0 <= rate < 1; got {rate!r}")
        self.rate = rate
        self.rng = generator(seed)

    def __call__(self, inputs: Iterable[Value | float], /) -> Nodes:
        """The inputs, some of them 0 while training."""
        sample = nodes(inputs)
        if not self.training or self.rate == 0.0:
            return sample
        scale = 1.0 / (1.0 - self.rate)
        masks = _masks.get()
        if masks is not None:
            kept = masks(self, len(sample))
            return [where(k > 0, member * scale, 0.0) for k, member in zip(kept, sample, strict=True)]
        return [Value(0.0) if self.rng.random() < self.rate else member * scale for member in sample]

    def arguments(self) -> dict[str, Any]:
        """rate."""
        return {"rate": self.rate}


class Embedding(Module):
    """A table with a row of parameters for each of `count` things: whole numbers in, their rows out.

    One index gives its row; a list of them gives their rows one after the other, as one list.

    >>> table = Embedding(10, 4, seed=0)
    >>> len(table(3)), len(table([3, 1]))
    (4, 8)
    """

    makes_parts = True

    def __init__(
        self, count: int, size: int, *, initializer: str | Initializer = "normal", seed: Seed = None
    ) -> None:
        _at_least_one("count", count)
        _at_least_one("size", size)
        draw, rng = initializer_for(initializer, "linear"), generator(seed)
        self.rows = Parts(Parts(Value(draw(count, size, rng)) for _ in range(size)) for _ in range(count))

    def __call__(self, index: Any, /) -> Nodes:
        """The row for an index, or the rows for several; IndexError or TypeError where there is none.

        An index below 0 counts from the end, as in any list. One that is a Value is looked up by `pick`, so
        that replay does it anew for every sample.
        """
        indices = index if isinstance(index, list | tuple) else [index]
        return [member for each in indices for member in self._row(each)]

    def _row(self, index: Any) -> Nodes:
        if type(index) is int and 0 <= index < len(self.rows):
            return self.rows[index]
        try:
            row: Nodes = pick(self.rows, index)
        except IndexError as error:
            raise IndexError(f"Embedding has rows 0 to {len(self.rows) - 1}, got {index}") from error
        except TypeError as error:
            raise TypeError(f"Embedding takes whole numbers, got {index!r}") from error
        return row

    def arguments(self) -> dict[str, Any]:
        """count and size."""
        return {"count": len(self.rows), "size": len(self.rows[0])}


def _sizes_in_one_list(*given: Any) -> str:
    """The message for `MLP(2, 3, 1)` and `MLP([2, 3, 1])`, with the line to write."""
    numbers = [
        n
        for part in given
        for n in (part if isinstance(part, list | tuple) else [part])
        if isinstance(n, int)
    ]
    line = f"MLP({numbers[0]}, {numbers[1:]})" if len(numbers) > 1 else "MLP(2, [16, 1])"
    return f"MLP takes the number of inputs, then the sizes of its layers in one list; write {line}"


def _at_least_one(what: str, number: int) -> None:
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise ValueError(f"{what} must be a whole number of at least 1, got {number!r}")
