"""Functions of functions: derivatives of any order, gradients, Jacobians, Hessians, in both modes.

Reading order: `derivatives`; `point` says what a function may be given where a derivative is wanted.
"""

from __future__ import annotations

from engine.calculus.derivatives import (
    derivative,
    gradient,
    gradients,
    hessian,
    hvp,
    jacobian,
    jvp,
    tangents,
)
from engine.calculus.point import Point

__all__ = ["Point", "derivative", "gradient", "gradients", "hessian", "hvp", "jacobian", "jvp", "tangents"]
