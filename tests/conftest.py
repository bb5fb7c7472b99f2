"""What every test relies on: our own packages, no switch left on, and the same examples in every run."""

from __future__ import annotations

import atexit
import gc
import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from effort import share

import engine
import nn
from engine import modes

ROOT = Path(__file__).parent.parent

if "PYTEST_XDIST_WORKER" not in os.environ:  # the processes of a session share its machine code, and no older
    os.environ["SCALAR_AUTOGRAD_CACHE"] = tempfile.mkdtemp(prefix="machine-code-")
    atexit.register(shutil.rmtree, os.environ["SCALAR_AUTOGRAD_CACHE"], ignore_errors=True)

hypothesis.settings.register_profile("steady", derandomize=True, deadline=None, max_examples=share(60))
hypothesis.settings.register_profile("intense", deadline=None, max_examples=2000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))


def pytest_sessionstart() -> None:
    """Two projects can ship folders named `engine` and `nn`; these tests are about this one's."""
    for package in (engine, nn):
        assert Path(package.__file__ or "").parent.parent == ROOT, package.__file__


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test has the same name in every process, for several share the work: no address is part of it."""
    assert not [item.nodeid for item in items if " at 0x" in item.nodeid]


@pytest.fixture(autouse=True)
def nothing_old_is_looked_at() -> None:
    """What is there before a test stays: no garbage collector and no recording looks at it again.

    A recording looks at every object of the process for generators of random numbers; pytest, the tests and
    what they import are several hundred thousand: half of the time that all tests took. Before every test,
    not only the first of a file: one that trains or draws imports a hundred thousand more.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def nothing_leaks() -> Iterator[None]:
    """No test leaves a mode switched on or touches Python's global random numbers."""
    state = random.getstate()
    yield
    assert modes.anywhere == 0
    assert random.getstate() == state
