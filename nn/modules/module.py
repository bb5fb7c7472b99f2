"""Module: something with parameters, which it finds, names and counts by itself.

>>> class Line(Module):
...     def __init__(self):
...         self.slope, self.offset = Value(2.0), Value(1.0)
...
...     def __call__(self, x):
...         return self.slope * x + self.offset
>>> [parameter.label for parameter in Line().parameters()]
['slope', 'offset']
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from functools import lru_cache
from typing import Any, ClassVar

from engine import Value, collector_paused
from nn import torch_modules
from nn.data.schema import Schema
from nn.data.tables import Dataset
from nn.modules.inputs import no_table
from nn.modules.parts import CHANGES
from nn.modules.programs import Programs

__all__ = ["Module", "Structure", "parameters_of"]


class _NamedWhenMade(type):
    """Names a module's parts once its constructor is through, which no constructor can do by itself.

    A module that holds others names them again, with its own path. The constructor of a class that says
    `makes_parts` makes nothing but what it holds: that is named once, when the outermost of such is through.
    """

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if "makes_parts" not in vars(cls):
            module = super().__call__(*args, **kwargs)
        else:
            _making.depth += 1
            try:
                with collector_paused():
                    module = super().__call__(*args, **kwargs)
            finally:
                _making.depth -= 1
        if not _making.depth:
            module.name_parts()
        return module


class _Making(threading.local):
    """How many constructors of one thread, one inside the other, will name what is made in them."""

    depth = 0


_making = _Making()


class Module(metaclass=_NamedWhenMade):
    """The base of everything that holds parameters.

    A parameter is a `Value` that is an attribute, or stands in a list, tuple or dict that is one; parts are
    other modules held in the same ways. Each is named by the path that leads to it, as one would write it
    in Python: `layers[0].neurons[3].weights[1]`. A subclass has a `__call__` and needs nothing else.
    """

    training: bool = False
    frozen: bool = False
    path: str = ""
    schema: Schema | None = None  # how raw rows go in, and names of classes come out; `fit` sets it
    __changes__: ClassVar[list[int]] = CHANGES  # by which replay notices that a part was replaced
    __uncounted__: ClassVar[frozenset[str]] = frozenset({"training"})  # set twice in every epoch

    def __setattr__(self, name: str, thing: Any) -> None:
        object.__setattr__(self, name, thing)
        if name not in self.__uncounted__:
            CHANGES[0] += 1

    def __delattr__(self, name: str) -> None:
        object.__delattr__(self, name)
        CHANGES[0] += 1

    def __call__(self, inputs: Any, /) -> Any:
        """The outputs for one sample; what a subclass is there to say."""
        raise NotImplementedError(f"{type(self).__name__} has no __call__: say there what it computes")

    # ── Parts ─────────────────────────────────────────────────────────────────────────────────────

    def parts(self) -> Iterator[tuple[str, Value | Module]]:
        """(path from here, parameter or module) of all that this module holds itself, in order."""
        yield from self._parts("", (Value, Module))

    def _parts(self, path: str, wanted: Any) -> list[tuple[str, Any]]:
        """The parts of a kind, with `path` before their names."""
        found: list[tuple[str, Any]] = []
        for name, held in vars(self).items():
            if isinstance(held, _HOLDERS):
                found += _parts_in(_joined(path, name), held, wanted)
        return found

    def modules(self) -> Iterator[tuple[str, Module]]:
        """(path from here, module) for this module and all below it, each once, outermost first."""
        seen: set[Module] = set()
        waiting: list[tuple[str, Module]] = [("", self)]
        while waiting:
            path, module = waiting.pop()
            if module not in seen:
                seen.add(module)
                yield path, module
                waiting += reversed(module._parts(path, Module))

    def name_parts(self) -> None:
        """Tell this module and all below it their paths; called when a module has been made."""
        for path, module in reversed(list(self.modules())):
            module.take_name(path)

    def take_name(self, path: str) -> None:
        """Label what this module holds itself; one held in two places is named by the first."""
        self.path = path
        for name, part in reversed(self._parts(path, Value)):
            part.label = name

    # ── Parameters ────────────────────────────────────────────────────────────────────────────────

    def named_parameters(self, *, frozen: bool = True) -> dict[str, Value]:
        """{path: parameter}, each once, in the order of the constructor; `frozen=False` leaves those out.

        >>> from nn import Neuron
        >>> list(Neuron(2, seed=0).named_parameters())
        ['weights[0]', 'weights[1]', 'bias']
        """
        named: dict[Value, str] = {}
        for path, module in self.modules():
            if frozen or not module.frozen:
                for name, part in module._parts(path, Value):
                    named.setdefault(part, name)
        return {name: parameter for parameter, name in named.items()}

    def parameters(self) -> list[Value]:
        """The parameters that training changes: all, but for those of frozen modules."""
        return parameters_of(module for _, module in self.modules() if not module.frozen)

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to 0, frozen ones too: `backward` adds to what is there."""
        for parameter in parameters_of(module for _, module in self.modules()):
            parameter.grad = 0.0

    def freeze(self) -> None:
        """Leave this module, and all below it, out of `parameters()`, so that training leaves it as it is."""
        for _, module in self.modules():
            module.frozen = True

    def unfreeze(self) -> None:
        """Let training change this module, and all below it, again."""
        for _, module in self.modules():
            module.frozen = False

    def train(self, training: bool = True) -> None:
        """Switch what behaves differently while training (dropout); `fit` does it by itself."""
        for _, module in self.modules():
            module.training = training

    # ── Numbers in and out ────────────────────────────────────────────────────────────────────────

    def state(self) -> dict[str, float]:
        """{path: number} of every parameter.

        >>> from nn import Neuron
        >>> Neuron(1, initializer="zeros").state()
        {'weights[0]': 0.0, 'bias': 0.0}
        """
        return {name: parameter.data for name, parameter in self.named_parameters().items()}

    def load_state(self, state: Mapping[str, float]) -> None:
        """Set each parameter to the number under its path; ValueError, with none changed, if names differ."""
        parameters = self.named_parameters()
        missing = [name for name in parameters if name not in state]
        unknown = [name for name in state if name not in parameters]
        if missing or unknown:
            found = [_some("missing", missing), _some("not in this module", unknown)]
            raise ValueError(
                f"a state for {len(parameters)} parameters was expected, and one of {len(state)} was given: "
                + "; ".join(filter(None, found))
                + "; it must come from a module of the same architecture"
            )
        numbers = {name: Value(state[name]).data for name in parameters}  # refuses what is no number
        for name, parameter in parameters.items():
            parameter.data = numbers[name]

    def predict(self, inputs: Iterable[Any] | Dataset) -> list[Any]:
        """The answer for every sample: its outputs as numbers, or its class where these have names.

        Samples are rows as they were before anything was done to them (lists, dicts by the names of columns,
        a frame), or a Dataset: what `fit` did to encode and to scale them is done here too.

        >>> from nn import Neuron
        >>> Neuron(1, "linear", initializer="zeros").predict([[1.0], [2.0]])
        [[0.0], [0.0]]
        """
        try:
            outputs = self.outputs(inputs)
        except (TypeError, ValueError) as error:
            wrong = "" if isinstance(inputs, Dataset) else no_table(inputs, getattr(self, "inputs", None))
            if wrong:
                raise TypeError(wrong) from error
            raise
        names = self.schema if self.schema and self.schema.classes else None
        return [names.answer(row, f"inputs[{n}]") for n, row in enumerate(outputs)] if names else outputs

    def outputs(self, inputs: Iterable[Any] | Dataset) -> list[list[float]]:
        """The outputs for every sample as plain numbers, in the forms that `predict` takes.

        They come from what is recorded of the model at the first call, for all samples together: last digits
        may differ from those of `model(sample)`. Sample by sample, where it cannot be recorded.
        """
        samples = (self.schema or Schema()).inputs(inputs)
        return Programs.of(self).outputs(samples if hasattr(samples, "__len__") else list(samples))

    def to_torch(self, dtype: Any = None) -> Any:
        """A `torch.nn.Module` with the same weights and outputs; needs torch.

        It computes in float64 as here, or in `dtype`: torch.float32 or "float32" is what torch's own layers
        and data come in. TypeError for a module or an activation of one's own, which torch does not know. A
        schema stays here: scale the inputs there too.
        """
        return torch_modules.to_torch(self, dtype)

    def load_torch(self, module: Any) -> None:
        """Take the weights over from a torch module such as `to_torch` makes; ValueError if shapes differ."""
        torch_modules.load_torch(self, module)

    # ── To look at ────────────────────────────────────────────────────────────────────────────────

    def summary(self) -> str:
        """A table of the parts with their counts of parameters.

        >>> from nn import MLP
        >>> print(MLP(2, [3, 1], activation="tanh", output="sigmoid", seed=0).summary())
        part       what it is                  parameters
        layers[0]  Layer(2, 3, 'tanh')                  9
        layers[1]  Layer(3, 1, 'sigmoid')               4
        total                                          13
        """
        rows = [("part", "what it is", "parameters")]
        for name, part in self.parts():
            if isinstance(part, Module):
                frozen = " frozen" if part.frozen else ""
                rows.append((name, repr(part) + frozen, str(len(part.named_parameters()))))
            else:
                rows.append((name, "a number", "1"))
        everything = len(self.named_parameters())
        trained = len(self.parameters())
        note = "" if trained == everything else f"of which {trained} are trained"
        rows.append(("total", note, str(everything)))
        first, second, third = (max(map(len, column)) for column in zip(*rows, strict=True))
        second = max(second, 24)
        return _Table("\n".join(f"{a:{first}}  {b:{second}}  {c:>{third}}" for a, b, c in rows))

    def arguments(self) -> dict[str, Any]:
        """The constructor's arguments that make a module like this one, for saving and showing."""
        return {}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.arguments().values()))})"


class _Table(str):
    """A text of several lines that shows itself at a prompt as it prints."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def parameters_of(modules: Iterable[Module]) -> list[Value]:
    """The parameters that these modules hold themselves, each once."""
    found: list[Value] = []
    for module in modules:
        for held in vars(module).values():
            if isinstance(held, list) and set(map(type, held)) == {Value}:
                found += held
            elif isinstance(held, _HOLDERS):
                found += [part for _, part in _parts_in("", held, Value)]
    return found if len(set(found)) == len(found) else list(dict.fromkeys(found))


class Structure:
    """What a module is made of as it is now; `has_changed` says, quickly, whether that still is so.

    `modules` are the module itself and all below it.
    """

    def __init__(self, module: Module) -> None:
        self._changes = CHANGES[0]
        self._plain: list[tuple[Any, Any]] = []  # containers that do not count their changes, and copies
        self.modules = [each for _, each in module.modules()]
        waiting: list[Any] = [held for each in self.modules for held in vars(each).values()]
        while waiting:
            held = waiting.pop()
            if isinstance(held, (list, tuple, dict)):
                if not hasattr(held, "__changes__"):
                    self._plain.append((held, copy(held)))
                members = held.values() if isinstance(held, dict) else held
                if set(map(type, members)) != {Value}:
                    waiting += members

    def has_changed(self) -> bool:
        """Whether an attribute of any module has been set since, or something exchanged in a list or dict."""
        return self._changes != CHANGES[0] or any(held != before for held, before in self._plain)


_HOLDERS = (Value, Module, list, tuple, dict)


def _parts_in(name: str, held: Any, wanted: Any) -> Iterable[tuple[str, Any]]:
    """(path, part) of those parts of a kind that an attribute holds; `name` is its path."""
    if isinstance(held, (Value, Module)):
        return [(name, held)] if isinstance(held, wanted) else []
    if isinstance(held, (list, tuple)):
        if set(map(type, held)) == {Value}:  # as the weights of a neuron: there may be many
            names = map(name.__add__, _places(len(held)))
            return zip(names, held, strict=True) if wanted is not Module else []
        members = [(f"{name}[{place}]", member) for place, member in enumerate(held)]
    elif isinstance(held, dict):
        members = [(f"{name}[{key!r}]", member) for key, member in held.items()]
    else:
        return []
    return [part for path, member in members for part in _parts_in(path, member, wanted)]


@lru_cache(maxsize=16)
def _places(count: int) -> list[str]:
    """[0], [1], …"""
    return [f"[{place}]" for place in range(count)]


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path and name else path or name


def _some(what: str, names: Sequence[str]) -> str:
    if not names:
        return ""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{what}: {', '.join(names[:3])}{more}"
