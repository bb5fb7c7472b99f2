"""compile(): a function of Values as a program on whole arrays; what the user holds and calls."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from operator import attrgetter
from time import perf_counter
from typing import Any, NoReturn, overload

from engine import modes
from engine.backward import add_gradients
from engine.errors import ReplayError
from engine.terminal import at_prompt, shown
from engine.value import Value

try:
    import numpy as np
except ImportError as error:  # pragma: no cover  (needs an environment without NumPy)
    raise ReplayError(
        "replay needs NumPy: pip install numpy (or the extra `replay` of this project)"
    ) from error

from engine.replay.backends.interface import Call
from engine.replay.backends.segments import checked_threads
from engine.replay.choosing import choose_executor, dtype_named, make_executor
from engine.replay.devices import ensure_not_recording, to_jax
from engine.replay.draws import Draws
from engine.replay.eager import Original
from engine.replay.paths import Path, Stats, combined
from engine.replay.program.rule import Formula
from engine.replay.recordings import Recordings
from engine.replay.samples import Batch, batches, in_columns, weights_of
from engine.replay.steps import Steps
from engine.replay.validity import Doubt, SpotChecks, Validity, nothing

__all__ = ["Compiled", "compile"]

Array = Any
MOST_FORMS = 16  # of batches that are prepared for, the last ones


class Compiled:
    """A function of one sample, to be called on many; recorded once per shape of sample and way through it.

    Made by `compile`. `executor` is the name of what runs it, `dtype` the type of the losses and gradients
    that it gives, `stats` what recording it took, `doubts` which of its numbers turned out not to be eager's.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        parameters: Iterable[Value],
        executor: str,
        dtype: Any,
        threads: Any,
    ) -> None:
        self.function = function
        self.parameters = _leaves(parameters)
        self.dtype = dtype_named(dtype)
        self.threads = checked_threads(threads)
        self.__name__ = getattr(function, "__name__", type(function).__name__)
        self.__doc__ = getattr(function, "__doc__", None)
        self._chosen = choose_executor(executor, self.dtype)
        maker = partial(make_executor, executor, self.dtype, self.threads)
        recordings = Recordings(Original(function, self.parameters), maker)
        self._recordings, self._validity = recordings, Validity(recordings, SpotChecks(self.dtype))
        self._paths, self._ready = recordings.paths, self._validity.ready
        self._busy = threading.RLock()

    def __call__(self, *arguments: Any, **named: Any) -> Array:
        """The losses, an array of shape (samples,), with the parameters as they are now.

        Where the function returns a list, its results: (samples, results). Each argument has one entry per
        sample; a number after the first is that number for all of them: `p(x, y, beta=0.3)`. Raises what
        eager raises.
        """
        ensure_not_recording(self.__name__)
        call = self._call((self.numbers(), *arguments), named)
        with self._busy:
            self._validity.before_a_call()
            return self._validity.kept(self._outputs, lambda: call, self._outputs(call))

    def value_and_gradients(self, weights: Any, *arguments: Any, **named: Any) -> tuple[Array, Array]:
        """(losses of shape (samples,), the gradient of their sum of shape (parameters,)), both in `dtype`.

        `weights` are the numbers of the parameters, in their order; the parameters themselves are neither
        read nor written. Raises what eager raises; but no gradient is computed, and so none is refused, for
        what depends on data alone.
        """
        if modes.anywhere:
            ensure_not_recording(self.__name__)
        given = (weights, *arguments)
        self._busy.acquire()  # quicker than `with`, and here that can be seen
        try:
            validity = self._validity
            if not self._recordings.watch.same():
                validity.look()
            validity.calls += 1
            found: tuple[Array, Array]
            found = (None if named else validity.latest(given)) or self._gradients(given, named)
            if perf_counter() < validity.due:
                return found
            kept: tuple[Array, Array]
            kept = validity.kept(self._careful_gradients, lambda: self._call(given, named), found)
            return kept  # noqa: TRY300
        except FloatingPointError:
            return self._careful_gradients(self._call(given, named))  # finds out what is wrong
        finally:
            self._busy.release()

    def reset(self) -> None:
        """Forget all that was recorded: the next call records the function as it is then."""
        with self._busy:
            self._validity.reset()

    def recheck(self) -> None:
        """Look at all that the function reads at the next call, and compare it with eager."""
        self._validity.recheck()

    def array(self, numbers: Any) -> Array:
        """Numbers as an array, from which samples can be chosen; for those who have no NumPy of their own.

        What shows its memory is not copied.
        """
        return np.asarray(numbers)

    def numbers(self) -> Array:
        """The numbers of the parameters, as they are now."""
        return np.array([parameter._data for parameter in self.parameters], np.float64)

    def put(self, numbers: Array) -> None:
        """Make these the numbers of the parameters."""
        modes.refuse_to_record("put", "a function that is replayed must not change its parameters")
        for parameter, number in zip(self.parameters, numbers.tolist(), strict=True):
            parameter._data = number  # a leaf, and a float, as the setter of `data` would have it

    def draws(self, counts: Sequence[tuple[random.Random, int]]) -> Draws:
        """Random numbers as data: for every sample so many of each of these generators, in this order."""
        return Draws(counts)

    def steps(self, formula: Formula, remembers: int, size: int, columns: Sequence[Array | None]) -> Steps:
        """Steps on batches of so many samples in machine code, many in one call.

        `formula` is one of `program.rule`, with as many numbers to remember. `columns` are the arguments for
        all samples that there are; None for one whose numbers come with each call. ReplayError where steps
        are better taken one by one, by `value_and_gradients`; ValueError, or what the formula itself raises,
        where it is none.
        """
        call = partial(self._call, named={})
        return Steps(formula, remembers, size, columns, self._validity, self._busy, call)

    def backward(self, *arguments: Any, **named: Any) -> float:
        """The mean loss; its gradient is added to the `grad` of every parameter, of all or of none."""
        losses, gradient = self.value_and_gradients(self.numbers(), *arguments, **named)
        mean = float(losses.sum(dtype=np.float64) / len(losses))
        add_gradients(self.parameters, (gradient / len(losses)).tolist())
        return mean

    to_jax = to_jax

    @property
    def doubts(self) -> list[Doubt]:
        """The changes that were noticed late, each with the number of calls that they put in doubt."""
        return self._validity.doubts

    @property
    def executor(self) -> str:
        """The name of what runs it: before anything is recorded, of what was chosen."""
        found = {path.executor.name for path in self._recordings.all()}
        return " and ".join(sorted(found)) or self._chosen

    @property
    def asks_types(self) -> bool:
        """Whether the function asked whether numbers of the data are whole ones: in arrays, all are alike."""
        return any(path.tape.asks_types for path in self._recordings.all())

    @property
    def stats(self) -> Stats:
        """What has been recorded so far: nodes, instructions, paths, and the seconds that it took."""
        return self._recordings.stats

    def __reduce__(self) -> NoReturn:
        """It is neither copied nor pickled: its function would still read the Values of this one."""
        raise TypeError(
            f"{self.__name__} is compiled, and neither copied nor pickled; compile its function anew"
        )

    def __str__(self) -> str:
        paths = self._recordings.all()
        if not paths:
            return f"{self.__name__}: nothing recorded yet; call it with data first"
        title = f"{self.__name__}, run by {self.executor}: {self.stats}"
        return shown("\n\n".join([title, *map(str, paths)]))

    def __repr__(self) -> str:
        return at_prompt(str(self))

    def _call(self, given: Sequence[Any], named: Mapping[str, Any]) -> list[Batch]:
        """The arguments as batches for the weights."""
        columns, names = in_columns(self.function, given[1:], named)
        return batches(columns, names, self._weights(given[0]))

    def _weights(self, given: Any) -> Array:
        return weights_of(given, len(self.parameters))

    def _outputs(self, call: list[Batch]) -> Array:
        parts = [(part, path.outputs(part), path) for part, path in self._split(call, "outputs")]
        return combined([part[:2] for part in parts], single=parts[0][2].tape.single)

    def _gradients(self, given: tuple[Any, ...], named: Mapping[str, Any]) -> tuple[Array, Array]:
        """By what is prepared for arrays like these; else the careful way, and prepare."""
        if named or any(isinstance(argument, float | int) for argument in given):
            columns, names = in_columns(self.function, given[1:], named)
            given = (given[0], *columns)
            if names:
                return self._careful_gradients(batches(given[1:], names, self._weights(given[0])))
        found: tuple[Array, Array] | None = self._ready_for(given)(given)
        if found:
            return found
        return self._careful_gradients(self._call(given, {}), given)

    def _careful_gradients(self, call: list[Batch], given: tuple[Any, ...] = ()) -> tuple[Array, Array]:
        """Path by path; where there is one, it prepares for more that is like what was given."""
        losses: list[tuple[Batch, Array]] = []
        gradients: list[Array] = []
        parts = self._split(call, "gradients")
        for part, path in parts:
            path.ensure_loss()
            found, gradient = path.gradients(part)
            losses.append((part, found[None]))
            gradients.append(gradient)
        if given and len(parts) == 1:
            self._prepare(parts[0][1], given)
        return combined(losses, single=True), sum(gradients[1:], gradients[0])

    def _split(self, call: list[Batch], wanted: str) -> list[tuple[Batch, Path]]:
        self._recordings.wanted = wanted
        split = self._recordings.split
        return [each for batch in call for each in split(batch)]

    def _ready_for(self, given: tuple[Any, ...]) -> Call:
        """What was prepared for arrays of these types and shapes; it is tried first from now on."""
        try:
            self._validity.latest = self._ready.get(tuple(map(_form_of, given)), nothing)
        except (AttributeError, TypeError):  # lists, and whatever else has no type and shape
            return nothing
        return self._validity.latest

    def _prepare(self, path: Path, given: tuple[Any, ...]) -> None:
        """Prepare for more arrays of these types and shapes, where all go one way."""
        if all(type(array) is np.ndarray and array.dtype.kind in "fiu" for array in given):
            ready = path.prepared("gradients", len(given[1]) if len(given) > 1 else 1, given)
            if ready is not None:
                while len(self._ready) >= MOST_FORMS:
                    self._ready.pop(next(iter(self._ready)))
                self._validity.latest = self._ready[tuple(map(_form_of, given))] = ready


_form_of = attrgetter("__class__", "dtype", "shape")


def _leaves(parameters: Iterable[Value]) -> tuple[Value, ...]:
    """The parameters, each a leaf and given once."""
    found = tuple(parameters)
    are_leaves = {*map(type, found)} <= {Value} and not any(map(attrgetter("_operation"), found))
    for number, parameter in enumerate(() if are_leaves else found):
        if not isinstance(parameter, Value):
            raise ReplayError(f"parameter {number} must be a Value, got {type(parameter).__name__}")
        if parameter._operation is not None:
            name = parameter._operation.name
            raise ReplayError(f"parameter {number} is a computed node ({name}); parameters are leaves")
    if len(set(found)) < len(found):
        raise ReplayError("a parameter was given twice; list each once")
    return found


@overload
def compile(  # noqa: A001
    function: Callable[..., Any],
    parameters: Any = None,
    executor: str = "auto",
    dtype: Any = "float64",
    threads: int | None = None,
) -> Compiled: ...
@overload
def compile(  # noqa: A001
    function: None = None,
    parameters: Any = None,
    executor: str = "auto",
    dtype: Any = "float64",
    threads: int | None = None,
) -> Callable[[Callable[..., Any]], Compiled]: ...
def compile(  # noqa: A001
    function: Callable[..., Any] | None = None,
    parameters: Any = None,
    executor: str = "auto",
    dtype: Any = "float64",
    threads: int | None = None,
) -> Any:
    """The function of one sample as a program on arrays of samples; nothing is run before it is called.

    `function(x, y, …)` takes a sample, numbers and lists of numbers, and returns its loss, a Value, or a list
    of Values for predictions. While it is recorded, tracers stand for these numbers
    (`engine.replay.recording`). `parameters` are the Values whose gradients are wanted, or a module that has
    `.parameters()`. `executor` is "llvm", machine code; "numpy"; "strict", scalar by scalar with the bits of
    eager; or "auto", the first of these that is installed and suits the function. Works as a decorator too:
    `@compile(parameters=…)`.

    `dtype` is the type of the losses and gradients, and of all that is computed in between: "float64", or
    "float32", in about half the time for large batches, and right to about 1e-6 of the largest gradient.
    Weights and samples may be of any type and are rounded to it; a gradient is summed over the samples in
    float64. A sample that leaves the range of float32 (3.4e38) on its way is computed in float64, slowly, and
    rounded. Only machine code has float32: ReplayError where there is none.

    `threads` is how many threads may share a batch that takes machine code a millisecond or more, None for as
    many as there are cores for this process. Losses and gradients have the same bits, whatever their number.

    The same calls in the same order give the same bits. Machine code is made for the first batch and serves
    all later ones: there, a sample's loss has the same bits in every batch of two or more, but the last
    digits of a gradient, a sum over the samples, may depend on what size came first.

    >>> w = Value(3.0)
    >>> p = compile(lambda x, y: (x * w - y) ** 2, [w])
    >>> p([1.0, 2.0], [1.0, 1.0])
    array([ 4., 25.])
    >>> p.value_and_gradients([3.0], [1.0, 2.0], [1.0, 1.0])
    (array([ 4., 25.]), array([24.]))
    """
    if function is None:
        return partial(compile, parameters=parameters, executor=executor, dtype=dtype, threads=threads)
    if not callable(function):
        raise ReplayError(
            f"compile needs a function of a sample; got {type(function).__name__} ({function!r:.40})"
        )
    owner = function if parameters is None else parameters
    if hasattr(owner, "parameters"):
        owner = owner.parameters()
    if owner is function or not isinstance(owner, Iterable):
        raise ReplayError("compile needs the parameters: a list of Values, or a module with .parameters()")
    return Compiled(function, owner, executor, dtype, threads)
