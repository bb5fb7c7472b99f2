"""The face of the engine: what `from engine import *` gives, also where optional packages are missing."""

from __future__ import annotations

import subprocess
import sys

import pytest

import engine


def without(package: str, *lines: str) -> str:
    """What a script that begins with `from engine import *` prints where this package is not installed."""
    program = "\n".join(["import sys", f"sys.modules[{package!r}] = None", "from engine import *", *lines])
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stdout


CALLS = {
    "numpy": ("compile(lambda x: x, [])", "replay needs NumPy: pip install numpy"),
    "graphviz": ("draw(Value(2.0))", "graphviz"),
    "sympy": ("symbolic(Value(2.0))", "sympy"),
}


@pytest.mark.parametrize("package", CALLS)
def test_import_star_works_without_and_the_call_says_what_is_missing(package: str) -> None:
    call, words = CALLS[package]
    said = without(
        package,
        "x = Value(3.0); y = x * x; y.backward(); print(x.grad)",
        "print(steps(y)[0])",
        "print(callable(compile), callable(draw), walk.__name__)",
        f"try: {call}",
        "except (ImportError, EngineError) as error: print('missing:', error)",
    )
    lines = said.splitlines()
    assert lines[:3] == [
        "6.0", "step 0: y = 9, gradient 1, the seed: d y/d y = 1", "True True walk",
    ]  # fmt: skip
    assert lines[3].startswith("missing:")
    assert words in lines[3]


def test_every_name_of_the_face_is_there() -> None:
    assert all(hasattr(engine, name) for name in engine.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'tanhh'"):
        engine.tanhh  # noqa: B018
