"""What is switched on ends where it ends: in the order of the statements or not, in threads and in tasks."""

from __future__ import annotations

import asyncio
import gc
import math
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import permutations

import pytest

import engine
from engine import GraphError, Value, collector_paused, modes, no_grad, ops, quick, remember_lines


def keeps_operands() -> bool:
    return bool((Value(2.0) * 3).parents)


def suspended() -> Iterator[None]:
    with no_grad():
        yield


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_generators_may_end_in_any_order(order: tuple[int, ...]) -> None:
    generators = [suspended() for _ in order]
    for generator in generators:
        next(generator)
    for place in order:
        assert not keeps_operands()
        generators[place].close()  # type: ignore[attr-defined]
    assert keeps_operands()
    assert modes.anywhere == 0


def test_a_statement_around_a_generator_that_ends_inside() -> None:
    generator = suspended()
    next(generator)
    with no_grad():
        generator.close()  # type: ignore[attr-defined]
        assert not keeps_operands()
    assert keeps_operands()


def test_a_generator_that_is_dropped() -> None:
    generator = suspended()
    next(generator)
    del generator
    gc.collect()
    assert keeps_operands()


def test_a_context_manager_of_ones_own() -> None:
    """It is a generator that waits inside, and what it switches on is meant for the caller."""

    @contextmanager
    def evaluating() -> Iterator[None]:
        with no_grad():
            yield

    with evaluating():
        assert not keeps_operands()
    assert keeps_operands()


def test_a_generator_that_ends_in_another_thread_than_it_began_in() -> None:
    generator = suspended()
    next(generator)
    thread = threading.Thread(target=generator.close)  # type: ignore[attr-defined]
    thread.start()
    thread.join()
    assert keeps_operands()
    assert modes.anywhere == 0


def test_one_object_entered_by_two_threads() -> None:
    off, entered, leave = no_grad(), threading.Event(), threading.Event()
    inside: list[bool] = []

    def work() -> None:
        with off:
            entered.set()
            leave.wait()
            inside.append(keeps_operands())

    thread = threading.Thread(target=work)
    thread.start()
    entered.wait()
    with off:
        assert not keeps_operands()
    assert keeps_operands()
    leave.set()
    thread.join()
    assert inside == [False]


def test_tasks_do_not_see_one_anothers() -> None:
    async def off() -> bool:
        with no_grad():
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            return keeps_operands()

    async def on() -> bool:
        await asyncio.sleep(0)
        return keeps_operands()

    async def both() -> list[bool]:
        return list(await asyncio.gather(off(), on(), off(), on()))

    assert asyncio.run(both()) == [False, True, False, True]
    assert modes.anywhere == 0


def test_a_task_begun_inside_is_inside_as_long_as_it_lasts() -> None:
    async def child(wait: asyncio.Event) -> bool:
        await wait.wait()
        return keeps_operands()

    async def parent() -> list[bool]:
        within, after = asyncio.Event(), asyncio.Event()
        with no_grad():
            first = asyncio.create_task(child(within))
            second = asyncio.create_task(child(after))
            within.set()
            found = [await first]
        with remember_lines():  # else nobody would ask
            after.set()
            return [*found, await second, keeps_operands()]

    assert asyncio.run(parent()) == [False, True, True]


def test_an_async_generator_left_half_way() -> None:
    async def numbers() -> AsyncIterator[int]:
        with no_grad():
            yield 1
            yield 2

    async def first_only() -> None:
        async for _ in numbers():
            break

    asyncio.run(first_only())  # the loop ends the generator, from a task of its own
    assert keeps_operands()
    assert modes.anywhere == 0


async def coroutine() -> None: ...
async def async_generator() -> AsyncIterator[int]:
    yield 1


@pytest.mark.parametrize("function", [suspended, coroutine, async_generator])
def test_a_decorator_refuses_what_runs_when_the_call_has_returned(function: Callable[[], object]) -> None:
    with pytest.raises(TypeError, match="write the `with` statement inside it"):
        no_grad()(function)


def test_a_decorated_function_may_call_itself() -> None:
    @no_grad()
    def depth(left: int) -> bool:
        return keeps_operands() or (left > 0 and depth(left - 1))

    assert not depth(3)
    assert keeps_operands()


def test_lines_are_forgotten_where_they_are_no_longer_remembered() -> None:
    with no_grad(), remember_lines():
        assert Value(1.0).exp().line is None
    with remember_lines():
        assert Value(1.0).exp().line


def test_backward_inside_refuses_what_was_made_without_operands() -> None:
    x = Value(3.0, label="x")
    y = x * x
    with no_grad():
        y.backward()
        with pytest.raises(GraphError, match="inside no_grad"):
            (x * 2.0).backward()
    assert x.grad == 6.0


@pytest.mark.parametrize("is_on", [True, False])
def test_the_collector_is_afterwards_as_it_was(is_on: bool) -> None:
    before = gc.isenabled()
    (gc.enable if is_on else gc.disable)()
    try:
        with suppress(KeyboardInterrupt), collector_paused():
            assert not gc.isenabled()
            raise KeyboardInterrupt
        assert gc.isenabled() is is_on
    finally:
        (gc.enable if before else gc.disable)()


def test_the_code_of_a_method_follows_the_modes_and_that_is_no_change_of_it() -> None:
    pytest.importorskip("numpy")
    tanh, weight = Value.tanh, Value(0.5)
    program = engine.compile(lambda x: tanh(weight * x), [weight], executor="strict")
    expected, seconds = program([1.0]), program.stats.record_seconds
    with no_grad():
        assert program([1.0]) == expected
    assert program([1.0]) == expected
    assert program.stats.record_seconds == seconds  # of one recording


def test_the_code_for_modes_is_made_when_a_method_is_first_called_in_one() -> None:
    tanh, x = quick.written(ops.tanh, "node"), Value(0.5)
    usual, codes = tanh.__code__, []
    for _ in range(2):
        with no_grad():
            codes.append(tanh.__code__)
            assert (tanh(x).data, tanh(x).parents) == (math.tanh(0.5), ())
        assert tanh.__code__ is usual
        assert tanh(x).parents == (x,)
    quick._methods.pop()
    assert len({usual, *codes}) == 3
