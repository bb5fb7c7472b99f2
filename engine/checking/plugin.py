"""Gradient checks in pytest: a fixture, a marker and two options.

One line in the `conftest.py` of your tests switches it on:

    pytest_plugins = ["engine.checking.plugin"]

    def test_loss(gradcheck):
        gradcheck(loss, at=[2.0, -3.0])  # fails with the report
        gradcheck.everywhere(loss, st.tuples(st.floats(-3, 3), st.floats(-3, 3)))  # and with the worst point

    @pytest.mark.gradcheck(order=2, samples=20)  # options for every check in this test
    def test_model(gradcheck):
        gradcheck(model_loss, at=model.parameters())

`pytest --gradcheck-samples 20 --gradcheck-seed 7` sets them for the whole run; the report of a failure
tells the seed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine.checking.check import assert_gradients
from engine.checking.everywhere import assert_everywhere

__all__ = ["GradientCheck", "gradcheck", "pytest_addoption", "pytest_configure"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that hold for a whole run."""
    group = parser.getgroup("gradcheck", "gradient checks")
    group.addoption("--gradcheck-samples", type=int, help="inputs that each gradient check looks at")
    group.addoption("--gradcheck-seed", type=int, help="seed of each gradient check (default 0)")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, so that `--strict-markers` knows it."""
    words = "gradcheck(order=1, samples=None, seed=0, strict=False): options of the gradcheck fixture"
    config.addinivalue_line("markers", words)


@pytest.fixture
def gradcheck(request: pytest.FixtureRequest) -> GradientCheck:
    """`assert_gradients` with the options of the command line, the marker and the call; the last counts."""
    options: dict[str, Any] = {}
    for name in ("samples", "seed"):
        given = request.config.getoption(f"gradcheck_{name}")
        if given is not None:
            options[name] = given
    if marker := request.node.get_closest_marker("gradcheck"):
        options |= marker.kwargs

    return GradientCheck(options)


class GradientCheck:
    """What the fixture is: a call checks at one point, `everywhere` at those that a strategy draws."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options

    def __call__(self, f: Callable[..., Any], at: Any, **more: Any) -> None:
        """Fail with the report unless the gradients at this point are right."""
        __tracebackhide__ = True
        assert_gradients(f, at, **(self.options | more))

    def everywhere(self, f: Callable[..., Any], strategy: Any, **more: Any) -> None:
        """Fail with the worst point that hypothesis finds, unless all are right."""
        __tracebackhide__ = True
        assert_everywhere(f, strategy, **(self.options | more))
