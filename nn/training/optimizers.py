"""Optimizers: what a step makes of the gradients.

Each formula stands once, in a method `rule`, as plain arithmetic. It runs on one parameter's number or on
an array of all of them alike, and all that it remembers between steps is in the optimizer's `memory`.

>>> weight = Value(1.0)
>>> optimizer = SGD(learning_rate=0.1)
>>> weight.grad = 4.0
>>> optimizer.step([weight])
>>> weight.data
0.6
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Self

from engine import Value
from nn.limits import not_negative, share
from nn.names import in_torch_s_words, look_up
from nn.training.schedules import Schedule, as_schedule, rate_of

__all__ = ["OPTIMIZERS", "SGD", "Adam", "AdamW", "Optimizer", "RMSProp", "optimizer_for"]

Number = Any  # a float, or an array that does arithmetic as one: a formula does not care


class Optimizer:
    """The base of all optimizers; a subclass has a `rule` and says what it has to remember.

    `learning_rate` is a number or a schedule. `clip_norm` scales the gradients down, all by one factor, when
    their length as one vector is above it; `clip_value` limits each by itself. `steps_done` counts.
    """

    remembers: ClassVar[tuple[str, ...]] = ()
    never_negative: ClassVar[tuple[str, ...]] = ()  # of what it remembers, that whose root is taken

    def __new__(cls, *arguments: Any, **settings: Any) -> Self:
        """As for every class, but for one look at the arguments: what torch's people bring gets an answer."""
        if wrong := in_torch_s_words(cls.__name__, arguments, settings):
            raise TypeError(wrong)
        return super().__new__(cls)

    def __init__(
        self,
        learning_rate: float | Schedule,
        *,
        weight_decay: float = 0.0,
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ) -> None:
        self.schedule = as_schedule(learning_rate)
        self.weight_decay = not_negative("weight_decay", weight_decay)
        self.clip_norm = None if clip_norm is None else rate_of(clip_norm, "clip_norm")
        self.clip_value = None if clip_value is None else rate_of(clip_value, "clip_value")
        self.steps_done = 0
        self.memory: dict[str, list[Number]] = {}

    def rule(self, number: Number, gradient: Number, rate: float, *memory: Number) -> tuple[Number, ...]:
        """(the new number, then what to remember instead of each of `memory`)."""
        raise NotImplementedError

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step."""
        return self.schedule(self.steps_done)

    def step(self, parameters: Sequence[Value]) -> None:
        """Move every parameter against its gradient; one without a gradient stays where it is.

        Raises ValueError, with nothing changed, where there were another number of parameters before.
        """
        numbers = [parameter.data for parameter in parameters]
        gradients = [parameter.grad or 0.0 for parameter in parameters]
        updated = self.update(numbers, gradients)
        try:
            _set(parameters, updated)
        except KeyboardInterrupt:  # Ctrl-C must not leave half a step behind
            _set(parameters, updated)
            raise

    def update(self, numbers: Sequence[Number], gradients: Sequence[Number]) -> list[Number]:
        """The new numbers for these numbers and their gradients; counts as one step.

        Each member is one parameter's number, or an array of many of them: the rules are the same.

        >>> SGD(learning_rate=0.5).update([1.0, 2.0], [1.0, -1.0])
        [0.5, 2.5]
        """
        self.ensure_fits(len(numbers))
        if not self.memory:
            self.memory = {name: [0.0] * len(numbers) for name in self.remembers}
        rate = self.learning_rate
        self.steps_done += 1
        columns = [self.memory[name] for name in self.remembers]
        rows = [
            self.rule(number, gradient, rate, *memory)
            for number, gradient, *memory in zip(numbers, self.clipped(gradients), *columns, strict=True)
        ]
        updated, *columns = (list(column) for column in zip(*rows, strict=True))
        self.memory = dict(zip(self.remembers, columns, strict=True))
        return updated

    def ensure_fits(self, count: int) -> None:
        """Raise ValueError when there were another number of members before."""
        known = {len(column) for column in self.memory.values()} or {count}
        if known != {count}:
            raise ValueError(
                f"this optimizer has been used with {known.pop()} parameters and now gets {count}; "
                "make a new one for other parameters"
            )

    def clipped(self, gradients: Sequence[Number]) -> list[Number]:
        """The gradients, limited as the optimizer was told to."""
        limited = list(gradients)
        if self.clip_value is not None:
            limited = [_between(-self.clip_value, self.clip_value, g) for g in limited]
        if self.clip_norm is not None:
            length = length_of(limited)
            if length > self.clip_norm:
                limited = [g * (self.clip_norm / length) for g in limited]
        return limited

    def decayed(self, number: Number, gradient: Number) -> Number:
        """The gradient, with weight_decay × number added where there is such a thing."""
        return gradient + self.weight_decay * number if self.weight_decay else gradient

    # ── To save and to show ───────────────────────────────────────────────────────────────────────

    def settings(self) -> dict[str, Any]:
        """The arguments that make an optimizer like this one."""
        chosen = {name: held for name, held in vars(self).items() if name not in _NO_SETTING}
        return {"learning_rate": self.schedule, **chosen}

    def state(self) -> dict[str, Any]:
        """What it was told and what it remembers, as plain numbers, names and lists."""
        return {
            "optimizer": type(self).__name__,
            "settings": {**self.settings(), "learning_rate": self.schedule.state()},
            "steps_done": self.steps_done,
            "memory": {name: [float(number) for number in column] for name, column in self.memory.items()},
        }

    @staticmethod
    def from_state(state: dict[str, Any]) -> Optimizer:
        """The optimizer that `state()` described, ready to go on."""
        kind = OPTIMIZERS[state["optimizer"].lower()]
        settings = dict(state["settings"])
        optimizer = kind(as_schedule(settings.pop("learning_rate")), **settings)
        optimizer.load_state(state)
        return optimizer

    def load_state(self, state: dict[str, Any]) -> None:
        """Remember what the optimizer that `state()` described remembered.

        ValueError, with nothing changed, where that is nothing that this one can remember.
        """
        memory = state["memory"]
        if memory and set(memory) != set(self.remembers):
            raise ValueError(f"it remembers {list(memory)}, and {self!r} needs {list(self.remembers)}")
        for name in memory:
            if name in self.never_negative and min(memory[name], default=0.0) < 0.0:
                raise ValueError(
                    f"what it remembers as {name!r} is never below 0, and is {min(memory[name])!r}"
                )
        self.steps_done = state["steps_done"]
        self.memory = {name: list(column) for name, column in state["memory"].items()}

    def __repr__(self) -> str:
        shown = {**self.settings(), "learning_rate": getattr(self.schedule, "rate", self.schedule)}
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in shown.items() if v)})"


_NO_SETTING = ("schedule", "steps_done", "memory")


class SGD(Optimizer):
    """Stochastic gradient descent: number − rate × gradient, with momentum where wanted.

    With `momentum` a velocity gathers the gradients, and with `nesterov` the step looks one velocity ahead
    (Sutskever et al., 2013). `weight_decay` adds weight_decay × number to the gradient.

    >>> optimizer = SGD(0.5, momentum=0.5)
    >>> optimizer.update([1.0], [1.0]), optimizer.update([0.5], [1.0])
    ([0.5], [-0.25])
    """

    remembers = ("velocity",)

    def __init__(
        self,
        learning_rate: float | Schedule = 0.01,
        *,
        momentum: float = 0.0,
        nesterov: bool = False,
        **limits: Any,
    ) -> None:
        super().__init__(learning_rate, **limits)
        self.momentum = share("momentum", momentum)
        self.nesterov = nesterov
        if nesterov and not momentum:
            raise ValueError("nesterov looks ahead along the momentum, so it needs momentum > 0, got 0")

    def rule(self, number: Number, gradient: Number, rate: float, *memory: Number) -> tuple[Number, ...]:
        """v ← momentum × v + gradient; number − rate × v.

        With nesterov, number − rate × (gradient + momentum × v).
        """
        (velocity,) = memory
        gradient = self.decayed(number, gradient)
        velocity = self.momentum * velocity + gradient
        direction = gradient + self.momentum * velocity if self.nesterov else velocity
        return number - rate * direction, velocity


class RMSProp(Optimizer):
    """Each parameter's step is divided by a running root mean square of its gradients. Hinton, 2012.

    >>> [round(number, 6) for number in RMSProp(0.1).update([1.0, 1.0], [1.0, 1000.0])]
    [0.0, 0.0]
    """

    remembers = never_negative = ("square",)

    def __init__(
        self,
        learning_rate: float | Schedule = 0.01,
        *,
        decay: float = 0.99,
        epsilon: float = 1e-8,
        **limits: Any,
    ) -> None:
        super().__init__(learning_rate, **limits)
        self.decay, self.epsilon = share("decay", decay), rate_of(epsilon, "epsilon")

    def rule(self, number: Number, gradient: Number, rate: float, *memory: Number) -> tuple[Number, ...]:
        """S ← decay × s + (1 − decay) × g²; number − rate × g ÷ (√s + epsilon)."""
        (square,) = memory
        gradient = self.decayed(number, gradient)
        square = self.decay * square + (1.0 - self.decay) * gradient * gradient
        return number - rate * gradient / (square**0.5 + self.epsilon), square


class Adam(Optimizer):
    """A running mean of the gradients, divided by their running root mean square. Kingma and Ba, 2015.

    Both means begin at 0, which is corrected for. `weight_decay` adds weight_decay × number to the gradient.

    >>> [round(number, 6) for number in Adam(0.1).update([1.0, 1.0], [1.0, -1000.0])]
    [0.9, 1.1]
    """

    remembers, never_negative = ("mean", "square"), ("square",)

    def __init__(
        self,
        learning_rate: float | Schedule = 0.001,
        *,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        **limits: Any,
    ) -> None:
        super().__init__(learning_rate, **limits)
        self.beta1, self.beta2 = share("beta1", beta1), share("beta2", beta2)
        self.epsilon = rate_of(epsilon, "epsilon")

    def rule(self, number: Number, gradient: Number, rate: float, *memory: Number) -> tuple[Number, ...]:
        """M ← β₁m + (1 − β₁)g; s ← β₂s + (1 − β₂)g²; number − rate × m̂ ÷ (√ŝ + epsilon)."""
        gradient = self.decayed(number, gradient)
        return self.moved(number, gradient, rate, *memory)

    def moved(self, number: Number, gradient: Number, rate: float, *memory: Number) -> tuple[Number, ...]:
        """Adam's rule for a gradient that the decay of weights has been dealt with in."""
        mean, square = memory
        mean = self.beta1 * mean + (1.0 - self.beta1) * gradient
        square = self.beta2 * square + (1.0 - self.beta2) * gradient * gradient
        rate = rate / (1.0 - self.beta1**self.steps_done)  # m̂ and ŝ, with one division for each number
        unbiased = 1.0 / (1.0 - self.beta2**self.steps_done)
        return number - rate * mean / ((unbiased * square) ** 0.5 + self.epsilon), mean, square


class AdamW(Adam):
    """Adam whose weight decay shrinks the numbers themselves, not through the gradient.

    Loshchilov and Hutter, 2019.

    >>> AdamW(0.1, weight_decay=0.5).update([1.0], [0.0])
    [0.95]
    """

    def __init__(
        self, learning_rate: float | Schedule = 0.001, *, weight_decay: float = 0.01, **settings: Any
    ) -> None:
        super().__init__(learning_rate, weight_decay=weight_decay, **settings)

    def rule(self, number: Number, gradient: Number, rate: float, *memory: Number) -> tuple[Number, ...]:
        """Number × (1 − rate × weight_decay), then as Adam without decay."""
        return self.moved(number - rate * self.weight_decay * number, gradient, rate, *memory)


OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    "sgd": SGD,
    "rmsprop": RMSProp,
    "adam": Adam,
    "adamw": AdamW,
}


def optimizer_for(optimizer: str | Optimizer) -> Optimizer:
    """The optimizer itself, or a new one with default settings for a name: "sgd", "adam", …

    >>> optimizer_for("adam")
    Adam(learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-08)
    """
    if isinstance(optimizer, Optimizer):
        return optimizer
    if isinstance(optimizer, str):
        return look_up("optimizer", optimizer.lower(), OPTIMIZERS)()
    raise TypeError(
        f"expected an optimizer such as SGD(0.1), or its name such as 'sgd', got {optimizer!r:.60}"
    )


def length_of(gradients: Sequence[Number]) -> float:
    """√Σ gradient², over all numbers of all members.

    >>> length_of([3.0, 4.0])
    5.0
    """
    squares = [gradient * gradient for gradient in gradients]
    return math.sqrt(math.fsum(float(s.sum()) if hasattr(s, "sum") else s for s in squares))


def _set(parameters: Sequence[Value], numbers: Sequence[Number]) -> None:
    for parameter, number in zip(parameters, numbers, strict=True):
        parameter.data = number


def _between(low: float, high: float, number: Number) -> Number:
    return number.clip(low, high) if hasattr(number, "clip") else min(max(number, low), high)
