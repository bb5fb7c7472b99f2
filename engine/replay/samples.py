"""Samples: whatever the user has, arrays, lists, tables, as blocks of numbers of one shape."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from engine.errors import ReplayError
from engine.frozen import frozen
from engine.value import Constant

__all__ = ["Batch", "Given", "Shape", "batches", "in_columns", "weights_of"]

Array = Any
Shape = Any  # None for a number, (shape, shape, …) for a list of such


class Given(Constant):
    """A number of the data when a function is run eagerly: a Value that compares and indexes as a number."""

    __slots__ = ("_is_whole",)
    __hash__ = Constant.__hash__

    def __init__(self, number: float) -> None:
        super().__init__(number)
        self._is_whole = isinstance(number, int)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, (int, float)) and self._data == other)

    def __index__(self) -> int:
        if not self._is_whole:
            raise TypeError(f"{self._data!r} cannot be an index: it is a float, and no whole number")
        return int(self._data)


@frozen
class Batch:
    """Samples of one shape, and the weights that they are for.

    `arrays` holds for each argument its numbers, (samples, numbers per sample).

    `places` are the numbers of these samples among all that were given; None where they are all. `names` are
    those of the last arguments that go by name.
    """

    shape: tuple[Shape, ...]
    arrays: tuple[Array, ...]
    places: Array | None = None
    names: tuple[str, ...] = ()
    weights: Array = None

    def __len__(self) -> int:
        """The number of samples."""
        return len(self.arrays[0]) if self.arrays else 1

    @property
    def widths(self) -> tuple[int, ...]:
        """How many numbers each argument has per sample."""
        return tuple(array.shape[1] for array in self.arrays)

    @property
    def whole(self) -> tuple[bool, ...]:
        """For each argument, whether its numbers are whole ones, `int` in Python."""
        return tuple(array.dtype.kind in "iu" for array in self.arrays)

    def count(self, number: int) -> int:
        """How many different numbers one input has."""
        return len(np.unique(self.column(number)))

    def take(self, places: Any) -> Batch:
        """Some of the samples."""
        everywhere = np.arange(len(self)) if self.places is None else self.places
        arrays = tuple(array[places] for array in self.arrays)
        return Batch(self.shape, arrays, everywhere[places], self.names, self.weights)

    def numbers(self, place: int) -> list[float]:
        """All numbers of one sample, flat."""
        return [number for array in self.arrays for number in array[place].tolist()]

    def column(self, number: int) -> Array:
        """One input of all samples."""
        for array in self.arrays:
            if number < array.shape[1]:
                return array[:, number]
            number -= array.shape[1]
        raise IndexError(number)

    def sample(self, place: int, made: Callable[[Any], Any] = lambda number: number) -> list[Any]:
        """One sample as the function takes it: for each argument a number, or a list of such, each `made`."""
        flat = [map(made, array[place].tolist()) for array in self.arrays]
        return [_nested(shape, numbers) for shape, numbers in zip(self.shape, flat, strict=True)]


def in_columns(
    function: Callable[..., Any], arguments: Sequence[Any], named: Mapping[str, Any]
) -> tuple[tuple[Any, ...], tuple[str, ...]]:
    """(all arguments in a row, with one entry per sample; the names of the last, which only go by name).

    A number is repeated, and stands for all samples. The first argument must tell how many there are, unless
    arguments are given by name. Raises the TypeError that a call of the function would raise.

    >>> in_columns(lambda x, y, beta: ..., [[1.0, 2.0], [2.0, 1.0]], {"beta": 0.3})
    (([1.0, 2.0], [2.0, 1.0], array([0.3, 0.3])), ())
    """
    arguments, names = _bound(function, arguments, named) if named else (arguments, ())
    numbers = [_is_number(argument) for argument in arguments]
    if not any(numbers) or all(numbers) or (numbers[0] and not named):
        return tuple(arguments), names
    pairs = list(zip(arguments, numbers, strict=True))
    counts = [len(argument) for argument, single in pairs if not single and hasattr(argument, "__len__")]
    count = counts[0] if counts else 1
    return tuple([np.full(count, argument) if single else argument for argument, single in pairs]), names


def _bound(
    function: Callable[..., Any], arguments: Sequence[Any], named: Mapping[str, Any]
) -> tuple[tuple[Any, ...], tuple[str, ...]]:
    try:
        signature = inspect.signature(function)
    except ValueError:  # a function of C that does not tell
        return (*arguments, *named.values()), tuple(named)
    found = signature.bind(*arguments, **named)
    names = sorted(found.kwargs)
    return (*found.args, *(found.kwargs[name] for name in names)), tuple(names)


def _is_number(argument: Any) -> bool:
    if isinstance(argument, np.ndarray):
        return argument.ndim == 0 and argument.dtype.kind in "fiu"
    return isinstance(argument, (int, float, np.number)) and not isinstance(argument, bool)


def _nested(shape: Shape, numbers: Iterator[Any]) -> Any:
    return next(numbers) if shape is None else [_nested(inner, numbers) for inner in shape]


def batches(arguments: Sequence[Any], names: tuple[str, ...] = (), weights: Array = None) -> list[Batch]:
    """The samples, those of one shape together; ReplayError for what is no numbers or of unequal length.

    Each argument has one entry per sample: an array, a list (of lists, of any length), a pandas object. The
    last ones go by these names. The `weights` are for all of them.

    >>> [len(batch) for batch in batches([[[1.0, 2.0], [3.0], [4.0, 5.0]], [0, 1, 0]])]
    [2, 1]
    """
    if not arguments:
        return [Batch((), (), None, names, weights)]
    prepared = [_regular(argument, number) for number, argument in enumerate(arguments)]
    lengths = {len(argument) for argument in prepared}
    if len(lengths) > 1:
        counts = ", ".join(str(len(argument)) for argument in prepared)
        raise ReplayError(f"the arguments have different numbers of samples: {counts}; give each the same")
    if lengths == {0}:
        raise ReplayError("there are no samples: every argument is empty")
    if all(isinstance(argument, np.ndarray) for argument in prepared):
        shape = tuple(_shape_of(array.shape[1:]) for array in prepared)
        return [Batch(shape, tuple(map(_flat, prepared)), None, names, weights)]
    return _by_shape(prepared, names, weights)


def weights_of(given: Any, count: int) -> Array:
    """So many numbers as an array; ReplayError for what is none."""
    weights: Array = None
    with suppress(TypeError, ValueError, OverflowError):
        weights = np.asarray(given)
        if weights.dtype.kind == "O":  # NumPy itself would make nan of a None
            weights = np.array([float(number) for number in weights])
    if weights is None or weights.dtype.kind not in "fiub":
        raise ReplayError(f"weights are numbers, one for each parameter; got {given!r:.60}")
    if weights.shape != (count,):
        raise ReplayError(
            f"weights must have the shape ({count},), one for each parameter; got {weights.shape}"
        )
    return np.ascontiguousarray(weights, np.float64)


def _regular(argument: Any, number: int) -> Any:
    """The argument as an array, or as a list where its samples are of different shapes."""
    if hasattr(argument, "to_numpy"):
        argument = argument.to_numpy()
    if "numpy.ma" in sys.modules and isinstance(argument, np.ma.MaskedArray):  # else it would be imported
        raise ReplayError(
            f"argument {number} is a masked array; write .filled(0.0), and give the mask as an input"
        )
    if not isinstance(argument, (np.ndarray, list, tuple)):
        found = f"{type(argument).__name__} ({argument!r:.40})"
        raise ReplayError(
            f"argument {number} must have one entry per sample: an array or a list; got {found}"
        )
    try:
        array = np.asarray(argument)
    except ValueError:  # lists of unequal lengths
        return list(argument)
    if array.dtype.kind == "O" and not isinstance(argument, np.ndarray):
        return list(argument)
    if array.dtype.kind not in "fiu":
        hint = "write .astype(float)" if array.dtype.kind == "b" else "numbers are needed"
        raise ReplayError(f"argument {number} holds {array.dtype}, not numbers; {hint}")
    if array.ndim == 0:
        raise ReplayError(f"argument {number} is a single number; give one entry per sample, here [{array}]")
    return array


def _flat(array: Array) -> Array:
    return array.reshape(len(array), -1)


def _shape_of(sizes: Sequence[int]) -> Shape:
    """The shape of a regular argument."""
    shape: Shape = None
    for size in reversed(sizes):
        shape = (shape,) * size
    return shape


def _by_shape(arguments: Sequence[Sequence[Any]], names: tuple[str, ...], weights: Array) -> list[Batch]:
    """The samples sorted by shape, each batch in the order of its first sample."""
    found: dict[tuple[Shape, ...], list[int]] = {}
    rows: list[list[list[float]]] = []
    for place, sample in enumerate(zip(*arguments, strict=True)):
        numbers: list[list[float]] = [[] for _ in sample]
        shape = tuple(_flatten(argument, into) for argument, into in zip(sample, numbers, strict=True))
        found.setdefault(shape, []).append(place)
        rows.append(numbers)
    return [
        Batch(
            shape,
            tuple(np.array([rows[place][k] for place in places]) for k in range(len(arguments))),
            np.array(places),
            names,
            weights,
        )
        for shape, places in found.items()
    ]


def _flatten(argument: Any, into: list[float]) -> Shape:
    """Append the numbers of an argument; returns its shape."""
    if isinstance(argument, np.ndarray):
        argument = argument.tolist()
    if isinstance(argument, (list, tuple)):
        return tuple([_flatten(element, into) for element in argument])
    if isinstance(argument, bool) or not isinstance(argument, (int, float, np.number)):
        raise ReplayError(f"a sample holds {type(argument).__name__} ({argument!r:.40}), not a number")
    into.append(argument.item() if isinstance(argument, np.number) else argument)
    return None
