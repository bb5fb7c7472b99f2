"""compile(): a function of Values as a program on whole arrays; what the user holds and calls."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterable
from functools import partial
from operator import attrgetter
from typing import Any, overload

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
from engine.replay.backends.jax.translation import Part, as_jax
from engine.replay.backends.segments import checked_threads
from engine.replay.choosing import choose_executor, dtype_named, make_executor
from engine.replay.comparison import new_path
from engine.replay.eager import Original
from engine.replay.paths import Path, Stats, combined
from engine.replay.samples import Batch, Shape, batches

__all__ = ["Compiled", "compile"]

Array = Any
MOST_PATHS = 64  # ways through a function's branches that are recorded before it is refused
MOST_FORMS = 16  # of batches that are prepared for, the last ones


class Compiled:
    """A function of one sample, to be called on many; recorded once per shape of sample and way through it.

    Made by `compile`. `executor` is the name of what runs it, `dtype` the type of the losses and gradients
    that it gives, `stats` what recording it took.
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
        self._chosen = choose_executor(executor, self.dtype)
        self._make_executor = partial(make_executor, executor, self.dtype, self.threads)
        self._original = Original(function, self.parameters)
        self._paths: dict[tuple[Shape, ...], list[Path]] = {}
        self._ready: dict[tuple[Any, ...], Call] = {}  # by the form of weights and arguments
        self._latest: Call = _nothing
        self._busy = threading.RLock()
        self.__name__ = getattr(function, "__name__", type(function).__name__)
        self.__doc__ = getattr(function, "__doc__", None)

    def __call__(self, *arguments: Any) -> Array:
        """The losses, an array of shape (samples,), with the parameters as they are now.

        Where the function returns a list, its results: (samples, results). Raises what eager raises.
        """
        weights = self._weights()
        with self._busy:
            split = [each for batch in batches(arguments) for each in self._split(batch, weights)]
            parts = [(part, path.outputs(weights, part)) for part, path in split]
        return combined(parts, single=split[0][1].tape.single)

    def value_and_gradients(self, weights: Any, *arguments: Any) -> tuple[Array, Array]:
        """(losses of shape (samples,), the gradient of their sum of shape (parameters,)), both in `dtype`.

        `weights` are the numbers of the parameters, in their order; the parameters themselves are neither
        read nor written. Raises what eager raises; but no gradient is computed, and so none is refused, for
        what depends on data alone.
        """
        given = (weights, *arguments)
        self._busy.acquire()  # quicker than `with`, and here that can be seen
        try:
            return self._latest(given) or self._ready_for(given)(given) or self._gradients(given)
        except FloatingPointError:
            return self._gradients(given)  # finds out what is wrong
        finally:
            self._busy.release()

    def array(self, numbers: Any) -> Array:
        """Numbers as an array, from which samples can be chosen; for those who have no NumPy of their own."""
        return np.array(numbers)

    def backward(self, *arguments: Any) -> float:
        """The mean loss; its gradient is added to the `grad` of every parameter, of all or of none."""
        losses, gradient = self.value_and_gradients(self._weights(), *arguments)
        count = len(losses)
        for parameter, part in zip(self.parameters, (gradient / count).tolist(), strict=True):
            parameter.grad = (parameter.grad or 0.0) + part
        return float(losses.sum(dtype=np.float64) / count)

    def to_jax(self, *arguments: Any) -> Callable[..., Any]:
        """A pure JAX function (weights, *batch) -> (losses, gradients) for jit, vmap and many devices.

        It does what `value_and_gradients` does, for samples of the shapes recorded so far; `arguments`, where
        given, are samples to record first. Held Values keep the numbers that they have now. A traced function
        cannot raise: what eager would refuse is nan there. ReplayError where nothing was recorded, where a
        Python `if` on Values splits the samples, which no single program can follow, and without JAX.
        """
        if arguments:
            self.value_and_gradients(self._weights(), *arguments)
        if not any(self._paths.values()):
            raise ReplayError(f"{self.__name__} is not recorded yet: give to_jax a few samples to record")
        parts = {}
        for shape, (path, *_) in self._paths.items():
            path.ensure_loss()
            if path.tape.guards:
                raise ReplayError(
                    f"{self.__name__} takes another way for some samples (an `if` on Values), which JAX "
                    "cannot follow; write the decision as where(…), maximum(…), relu(…)"
                )
            parts[shape] = Part(path.program, tuple(value._data for value in path.tape.held))
        return as_jax(self.__name__, len(self.parameters), parts)

    @property
    def executor(self) -> str:
        """The name of what runs it: before anything is recorded, of what was chosen."""
        found = {path.executor.name for paths in self._paths.values() for path in paths}
        return " and ".join(sorted(found)) or self._chosen

    @property
    def stats(self) -> Stats:
        """What has been recorded so far: nodes, instructions, paths, and the seconds that it took."""
        return sum((path.stats for paths in self._paths.values() for path in paths), Stats())

    def __str__(self) -> str:
        paths = [path for paths in self._paths.values() for path in paths]
        if not paths:
            return f"{self.__name__}: nothing recorded yet; call it with data first"
        title = f"{self.__name__}, run by {self.executor}: {self.stats}"
        return shown("\n\n".join([title, *map(str, paths)]))

    def __repr__(self) -> str:
        return at_prompt(str(self))

    def _weights(self) -> Array:
        numbers = [parameter._data for parameter in self.parameters]
        return np.fromiter(numbers, np.float64, len(numbers))

    def _checked(self, weights: Any) -> Array:
        given = np.ascontiguousarray(weights, dtype=np.float64)
        if given.shape != (len(self.parameters),):
            needed = f"({len(self.parameters)},), one for each parameter"
            raise ReplayError(f"weights must have the shape {needed}; got {given.shape}")
        return given

    def _gradients(self, given: tuple[Any, ...]) -> tuple[Array, Array]:
        weights, arguments = self._checked(given[0]), given[1:]
        losses: list[tuple[Batch, Array]] = []
        gradients: list[Array] = []
        for batch in batches(arguments):
            for part, path in self._split(batch, weights):
                path.ensure_loss()
                found, gradient = path.gradients(weights, part)
                losses.append((part, found[None]))
                gradients.append(gradient)
        if len(gradients) == 1:
            self._prepare(path, given)
        return combined(losses, single=True), gradients[0] if len(gradients) == 1 else sum(gradients)

    def _ready_for(self, given: tuple[Any, ...]) -> Call:
        """What was prepared for arrays of these types and shapes; it is tried first from now on."""
        try:
            self._latest = self._ready.get(tuple(map(_form_of, given)), _nothing)
        except (AttributeError, TypeError):  # lists, and whatever else has no type and shape
            return _nothing
        return self._latest

    def _prepare(self, path: Path, given: tuple[Any, ...]) -> None:
        """Prepare for more arrays of these types and shapes, where all go one way."""
        if all(type(array) is np.ndarray and array.dtype.kind in "fiu" for array in given):
            ready = path.prepared("gradients", len(given[1]) if len(given) > 1 else 1, given)
            if ready is not None:
                while len(self._ready) >= MOST_FORMS:
                    self._ready.pop(next(iter(self._ready)))
                self._latest = self._ready[tuple(map(_form_of, given))] = ready

    def _split(self, batch: Batch, weights: Array) -> Iterable[tuple[Batch, Path]]:
        """The samples by the way that each takes through the function's branches."""
        paths = self._paths.get(batch.shape)
        if paths is None:
            paths = self._paths[batch.shape] = []
        if not paths:
            self._record(batch, 0, weights, paths)
        if paths[0].takes_all:
            return [(batch, paths[0])]
        return self._split_by_guards(batch, weights, paths)

    def _split_by_guards(self, batch: Batch, weights: Array, paths: list[Path]) -> list[tuple[Batch, Path]]:
        waiting = np.arange(len(batch))
        found: list[tuple[Batch, Path]] = []
        number = 0
        while waiting.size:
            if number == len(paths):
                self._record(batch, int(waiting[0]), weights, paths)
            path = paths[number]
            holds = path.matches(weights, batch.take(waiting))
            if holds.any():
                found.append((batch.take(waiting[holds]), path))
            waiting = waiting[~holds]
            number += 1
        return found

    def _record(self, batch: Batch, place: int, weights: Array, paths: list[Path]) -> None:
        if len(paths) == MOST_PATHS:
            raise ReplayError(
                f"{self.__name__} took more than {MOST_PATHS} different ways through its branches; write the "
                "decisions as where(…), maximum(…), relu(…), which are decided anew for every sample"
            )
        path = new_path(self._original, weights, batch, place, self._make_executor)
        if paths:
            path.ensure_like(paths[0])
        elif path.tape.single and path.takes_all:
            self._warn_of_unused(path)
        paths.append(path)

    def _warn_of_unused(self, path: Path) -> None:
        unused = path.tape.unused()
        if unused:
            named = ", ".join(self.parameters[k].label or f"parameter {k}" for k in unused[:3])
            more = f" and {len(unused) - 3} more" if len(unused) > 3 else ""
            text = f"{self.__name__} does not use {named}{more}: the gradient is 0 there"
            warnings.warn(text, UserWarning, stacklevel=6)


_form_of = attrgetter("__class__", "dtype", "shape")


def _nothing(_: Any) -> None:
    """The call before anything is prepared."""


def _leaves(parameters: Iterable[Value]) -> tuple[Value, ...]:
    """The parameters, each a leaf and given once."""
    found = tuple(parameters)
    for number, parameter in enumerate(found):
        if not isinstance(parameter, Value):
            raise ReplayError(f"parameter {number} must be a Value, got {type(parameter).__name__}")
        if parameter.operation is not None:
            name = parameter.operation.name
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

    `function(x, y, …)` takes a sample, numbers and lists of numbers as Values, and returns its loss, a
    Value, or a list of Values for predictions. `parameters` are the Values whose gradients are wanted, or a
    module that has `.parameters()`. `executor` is "llvm", machine code; "numpy"; "strict", scalar by scalar
    with the bits of eager; or "auto", the first of these that is installed and suits the function. Works as a
    decorator too: `@compile(parameters=…)`.

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
    owner = function if parameters is None else parameters
    if hasattr(owner, "parameters"):
        owner = owner.parameters()
    if owner is function or not isinstance(owner, Iterable):
        raise ReplayError("compile needs the parameters: a list of Values, or a module with .parameters()")
    return Compiled(function, owner, executor, dtype, threads)
