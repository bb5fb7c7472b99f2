"""Functions that read something besides their inputs, and how it changes."""

from __future__ import annotations

import array
import contextvars
import ctypes
import functools
import threading
import types
import weakref
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

import nn
from engine.value import Value


class Settings:
    default = 2.0
    shared: ClassVar[list[float]] = [2.0]

    def __init__(self) -> None:
        self.scale = 2.0
        self.inner = types.SimpleNamespace(scale=2.0)

    def __call__(self, x: Any) -> Any:
        return x * self.scale * self.inner.scale

    def method(self, x: Any) -> Any:
        return x * self.scale

    @property
    def twice(self) -> float:
        return self.scale * 2


class Slotted:
    __slots__ = ("__weakref__", "empty", "scale")

    def __init__(self) -> None:
        self.scale = 2.0


class Weighted(nn.Module):
    """A module of somebody's own, with parts in plain lists and dicts, and a number."""

    def __init__(self) -> None:
        self.scale = 2.0
        self.weights = [Value(1.0), Value(2.0)]
        self.many = [Value(1.0) for _ in range(5000)]
        self.named = {"first": nn.Neuron(2, seed=0)}

    def __call__(self, x: Any) -> Any:
        neuron = self.named["first"]
        return neuron(x) * self.weights[0] * self.scale + self.many[0]


def numbers_in_closures() -> tuple[Any, Callable[[], object]]:
    scale = 2.0

    def change() -> None:
        nonlocal scale
        scale = 3.0

    return lambda x: x * scale, change


def through_another_function() -> tuple[Any, Callable[[], object]]:
    scale = 2.0

    def scaled(x: Any) -> Any:
        return x * scale

    def change() -> None:
        nonlocal scale
        scale = 3.0

    return lambda x: scaled(x) + x, change


def after_a_wrapper() -> tuple[Any, Callable[[], object]]:
    state = {"scale": 2.0}

    @functools.wraps(numbers_in_closures)
    def wrapped(x: Any) -> Any:
        return sum(y * state["scale"] for y in [x])

    return wrapped, lambda: state.update(scale=3.0)


def a_variable_that_is_deleted() -> tuple[Any, Callable[[], object]]:
    scale = 2.0

    def change() -> None:
        nonlocal scale
        del scale

    return lambda x: x * scale, change


def a_default(x: Any, scale: Any = [2.0]) -> Any:  # noqa: B006
    return x * scale[0]


def with_keyword_default(x: Any, *, scale: float = 2.0) -> Any:
    return x * scale


def in_container(container: Any, change: Callable[[Any], object]) -> tuple[Any, Callable[[], object]]:
    return lambda x: (x, container), lambda: change(container)


def in_object(thing: Any, change: Callable[[Any], object]) -> tuple[Any, Callable[[], object]]:
    return lambda x: x * thing.scale, lambda: change(thing)


def referred_to_weakly(thing: Any, change: Callable[[Any], object]) -> tuple[Any, Callable[[], object]]:
    held = [thing]
    reference: Any = weakref.ref(thing)
    return lambda x: x * reference().scale, lambda: change(held)


def in_module(model: Any, change: Callable[[Any], object]) -> tuple[Any, Callable[[], object]]:
    return lambda x: list(model(x)), lambda: change(model)


def setting(name: str, thing: Any) -> Callable[[Any], None]:
    return lambda owner: setattr(owner, name, thing)


def item(key: Any, thing: Any) -> Callable[[Any], None]:
    return lambda owner: owner.__setitem__(key, thing)


def a_method() -> tuple[Any, Callable[[], object]]:
    settings = Settings()
    return settings.method, lambda: setattr(settings, "scale", 3.0)


def a_callable() -> tuple[Any, Callable[[], object]]:
    settings = Settings()
    return settings, lambda: setattr(settings.inner, "scale", 3.0)


def a_partial() -> tuple[Any, Callable[[], object]]:
    state = [2.0]
    return functools.partial(lambda s, x: x * s[0], state), lambda: item(0, 3.0)(state)


def a_property() -> tuple[Any, Callable[[], object]]:
    settings = Settings()
    return lambda x: x * settings.twice, lambda: setattr(settings, "scale", 3.0)


def an_attribute_by_getattr(name: str) -> tuple[Any, Callable[[], object]]:
    settings = Settings()
    return lambda x: x * getattr(settings, name), lambda: setattr(settings, name, 3.0)


def over_the_class_default() -> tuple[Any, Callable[[], object]]:
    settings = Settings()
    return lambda x: x * settings.default, lambda: setattr(settings, "default", 3.0)


def a_user_module() -> tuple[Any, Callable[[], object]]:
    module = types.ModuleType("settings_of_mine")
    module.scale = 2.0  # type: ignore[attr-defined]
    return lambda x: x * module.scale, lambda: setattr(module, "scale", 3.0)


def the_gradient_of_a_value() -> tuple[Any, Callable[[], object]]:
    held = Value(1.0)
    return lambda x: x * (held.grad or 1.0), lambda: setattr(held, "grad", 3.0)


def a_base_class_overridden() -> tuple[Any, Callable[[], object]]:
    class Base:
        scale = 2.0

    class Derived(Base):
        pass

    derived = Derived()
    return lambda x: x * derived.scale, lambda: setattr(Derived, "scale", 3.0)


def by_a_metaclass() -> tuple[Any, Callable[[], object]]:
    class Meta(type):
        @property
        def scale(cls) -> Any:
            return cls.held[0]  # type: ignore[attr-defined]

    class Scaled(metaclass=Meta):
        held: ClassVar[list[float]] = [2.0]

    return lambda x: x * Scaled.scale, lambda: item(0, 3.0)(Scaled.held)


def a_context_variable() -> tuple[Any, Callable[[], object]]:
    scale = contextvars.ContextVar("scale", default=2.0)
    return lambda x: x * scale.get(), lambda: scale.set(3.0)


def of_this_thread() -> tuple[Any, Callable[[], object]]:
    local = threading.local()
    local.scale = 2.0
    return lambda x: x * local.scale, lambda: setattr(local, "scale", 3.0)


def behind_a_cache() -> tuple[Any, Callable[[], object]]:
    state = [2.0]

    @functools.cache
    def scale() -> float:
        return state[0]

    return lambda x: x * scale(), lambda: item(0, 3.0)(state)


def a_method_exchanged() -> tuple[Any, Callable[[], object]]:
    class Scaled:
        def act(self, x: Any) -> Any:
            return x

    scaled = Scaled()
    return lambda x: scaled.act(x) + x, lambda: setattr(Scaled, "act", lambda _, x: x * 3.0)


def a_class_exchanged() -> tuple[Any, Callable[[], object]]:
    class Scaled:
        def act(self, x: Any) -> Any:
            return x

    class Other(Scaled):
        def act(self, x: Any) -> Any:
            return x * 3.0

    scaled = Scaled()
    return lambda x: scaled.act(x) + x, lambda: setattr(scaled, "__class__", Other)


def code_exchanged() -> tuple[Any, Callable[[], object]]:
    def act(x: Any) -> Any:
        return x

    def other(x: Any) -> Any:
        return x * 3.0

    return lambda x: act(x) + x, lambda: setattr(act, "__code__", other.__code__)


def asked_for(ask: Callable[[Any], Any]) -> tuple[Any, Callable[[], object]]:
    settings = types.SimpleNamespace()
    return lambda x: (x, ask(settings)), lambda: setattr(settings, "scale", 3.0)


def through_a_view() -> tuple[Any, Callable[[], object]]:
    held = {"scale": 2.0}
    view = types.MappingProxyType(held)
    return lambda x: x * view["scale"], lambda: held.update(scale=3.0)


def a_name_that_is_not_there() -> tuple[Any, Callable[[], object]]:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec("def f(x):\n try:\n  return x * scale\n except NameError:\n  return x", namespace)
    return namespace["f"], lambda: namespace.update(scale=3.0)


def a_flag_of_a_module() -> tuple[Any, Callable[[], object]]:
    network = model()
    return lambda x: (network(x), network.frozen), network.freeze


def model() -> nn.MLP:
    return nn.MLP(2, [3, 1], activation="tanh", seed=0)


SEEN_AT_ONCE = {
    "a number in a closure": numbers_in_closures(),
    "through another function": through_another_function(),
    "after a wrapper": after_a_wrapper(),
    "deleted": a_variable_that_is_deleted(),
    "the members of a default": (a_default, lambda: item(0, 3.0)(a_default.__defaults__[0])),  # type: ignore[index]
    "a list": in_container([2.0, 1.0], item(0, 3.0)),
    "a longer list": in_container([2.0], lambda c: c.append(1.0)),
    "a list in a list": in_container([[2.0], [1.0]], lambda c: c[1].append(3.0)),
    "a list in a tuple": in_container((0, [2.0]), lambda c: c[1].append(3.0)),
    "a dict": in_container({"scale": 2.0}, item("scale", 3.0)),
    "a dict in a dict": in_container({"a": {"b": [2.0]}}, lambda c: item(0, 3.0)(c["a"]["b"])),
    "another key": in_container({"scale": 2.0}, item("shift", 3.0)),
    "a set": in_container({1, 2}, lambda c: c.add(3)),
    "a deque": in_container(deque([1, 2]), lambda c: c.append(3)),
    "a Counter": in_container(Counter("ab"), lambda c: c.update("a")),
    "a defaultdict": in_container(defaultdict(float, a=1.0), item("a", 2.0)),
    "an OrderedDict": in_container(OrderedDict(a=1.0), item("a", 2.0)),
    "a NumPy array": in_container(np.array([1.0, 2.0]), item(0, 3.0)),
    "an array of arrays": in_container([np.array([1.0]), np.array(2.0)], lambda c: item((), 3.0)(c[1])),
    "an array.array": in_container(array.array("d", [1.0]), item(0, 3.0)),
    "a bytearray": in_container(bytearray(b"ab"), item(0, 3)),
    "an object": in_object(Settings(), setting("scale", 3.0)),
    "a namespace": in_object(types.SimpleNamespace(scale=2.0), setting("scale", 3.0)),
    "a slot": in_object(Slotted(), setting("scale", 3.0)),
    "an object referred to weakly": referred_to_weakly(Settings(), lambda h: setting("scale", 3.0)(h[0])),
    "a slot of an object that is gone": referred_to_weakly(Slotted(), list.clear),
    "a method's object": a_method(),
    "a callable object's": a_callable(),
    "a partial's": a_partial(),
    "behind a property": a_property(),
    "by getattr": an_attribute_by_getattr("scale"),
    "over the class's": over_the_class_default(),
    "a module": a_user_module(),
    "a base class's, overridden": a_base_class_overridden(),
    "by a metaclass": by_a_metaclass(),
    "a context variable": a_context_variable(),
    "of this thread": of_this_thread(),
    "behind a cache": behind_a_cache(),
    "a method exchanged": a_method_exchanged(),
    "a class exchanged": a_class_exchanged(),
    "code exchanged": code_exchanged(),
    "an attribute more, by getattr": asked_for(lambda s: getattr(s, "scale", 1.0)),
    "an attribute more, by hasattr": asked_for(lambda s: hasattr(s, "scale")),
    "an attribute more, by vars": asked_for(lambda s: len(vars(s))),
    "through a view": through_a_view(),
    "a name that is not there": a_name_that_is_not_there(),
    "the order of a dict": in_container({"a": 1.0, "b": 2.0}, lambda c: item("a", c.pop("a"))(c)),
    "an array of objects": in_container(np.array([1.0, None], dtype=object), item(0, 3.0)),
    "a number of C": in_container(ctypes.c_double(1.0), setting("value", 3.0)),
    "the gradient of a Value": the_gradient_of_a_value(),
    "a flag of a module": a_flag_of_a_module(),
    "a layer replaced": in_module(model(), lambda m: item(0, nn.Layer(2, 3, seed=5))(m.layers)),
    "a layer more": in_module(model(), lambda m: m.layers.append(nn.Layer(1, 1))),
    "other layers": in_module(model(), setting("layers", [nn.Layer(2, 1)])),
    "a neuron less": in_module(model(), lambda m: m.layers[0].neurons.pop()),
    "a weight replaced": in_module(model(), lambda m: item(1, Value(9.0))(m.layers[0].neurons[2].weights)),
    "a bias replaced": in_module(model(), lambda m: setattr(m.layers[0].neurons[2], "bias", Value(9.0))),
    "an activation replaced": in_module(model(), lambda m: setattr(m.layers[0].neurons[0], "_function", abs)),
    "training switched on": in_module(nn.Sequential(nn.Dropout(0.5, seed=0)), lambda m: m.train()),
    "another rate": in_module(
        nn.Sequential(nn.Dropout(0.5, seed=0)), lambda m: setattr(m.layers[0], "rate", 0.1)
    ),
    "a number of one's own module": in_module(Weighted(), setting("scale", 3.0)),
    "a weight of one's own module": in_module(Weighted(), lambda m: item(0, Value(3.0))(m.weights)),
    "a part in a dict": in_module(Weighted(), lambda m: item("first", nn.Neuron(2))(m.named)),
}
