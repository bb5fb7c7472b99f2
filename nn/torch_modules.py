"""A model as torch modules, and the weights there and back; torch is opened when somebody asks for it.

Every kind of module here is one known to torch; `COUNTERPARTS` says which. The numbers of a
counterpart are in the order in which torch lists its parameters, so that the same list serves both ways.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

__all__ = ["load_torch", "to_torch"]

Module = Any  # one of ours; this room lies below them, and knows them by the names of their classes
Array = Any  # Values in lists, or lists of lists


class Counterpart(NamedTuple):
    """A torch module, and our Values for each of its parameters."""

    module: Any
    arrays: list[Array]


def to_torch(model: Module, dtype: Any = None) -> Any:
    """The torch module that computes what the model does, with its weights, in float64 or in `dtype`.

    It takes a sample, or samples along leading axes. What is frozen wants no gradient there either. Raises
    TypeError for a module or an activation of one's own, ValueError for a dtype without fractions, and
    ImportError where torch is not installed.
    """
    torch = _torch()
    kind = _dtype(torch, dtype)
    with torch.random.fork_rng(devices=[]):  # torch draws weights that are overwritten at once
        counterpart = _counterpart(model)
    trained = set(model.parameters())
    for parameter, array in zip(counterpart.module.parameters(), counterpart.arrays, strict=True):
        parameter.data.copy_(torch.tensor(_numbers(array), dtype=torch.float64))
        parameter.requires_grad_(any(value in trained for value in _flat(array)))
    return counterpart.module.to(kind).train(model.training)


def load_torch(model: Module, module: Any) -> None:
    """Set the model's parameters to those of such a torch module, which may have been trained there.

    Raises ValueError, with nothing changed, where shapes differ.
    """
    with _torch().random.fork_rng(devices=[]):
        arrays = _counterpart(model).arrays
    given = [parameter.detach().double().cpu().tolist() for parameter in module.parameters()]
    expected, found = [_shape(array) for array in arrays], [_shape(array) for array in given]
    if expected != found:
        raise ValueError(f"{model!r} needs parameters of the shapes {expected}; the torch module has {found}")
    for array, numbers in zip(arrays, given, strict=True):
        for value, number in zip(_flat(array), _flat(numbers), strict=True):
            value.data = number


def _dtype(torch: Any, given: Any) -> Any:
    """The dtype itself, or the one with this name: "float32", …; float64 for None."""
    kind = getattr(torch, given, None) if isinstance(given, str) else given or torch.float64
    if not isinstance(kind, torch.dtype) or not kind.is_floating_point:
        raise ValueError(
            f"dtype must be one with fractions, such as torch.float32 or 'float32', got {given!r}"
        )
    return kind


def _torch() -> Any:
    try:
        return import_module("torch")
    except ImportError:
        raise ImportError("torch is not installed; install it with: pip install torch") from None


def _counterpart(model: Module) -> Counterpart:
    for kind in type(model).__mro__:
        if kind.__name__ in COUNTERPARTS and kind.__module__.startswith("nn."):
            return COUNTERPARTS[kind.__name__](_torch(), model)
    raise TypeError(
        f"{type(model).__name__} has no counterpart in torch; to_torch knows {', '.join(COUNTERPARTS)}: "
        "turn its parts into torch modules, and put these together there"
    )


# ── One function for each kind of module ──────────────────────────────────────────────────────────


def _sequential(torch: Any, model: Module) -> Counterpart:
    modules: list[Any] = []
    arrays: list[Array] = []
    for layer in model.layers:
        counterpart = _counterpart(layer)
        arrays += counterpart.arrays
        modules += (
            counterpart.module
            if isinstance(counterpart.module, torch.nn.Sequential)
            else [counterpart.module]
        )
        if isinstance(counterpart.module, torch.nn.Embedding):
            modules.append(torch.nn.Flatten(-2))  # the rows one after the other, as one list
    return Counterpart(torch.nn.Sequential(*modules), arrays)


def _layer(torch: Any, model: Module) -> Counterpart:
    return _linear(torch, model, model.neurons)


def _neuron(torch: Any, model: Module) -> Counterpart:
    return _linear(torch, model, [model])


def _linear(torch: Any, model: Module, neurons: Sequence[Module]) -> Counterpart:
    weights, biases = [neuron.weights for neuron in neurons], [neuron.bias for neuron in neurons]
    linear = torch.nn.Linear(len(weights[0]), len(weights), dtype=torch.float64)
    name = model.arguments()["activation"]
    if name == "linear":
        return Counterpart(linear, [weights, biases])
    if name not in ACTIVATIONS:
        raise TypeError(f"torch has no counterpart for the activation {name}; to_torch knows {_words()}")
    return Counterpart(torch.nn.Sequential(linear, ACTIVATIONS[name](torch)), [weights, biases])


def _dropout(torch: Any, model: Module) -> Counterpart:
    return Counterpart(torch.nn.Dropout(model.rate), [])


def _embedding(torch: Any, model: Module) -> Counterpart:
    return Counterpart(torch.nn.Embedding(*_shape(model.rows), dtype=torch.float64), [model.rows])


def _rms_norm(torch: Any, model: Module) -> Counterpart:
    size = len(model.gains)
    return Counterpart(torch.nn.RMSNorm(size, eps=model.epsilon, dtype=torch.float64), [model.gains])


def _attention(torch: Any, model: Module) -> Counterpart:
    counterparts = [_layer(torch, part) for part in (model.query, model.key, model.value, model.output)]
    module = _attention_class()(model.heads, *(counterpart.module for counterpart in counterparts))
    return Counterpart(module, [array for counterpart in counterparts for array in counterpart.arrays])


@cache
def _attention_class() -> type:
    """Causal attention with the bias on each of its four products, which torch has no module for."""
    torch = _torch()

    class CausalSelfAttention(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, heads: int, query: Any, key: Any, value: Any, output: Any) -> None:
            super().__init__()
            self.heads = heads
            self.query, self.key, self.value, self.output = query, key, value, output

        def forward(self, sequence: Any) -> Any:
            """(…, places, size) in and out."""
            parts = [
                part(sequence).unflatten(-1, (self.heads, -1)).transpose(-3, -2)
                for part in (self.query, self.key, self.value)
            ]
            mixed = torch.nn.functional.scaled_dot_product_attention(*parts, is_causal=True)
            return self.output(mixed.transpose(-3, -2).flatten(-2))

    return CausalSelfAttention


@cache
def _sine_class() -> type:
    torch = _torch()

    class Sine(torch.nn.Module):  # type: ignore[misc, name-defined]
        def forward(self, x: Any) -> Any:
            """The sine of each number."""
            return torch.sin(x)

    return Sine


COUNTERPARTS: dict[str, Callable[[Any, Module], Counterpart]] = {
    "Sequential": _sequential,
    "Layer": _layer,
    "Neuron": _neuron,
    "Dropout": _dropout,
    "Embedding": _embedding,
    "RMSNorm": _rms_norm,
    "CausalSelfAttention": _attention,
}

ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "tanh": lambda torch: torch.nn.Tanh(),
    "sigmoid": lambda torch: torch.nn.Sigmoid(),
    "relu": lambda torch: torch.nn.ReLU(),
    "leaky_relu": lambda torch: torch.nn.LeakyReLU(0.01),
    "elu": lambda torch: torch.nn.ELU(),
    "selu": lambda torch: torch.nn.SELU(),
    "gelu": lambda torch: torch.nn.GELU(),
    "silu": lambda torch: torch.nn.SiLU(),
    "mish": lambda torch: torch.nn.Mish(),
    "softplus": lambda torch: torch.nn.Softplus(threshold=500.0),  # torch's own 20 is off by 2e-9 there
    "softsign": lambda torch: torch.nn.Softsign(),
    "sin": lambda torch: _sine_class()(),  # noqa: ARG005
    "softmax": lambda torch: torch.nn.Softmax(-1),
}


def _words() -> str:
    return ", ".join(["linear", *ACTIVATIONS])


# ── Values in lists of lists ──────────────────────────────────────────────────────────────────────


def _flat(array: Array) -> Iterable[Any]:
    if isinstance(array, list):
        for member in array:
            yield from _flat(member)
    else:
        yield array


def _numbers(array: Array) -> Any:
    return [_numbers(member) for member in array] if isinstance(array, list) else array.data


def _shape(array: Array) -> tuple[int, ...]:
    return (len(array), *_shape(array[0])) if isinstance(array, list) else ()
