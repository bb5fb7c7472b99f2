"""The program as a pure JAX function: for accelerators, and for more than one machine.

The instructions, the way back included, are written in JAX's words while JAX traces the function; from there
on all is JAX's: compiling, vmap, many devices.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from engine.errors import ReplayError
from engine.frozen import frozen
from engine.replay.backends.jax.functions import in_primitives
from engine.replay.backends.jax.repeating import kept_for, run_back, run_forward
from engine.replay.backends.jax.running import Runner
from engine.replay.backends.jax.storing import Store
from engine.replay.program.program import Instruction, Program, Repeat, Rows, Space
from engine.replay.samples import Shape

__all__ = ["Part", "as_jax"]

Array = Any
Sizes = tuple[int, ...]


@frozen
class Part:
    """What is to be run on samples of one shape: a program, and the numbers of the held Values."""

    program: Program
    held: tuple[float, ...]


def as_jax(name: str, parameters: int, parts: Mapping[tuple[Shape, ...], Part]) -> Callable[..., Any]:
    """The function (weights, *batch) -> (losses, gradients), which JAX may compile, map and distribute.

    `weights` has the shape (parameters,), each array of the batch (samples, …) as it was recorded; the losses
    are (samples,), the gradients, (parameters,), are those of their sum. All is computed in the type of the
    weights. Raises ReplayError where JAX is not installed.
    """
    try:
        jnp = import_module("jax.numpy")
    except ImportError as error:
        raise ReplayError(
            "JAX is not installed: pip install jax (or the extra `jax` of this project)"
        ) from error
    known = {
        sizes: Part(in_primitives(part.program), part.held)
        for shape, part in parts.items()
        if (sizes := _sizes_of_all(shape)) is not None
    }

    def function(weights: Any, *batch: Any) -> tuple[Any, Any]:
        weights = jnp.asarray(weights)
        if not jnp.issubdtype(weights.dtype, jnp.floating):
            weights = weights.astype(float)
        arrays = [jnp.asarray(array) for array in batch]
        if weights.shape != (parameters,):
            raise ReplayError(f"weights must have the shape ({parameters},); got {weights.shape}")
        counts = {array.shape[:1] for array in arrays}
        if len(counts) > 1 or () in counts:
            raise ReplayError(f"each array needs one entry per sample; got {[a.shape for a in arrays]}")
        part = known.get(tuple(array.shape[1:] for array in arrays))
        if part is None:
            raise ReplayError(_unknown_shape(name, [array.shape for array in arrays], known))
        return _Run(part, weights, arrays).gradients()

    function.__name__ = function.__qualname__ = name
    function.__doc__ = "(losses, the gradient of their sum) of (weights, *batch)."
    return function


def _unknown_shape(name: str, found: list[Sizes], known: Mapping[tuple[Sizes, ...], Part]) -> str:
    listed = "; ".join(", ".join(str(("samples", *sizes)) for sizes in key) for key in known)
    return (
        f"{name} was not recorded for arrays of the shapes {found}, but for {listed or 'ragged lists only'}; "
        "give to_jax a sample of this shape too"
    )


def _sizes_of_all(shapes: Sequence[Shape]) -> tuple[Sizes, ...] | None:
    found = [_sizes(shape) for shape in shapes]
    return None if None in found else tuple(found)  # type: ignore[arg-type]


def _sizes(shape: Shape) -> Sizes | None:
    """The sizes of an array with samples of this shape; None where they are ragged."""
    if shape is None:
        return ()
    inner = {_sizes(part) for part in shape} or {()}
    sizes = inner.pop()
    return None if inner or sizes is None else (len(shape), *sizes)


class _Run:
    """One pass over the instructions, while JAX looks on."""

    def __init__(self, part: Part, weights: Array, arrays: Sequence[Array]) -> None:
        self.program, self.np = part.program, import_module("jax.numpy")
        lanes = arrays[0].shape[0] if arrays else 1
        self.runner = Runner(self._stores(part, weights, arrays, lanes), weights.dtype, lanes)
        self.kept = kept_for(self.program.backward)
        self.frames: dict[range, Array] = {}  # of the loops that have run forward

    def _stores(self, part: Part, weights: Array, arrays: Sequence[Array], lanes: int) -> dict[Space, Store]:
        held = self.np.asarray(part.held, weights.dtype)
        rows = [array.reshape(lanes, -1).astype(weights.dtype).T for array in arrays]
        samples = self.np.concatenate(rows)[np.asarray(self.program.inputs, dtype=int)] if rows else None
        sizes = self.program.sizes
        first = {
            Space.WEIGHT: self.np.concatenate((weights, held))[:, None],
            Space.CONSTANT: self.np.asarray(self.program.constants, weights.dtype)[:, None],
            Space.GRADIENT: self.np.zeros((sizes[Space.GRADIENT], 1), weights.dtype),
            Space.SHARED_ADJOINT: self.np.zeros((sizes[Space.SHARED_ADJOINT], 1), weights.dtype),
        }
        stores = {space: Store.of(size, first.get(space)) for space, size in sizes.items()}
        if samples is not None and len(samples):
            stores[Space.VALUE].write(range(len(samples)), samples)
        return stores

    def gradients(self) -> tuple[Array, Array]:
        """(losses, the gradient of their sum by the weights)."""
        for _, instructions in self.program.parts():
            for instruction in instructions:
                self._run(instruction)
        losses = self.runner.read(Rows(Space.VALUE, self.program.outputs.places[:1]))[0]
        return losses, self.runner.read(Rows(Space.GRADIENT, range(self.program.wanted)))[:, 0]

    def _run(self, instruction: Instruction) -> None:
        if not isinstance(instruction, Repeat):
            self.runner.run(instruction)
            return
        kept = self.kept.get(instruction.frame, Rows(Space.FRAME, ()))
        if instruction.reverse:
            run_back(instruction, self.runner, kept, self.frames.pop(instruction.frame))
        else:
            self.frames[instruction.frame] = run_forward(instruction, self.runner, kept)
