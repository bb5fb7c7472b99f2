"""What comes with an installation, and what one sees on opening the packages."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

import engine

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_the_version_stands_once() -> None:
    assert "version" in PROJECT["project"]["dynamic"]
    assert PROJECT["tool"]["hatch"]["version"]["path"] == "engine/__init__.py"
    try:
        installed = metadata.version("scalar-autograd")
    except metadata.PackageNotFoundError:
        pytest.skip("not installed")
    assert engine.__version__ == installed


def test_what_the_demos_use_comes_with_all() -> None:
    extras = PROJECT["project"]["optional-dependencies"]
    (everything,) = extras["all"]
    named = everything.partition("[")[2].rstrip("]").split(",")
    packages = [package for extra in named for package in extras[extra]]
    for wanted in ("llvmlite", "numpy", "matplotlib", "scikit-learn", "graphviz-pure", "hypothesis"):
        assert any(package.startswith(wanted) for package in packages), wanted


NOTEBOOK = """
    import sys, types
    shell = types.SimpleNamespace(config={"IPKernelApp": {}})
    ipython = types.ModuleType("IPython")
    ipython.get_ipython = lambda: shell
    ipython.display = types.ModuleType("IPython.display")
    ipython.display.HTML = ipython.display.display = ipython.display.clear_output = None
    sys.modules |= {"IPython": ipython, "IPython.display": ipython.display, "ipykernel": ipython}
    sys.modules |= {name: None for name in ("ipywidgets", "IPython.html", "IPython.utils.ipstruct")}
    from nn import MLP, data, fit
    points = data.moons(20, seed=0)
    fit(MLP(2, [1], output="sigmoid", seed=0), points, loss="binary_cross_entropy", epochs=3, doctor=True)
"""


def test_a_notebook_without_widgets_paints_nothing_red() -> None:
    """What comes on stderr is red there: a warning on import, the bar, the doctor's findings."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(NOTEBOOK)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    assert "epoch 3/3" in done.stdout
