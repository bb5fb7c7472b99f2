"""Arrays and tables that a function reads: their numbers, their objects, their shape are watched."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.replay.recording.watch import Watch


def test_an_array_of_objects_is_watched_and_put_back_object_by_object() -> None:
    names, lists = np.array(["a", "b"], dtype=object), np.empty(2, dtype=object)
    first, second = lists[0], lists[1] = [1.0, 2.0], [3.0, 4.0]
    watch = Watch(lambda x: (x, names, lists))
    assert watch.same()  # an array has no == that says one thing of all
    lists[0] = [5.0, 6.0]
    assert not watch.same()
    assert watch.look()
    watch.put_back()
    assert (lists[0] is first, lists[1] is second) == (True, True)
    assert watch.same()
    names.resize(1, refcheck=False)
    assert not watch.same()
    assert watch.look()


@pytest.mark.parametrize("kind", [float, object])
def test_another_shape_of_the_same_numbers_is_a_change_and_so_is_another_type(kind: type) -> None:
    array: Any = np.array([1.0, 2.0, 3.0, 4.0], dtype=kind)
    watch = Watch(lambda x: (x, array))
    assert watch.same_seldom()
    array.resize((2, 2), refcheck=False)
    assert not watch.same_seldom()
    assert (
        watch.look() == f"array was {array.dtype} in the shape (4,) and is {array.dtype} in the shape (2, 2)"
    )
    numbers = np.array([1.0, 2.0])
    watch = Watch(lambda x: (x, numbers))
    numbers.dtype = np.dtype(np.int64)  # type: ignore[misc]
    assert watch.look().endswith("and is int64 in the shape (2,)")


def test_a_table_of_several_types_is_watched_by_what_is_in_it() -> None:
    table = pytest.importorskip("pandas").DataFrame({"a": [1.5, float("nan")], "b": ["x", "y"]})
    watch = Watch(lambda x: (x, table))
    assert watch.look(everything=True) == ""
    table.loc[0, "a"] = 2.5
    assert not watch.same_seldom()
    assert watch.look() == "table[0][0] was 1.5 and is 2.5"
