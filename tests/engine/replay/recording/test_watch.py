"""What a function reads besides its inputs: each is found, its change noticed, named, put back."""

from __future__ import annotations

import math
import random
import types
from collections import deque
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from watched import SEEN_AT_ONCE, Settings, Weighted, model, with_keyword_default

import nn
from engine import cos, custom_operation, sin
from engine.replay.recording.randomness import Generators
from engine.replay.recording.watch import Watch
from engine.value import Value

SCALE = 2.0
SETTINGS = {"scale": 2.0}


@pytest.mark.parametrize(("function", "change"), SEEN_AT_ONCE.values(), ids=SEEN_AT_ONCE.keys())
def test_a_change_is_noticed_at_once_and_named(function: Any, change: Callable[[], object]) -> None:
    watch = Watch(function)
    assert not watch.refusal
    assert watch.same()
    assert not watch.look(everything=True)
    change()
    assert not watch.same()
    assert watch.look()


def test_globals_defaults_and_what_a_class_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    for function, thing, name in [
        (lambda x: x * SCALE, "tests_watch.SCALE", None),
        (lambda x: x * SETTINGS["scale"], SETTINGS, "scale"),
        (lambda x: x * Settings.default, Settings, "default"),
    ]:
        watch = Watch(function)
        with monkeypatch.context() as patch:
            if name is None:
                patch.setitem(function.__globals__, "SCALE", 3.0)
            elif isinstance(thing, dict):
                patch.setitem(thing, name, 3.0)
            else:
                patch.setattr(thing, name, 3.0)
            assert not watch.same()
            assert "was 2.0 and is 3.0" in watch.look()
        assert watch.look() == ""
        assert watch.same()
    watch = Watch(with_keyword_default)
    monkeypatch.setattr(with_keyword_default, "__kwdefaults__", {"scale": 3.0})
    assert not watch.same()


@pytest.mark.parametrize("part", ["function", "partials", "lowered", "domain"])
def test_what_an_operation_of_ones_own_reads(part: str) -> None:
    """Its lowered form and its partials are recorded, and what is read there frozen."""
    read = dict.fromkeys(("function", "partials", "lowered", "domain"), 0.0)

    @custom_operation(
        partials=lambda out, x: (cos(x) + read["partials"],),
        domain=lambda x: x > read["domain"] - 9.0,
        lowered=lambda x: sin(x) + read["lowered"],
    )
    def own(x: float) -> float:
        return math.sin(x) + read["function"]

    watch = Watch(own)
    assert (watch.look(everything=True), watch.same_seldom()) == ("", True)
    read[part] = 1.0
    assert not watch.same()
    assert watch.look() == f"read[{part!r}] was 0.0 and is 1.0"


def test_setting_a_gradient_is_not_reading_it() -> None:
    w = Value(1.0)

    def clearing(x: Any) -> Any:
        w.grad = 0.0
        return x * w

    assert Watch(clearing, [w]).refusal == ""


def a_module(**names: Any) -> Any:
    """The namespace of a module with a function `read` that reads all of these names."""
    namespace = {"__builtins__": __builtins__, **names}
    exec(f"def read(x): return [x, {', '.join(names)}]", namespace)
    return namespace


@pytest.mark.parametrize("name", ["sum", "Exception", "a", "b", "a1", "b0", "b1", "c0", "scale", "größe"])
def test_whatever_a_global_is_called_its_change_and_its_end_are_seen(name: str) -> None:
    namespace = a_module(**{name: 2.0, "other": 1.0, "listed": [1.0]})
    watch = Watch(namespace["read"])
    assert watch.same()
    for another in (3.0, True, 2):
        namespace[name] = another
        assert not watch.same()
        assert watch.look()
        watch.put_back()
        assert watch.same()
    del namespace[name]
    assert not watch.same()
    assert watch.look()


def test_a_built_in_that_was_a_global_too() -> None:
    namespace = a_module(sum=sum, other=1.0)
    watch = Watch(namespace["read"])
    del namespace["sum"]
    assert not watch.same()


class Equal:
    """All of them are equal."""

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = object.__hash__


@pytest.mark.parametrize(
    ("held", "place", "other"),
    [
        ([1], 0, True),
        ([2.0, 0.0], 1, -0.0),
        ({"a": 1.0}, "a", 1),
        ([0, {"a": [0, 1]}], None, [0, {"a": [0, True]}]),
        ([(1, 2), "b"], 0, (True, 2)),
        ([Equal(), None], 0, Equal()),
        ({1: "a"}, None, {True: "a"}),
        ({"one": [1], "two": []}, None, {"one": [], "two": [1]}),
        ({1, "a"}, None, {True, "a"}),
        (deque([0.5]), 0, Fraction(1, 2)),
        ([1] * 5000, 4999, True),
    ],
)
def test_what_is_equal_and_not_the_same_is_seen(held: Any, place: Any, other: Any) -> None:
    watch, before = Watch(lambda x: [x, held]), repr(held)
    assert watch.same()
    assert watch.same_seldom()
    if place is not None:
        held[place] = other
    else:
        held.clear()
        (held.update if isinstance(held, (dict, set)) else held.extend)(other)
    assert watch.same() == (len(held) > 100)  # in a long list not at once
    assert not (watch.same() and watch.same_seldom())
    assert watch.look()
    watch.put_back()
    assert repr(held) == before


def test_an_equal_list_in_the_place_of_another_is_watched_as_that_was() -> None:
    held: Any = [2.0]
    settings, pair, tuples = Settings(), {"a": [2.0]}, [(1, [2.0])]
    settings.shared = [2.0]  # type: ignore[misc]

    def hold(new: Any) -> None:
        nonlocal held
        held = new

    for function, put in [
        (lambda x: (x, held), hold),
        (lambda x: (x, settings.shared), lambda new: setattr(settings, "shared", new)),
        (lambda x: (x, pair["a"]), lambda new: pair.update(a=new)),
        (lambda x: (x, tuples), lambda new: tuples.__setitem__(0, (1, new))),
    ]:
        watch, another = Watch(function), [2.0]
        put(another)
        assert not watch.look(everything=True)
        assert watch.same()
        another[0] = 3.0
        assert not watch.same()
        assert "was 2.0 and is 3.0" in watch.look()


def test_what_is_seen_seldom_is_seen() -> None:
    weighted = Weighted()
    watch = Watch(weighted)
    weighted.many[4999] = Value(5.0)
    assert watch.same()
    assert not watch.same_seldom()
    assert "many[4999]" in watch.look()
    watch = Watch(lambda x: len([x]))
    globals()["len"] = lambda _: 7
    try:
        assert watch.look(everything=True)
    finally:
        del globals()["len"]


@pytest.mark.parametrize(
    "change",
    [
        lambda m, s: m.train() or m.train(False),
        lambda m, s: m.freeze(),
        lambda m, s: s.update(scale=float("2.0")),
        lambda m, s: setattr(m, "note", "for the reader"),
        lambda m, s: nn.SGD(0.1).step(m.parameters()),
        lambda m, s: sum(m([1.0, 2.0])).backward(),
        lambda m, s: nn.MLP(2, [2]),
        lambda m, s: m.zero_grad(),
        lambda m, s: s.update(missing=s.pop("missing")),
    ],
    ids=["train", "freeze", "equal", "note", "weights", "gradients", "another", "zero", "nan"],
)
def test_what_does_not_matter_is_no_alarm(change: Callable[[Any, Any], object]) -> None:
    network, settings = model(), {"scale": 2.0, "missing": float("nan")}
    watch = Watch(lambda x: network(x)[0] * settings["scale"])
    change(network, settings)
    assert watch.look(everything=True) == ""
    assert watch.same()


def test_minus_zero_and_another_type_are_changes() -> None:
    for before, after in [(0.0, -0.0), (1, 1.0), (1, True), ("a", "b"), (None, 0)]:
        state = types.SimpleNamespace(scale=before)
        watch = Watch(lambda x, s=state: (x, s.scale))
        state.scale = after
        assert not watch.same()
        assert watch.look()


def test_a_trial_is_put_back() -> None:
    calls, settings, numbers = [0], Settings(), np.array([1.0, 2.0])
    total = 0.0
    seen: dict[Any, list[Any]] = {"all": []}

    def function(x: Any) -> Any:
        nonlocal total
        total = total + 1.0
        calls[0] += 1
        calls.append(3)
        settings.last = x  # type: ignore[attr-defined]
        settings.scale *= 2.0
        numbers[0] += 5.0
        seen["all"].append(x)
        seen["more"] = [x]
        return x

    class Counted:
        calls = 0

    def counted(x: Any) -> Any:
        Counted.calls += 1
        counted.calls = getattr(counted, "calls", 0) + 1  # type: ignore[attr-defined]
        return function(x)

    held = seen["all"]
    watch = Watch(counted)
    for _ in range(3):
        counted(1.0)
    assert watch.look()
    watch.put_back()
    assert Counted.calls == 0
    assert not hasattr(counted, "calls")
    assert (total, calls, vars(settings).get("last"), settings.scale) == (0.0, [0], None, 2.0)
    assert "last" not in vars(settings)
    assert numbers.tolist() == [1.0, 2.0]
    assert seen == {"all": []}
    assert seen["all"] is held
    assert watch.look(everything=True) == ""


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import time\ndef f(x): return x * time.time()", "time"),
        ("from time import perf_counter\ndef f(x): return x * perf_counter()", "perf_counter"),
        ("from uuid import uuid4\ndef f(x): return x * uuid4().int", "uuid4"),
        ("from datetime import datetime\ndef f(x): return x * datetime.now().second", "datetime"),
        ("from datetime import date\ntoday = date.today\ndef f(x): return x * today().day", "today"),
        ("from random import SystemRandom as R\ndef f(x): return x * R().random()", "R"),
        ("from os import getenv\ndef f(x): return x * float(getenv('SCALE'))", "getenv"),
        ("import os\ndef f(x): return x * float(os.environ['SCALE'])", "os"),
        ("def f(x): return x * float(open('scale').read())", "open"),
        ("def f(x): return x * globals()['SCALE']", "globals"),
        ("def f(x): return x * w._data", "_data"),
        ("from pathlib import Path\ndef f(x): return x * len(Path('s').read_text())", "read_text"),
        ("numbers = iter([1, 2])\ndef f(x): return x * next(numbers)", "numbers"),
        ("def f(x):\n import time\n return x * time.time()", "time"),
    ],
)
def test_what_nothing_can_watch_is_refused(source: str, words: str) -> None:
    namespace: dict[str, Any] = {"__name__": "__main__", "w": Value(1.0)}
    exec(source, namespace)
    assert words in Watch(namespace["f"]).refusal


def test_all_generators_are_seen_and_put_back() -> None:
    held: list[Any] = [
        random.Random(1),
        np.random.default_rng(1),
        np.random.RandomState(1),
        *(np.random.Generator(kind(1)) for kind in (np.random.Philox, np.random.SFC64, np.random.MT19937)),
    ]
    assert not Generators().moved()
    for draw in [random.random, np.random.random, *(each.random for each in held)]:
        before = Generators()
        first = draw()
        assert before.moved()
        before.put_back()
        assert not before.moved()
        assert draw() == first
        before.put_back()
