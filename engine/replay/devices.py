"""On other devices: a program as a function of JAX, for GPUs, TPUs and clusters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine import modes
from engine.errors import ReplayError

__all__ = ["ensure_not_recording", "to_jax"]


def to_jax(compiled: Any, *arguments: Any, **named: Any) -> Callable[..., Any]:
    """A pure function of JAX, (weights, *batch) -> (losses, the gradient of their sum), for all devices.

    It is the same program, the way back included, for samples of the shapes recorded so far; `arguments`,
    where given, are samples to record first. It jits, maps and divides like anything written for JAX. A loop
    over time is a scan forward and one back, so that compiling takes no longer for a longer one.
    `pip install jax` runs it on the CPU, `pip install "jax[cuda13]"` (or what JAX's page says for your
    machine) on GPUs and TPUs, with no change to the code:

        import jax
        import numpy as np
        from jax.sharding import Mesh, NamedSharding, PartitionSpec

        jax.config.update("jax_enable_x64", True)  # 64 bits, as here; without it all is in 32

        p(x[:1], y[:1])                            # record one sample; to_jax(x[:1], y[:1]) does it too
        f = p.to_jax()
        step = jax.jit(f)
        weights = np.array([v.data for v in p.parameters])
        losses, gradient = step(weights, x, y)     # the batch as arrays: (samples, …)

        # many models at once, one for each row of weights
        many = np.stack([weights, weights / 2])
        losses, gradients = jax.vmap(f, in_axes=(0, None, None))(many, x, y)

        # all devices of a machine: samples divided, weights everywhere; JAX adds up the gradients
        devices = Mesh(np.array(jax.devices()), ("data",))
        divided = NamedSharding(devices, PartitionSpec("data"))
        losses, gradient = step(weights, jax.device_put(x, divided), jax.device_put(y, divided))

    On a cluster, start the same script on every machine, with `jax.distributed.initialize()` as its first
    call (clusters that JAX knows need no arguments; others: address, count, number). `jax.devices()` then are
    the devices of all machines, and each hands in the samples that it has:

        x = jax.make_array_from_process_local_data(divided, my_samples)
        y = jax.make_array_from_process_local_data(divided, my_targets)
        losses, gradient = step(weights, x, y)     # every process gets the whole gradient

    The optimizers of nn take arrays: `[weights] = Adam(0.01).update([weights], [gradient / count])`.

    Held Values keep the numbers that they have now. A traced function cannot raise: what eager would refuse
    is nan there. ReplayError where nothing was recorded, where a Python `if` on Values splits the samples,
    which no single program can follow, and without JAX.
    """
    from engine.replay.backends.jax.translation import Part, as_jax  # noqa: PLC0415  (few need it)

    name = compiled.__name__
    ensure_not_recording(name)
    if arguments:
        compiled.value_and_gradients(compiled.numbers(), *arguments, **named)
    with compiled._busy:
        compiled._validity.before_a_call()  # what has changed since is not recorded any more
    if not compiled._paths:
        raise ReplayError(f"{name} is not recorded yet: give to_jax a few samples to record")
    parts = {}
    for (*_, shape), (path, *_) in compiled._paths.items():
        path.ensure_loss()
        if not path.takes_all:
            raise ReplayError(
                f"{name} takes another way for some samples (an `if` on Values), which JAX "
                "cannot follow; write the decision as where(…), maximum(…), relu(…)"
            )
        parts[shape] = Part(path.program, tuple(value._data for value in path.tape.held))
    return as_jax(name, len(compiled.parameters), parts)


def ensure_not_recording(name: str) -> None:
    """Raise ReplayError when a function is recorded just now, which this call would not be part of."""
    modes.refuse_to_record(
        f"{name}, a compiled function, is called while another function is recorded",
        "call the function that it was made from",
    )
