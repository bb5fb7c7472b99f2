"""The result of a check, and how it is told."""

from __future__ import annotations

import json
import math
import subprocess
import sys

import pytest
from checked import layered

from engine import CheckError, Value, ops
from engine.checking import Verdict, assert_gradients, check_gradients, faulty

# ── The result, and how it is told ────────────────────────────────────────────────────────────────


def test_the_report_of_a_failure() -> None:
    tanh = faulty(ops.tanh, lambda out, x: (0.5 * (1 - out * out),))

    def loss(w: Value, b: Value) -> Value:
        hidden = tanh(w)
        hidden.label = "h1"
        return hidden + b.relu()

    lines = str(check_gradients(loss, at=[0.31, 0.0], seed=7)).splitlines()
    assert lines[0] == (
        "gradient check FAILED: 1 of 2 wrong, 1 kink accepted, 0 skipped    (160 evaluations, seed 7)"
    )
    assert lines[1].split() == ["input", "analytic", "numeric", "±", "error", "relative", "verdict"]
    assert lines[2].startswith("w      0.4548688  0.9097376")
    assert lines[2].endswith("5.0e-01  WRONG  ratio 0.5")
    assert lines[3].endswith("kink  relu at 0")
    assert lines[4].startswith("first wrong operation: tanh 'h1' (n1, test_report.py:")
    assert lines[5] == "  of 0.31   local derivative: analytic 0.4548688, numeric 0.9097376"
    assert lines[6] == "  looks like: factor 1/2"
    assert lines[7] == "again: check_gradients(loss, at=…, only='w', seed=7)"


def test_no_line_is_wider_than_a_terminal() -> None:
    leaves, f = layered()
    for result in (
        check_gradients(f, at=leaves, samples=12),
        check_gradients(lambda x: x + math.exp(x), at=[Value(1e-5, label="x" * 60)]),
    ):
        lines = [line for line in str(result).splitlines() if not line.startswith("again")]
        assert max(map(len, lines)) <= 100


def test_to_json() -> None:
    found = json.loads(check_gradients(lambda x: x.relu(), at=[0.0]).to_json())
    assert found["ok"] is True
    assert found["rows"][0]["verdict"] == "kink"
    assert found["rows"][0]["numeric"] == "nan"


def test_worst_is_the_row_furthest_off() -> None:
    product = faulty(ops.multiply, lambda out, x, y: (y, 3.0 * x))
    worst = check_gradients(product, at=[0.5, 2.0]).worst
    assert worst is not None
    assert (worst.input, worst.verdict) == ("x[1]", Verdict.WRONG)


def test_assert_gradients_raises_the_report() -> None:
    tanh = faulty(ops.tanh, lambda out, x: (1.0,))
    with pytest.raises(AssertionError) as caught:
        assert_gradients(tanh, at=[0.3])
    assert isinstance(caught.value, CheckError)
    assert str(caught.value).startswith("gradient check FAILED")
    assert caught.value.result.blame.operation == "tanh"
    assert_gradients(lambda x: x.tanh(), at=[0.3])


def test_checking_needs_neither_pytest_nor_hypothesis() -> None:
    code = "import sys, engine.checking; print(sorted({'pytest', 'hypothesis'} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"
