"""Threads that share the segments of a batch: each is done once, and an error ends the work of all."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import Any

import pytest

pytest.importorskip("llvmlite", reason="the LLVM executor needs llvmlite (extra `fast`)")


from engine.replay.backends import segments

# ── Sharing ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("threads", [1, 2, 3, 5, 40])
def test_every_segment_is_done_once_and_all_of_them_before_it_returns(threads: int) -> None:
    for count in (1, 2, 7, 32):
        done: list[tuple[int, int, int]] = []
        gate = threading.Lock()

        def work(segment: int, worker: int, gate: Any = gate, done: Any = done) -> None:
            with gate:
                done.append((segment, worker, threading.get_ident()))

        segments.share(work, count, threads)
        assert sorted(segment for segment, _, _ in done) == list(range(count))
        assert {worker for _, worker, _ in done} <= set(range(min(threads, count)))
        assert len({(worker, thread) for _, worker, thread in done}) == len({worker for _, worker, _ in done})
        if threads == 1:
            assert {thread for _, _, thread in done} == {threading.get_ident()}


def test_several_threads_are_at_it_at_the_same_time() -> None:
    together = threading.Barrier(3, timeout=60.0)

    def work(_: int, __: int) -> None:
        together.wait()

    segments.share(work, 3, 3)


def test_the_first_error_is_raised_once_and_nobody_goes_on() -> None:
    seen: Counter[int] = Counter()

    def work(segment: int, _: int) -> None:
        seen[segment] += 1
        raise ValueError(f"segment {segment}")

    for _ in range(50):
        seen.clear()
        with pytest.raises(ValueError, match="segment"):
            segments.share(work, 32, 4)
        before = dict(seen)
        assert len(before) <= 4
        assert set(before.values()) == {1}
    with pytest.raises(IndexError):
        segments.share(lambda segment, _: [][segment], 4, 2)


@pytest.mark.parametrize("both", [False, True])
def test_the_first_error_ends_the_work_of_all(monkeypatch: pytest.MonkeyPatch, both: bool) -> None:
    """The other thread, in the middle of its segment, gets no further one; its own error is not the first."""
    jobs: list[Any] = []

    class Known(segments._Job):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            jobs.append(self)

    monkeypatch.setattr(segments, "_Job", Known)
    together, seen = threading.Barrier(2, timeout=60.0), Counter[int]()

    def work(segment: int, worker: int) -> None:
        seen[worker] += 1
        if worker == 0:
            together.wait()
            raise ValueError("the first")
        if seen[worker] == 1:
            together.wait()
            while not jobs[-1]._errors:
                time.sleep(0.001)
            if both:
                raise ValueError("the second")

    for _ in range(20):
        seen.clear()
        with pytest.raises(ValueError, match="the first"):
            segments.share(work, 32, 2)
        assert seen == {0: 1, 1: 1}


def test_nobody_is_left_at_work_when_an_error_is_raised() -> None:
    for _ in range(20):
        together, begun = threading.Barrier(3, timeout=60.0), threading.Event()
        done: list[int] = []

        def work(_: int, worker: int, together: Any = together, begun: Any = begun, done: Any = done) -> None:
            together.wait()
            if worker == 0:
                begun.set()
                raise KeyboardInterrupt
            begun.wait(60.0)
            sum(range(20_000))
            done.append(worker)

        with pytest.raises(KeyboardInterrupt):
            segments.share(work, 3, 3)
        assert sorted(done) == [1, 2]


def test_where_no_thread_can_be_made_this_one_does_it_all(monkeypatch: pytest.MonkeyPatch) -> None:
    class Exhausted:
        def submit(self, *_: Any) -> None:
            raise RuntimeError("can't start new thread")

    monkeypatch.setattr(segments, "_pool", Exhausted())
    done: list[int] = []
    segments.share(lambda segment, _: done.append(segment), 8, 4)
    assert done == list(range(8))
