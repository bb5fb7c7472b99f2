r"""Formulas as text and as LaTeX, which a notebook shows typeset.

>>> from engine import Value
>>> z, y = Value(0.3, label="z"), Value(1.0, label="y")
>>> loss = (z.tanh() - y) ** 2
>>> named = {loss: "loss", z: "z", y: "y"}
>>> as_text(loss, None, 10, named)
'(y - tanh(z))**2'
>>> print(as_equation(loss, y, 10, named))
\frac{\partial loss}{\partial y} = 2 \left(y - \tanh{\left(z \right)}\right)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import sympy

from engine.algebra.expressions import expressed, simplified, symbol
from engine.algebra.symbols import Expression, Symbolic, expression_of, number
from engine.graph import Node

__all__ = ["StepLike", "Typeset", "as_chain_rule", "as_equation", "as_text"]


class Typeset(str):
    """A text that a notebook shows typeset; `latex` is how."""

    __slots__ = ("latex",)
    latex: str

    def __new__(cls, text: str, latex: str) -> Typeset:
        """The text, with its LaTeX."""
        made = super().__new__(cls, text)
        made.latex = latex
        return made

    def _repr_latex_(self) -> str:
        return rf"$\displaystyle {self.latex}$"


@runtime_checkable
class StepLike(Protocol):
    """A step of `steps(root)`: a node, its name and gradient, and what it contributes."""

    node: Node
    name: str
    gradient: float | None
    contributions: Sequence[Any]


def as_text(root: Node, wrt: Node | None, limit: int, named: Mapping[Node, str]) -> Typeset:
    """The simplified expression as text."""
    expression = simplified(expressed(root, wrt, limit, named))
    return Typeset(str(expression), sympy.latex(expression))


def as_equation(root: Node, wrt: Node | None, limit: int, named: Mapping[Node, str]) -> Typeset:
    """The LaTeX of `name = the simplified expression`."""
    right = sympy.latex(simplified(expressed(root, wrt, limit, named)))
    left = _name(named[root])
    return _typeset(f"{left if wrt is None else _fraction(left, _name(named[wrt]))} = {right}")


def as_chain_rule(step: StepLike) -> Typeset:
    """The LaTeX of a step."""
    return _typeset(_step(step))


def _typeset(text: str) -> Typeset:
    return Typeset(text, text)


def _name(name: str) -> str:
    return str(sympy.latex(symbol(name)))


def _fraction(of: str, by: str) -> str:
    return rf"\frac{{\partial {of}}}{{\partial {by}}}"


def _step(step: StepLike) -> str:
    """The local derivatives by the row's own formulas, and the contributions to the operands."""
    operation = step.node.operation
    if operation is None or not step.contributions:
        return rf"{_fraction(_name(step.name), _name(step.name))} = 1"
    operands = [
        number(part.operand._data) if part.operand.is_constant else symbol(part.operand_name)
        for part in step.contributions
    ]
    slopes = operation.partials(Symbolic(symbol(step.name)), *map(Symbolic, operands))
    lines = [
        _line(step, part, expression_of(slope))
        for part, slope in zip(step.contributions, slopes, strict=True)
        if not part.operand.is_constant and part.amount is not None
    ]
    return r"\begin{aligned}" + r" \\ ".join(lines) + r"\end{aligned}"


def _line(step: StepLike, part: Any, slope: Expression) -> str:
    """∂v/∂x = its formula = its number; the gradient of x gets so much."""
    local = _fraction(_name(step.name), _name(part.operand_name))
    chosen = dict.fromkeys((sympy.latex(slope), _rounded(part.partial)))
    factors = rf"{_rounded(step.gradient or 0.0)} \cdot {_rounded(part.partial, inside=True)}"
    gradient = rf"\overline{{{_name(part.operand_name)}}}"
    return (
        rf"{local} &= {' = '.join(chosen)}, & {gradient} &\mathrel{{+}}= {factors} = {_rounded(part.amount)}"
    )


def _rounded(value: float, *, inside: bool = False) -> str:
    """Four digits, in parentheses where a minus sign inside a product would mislead."""
    digits, _, power = f"{value:.4g}".partition("e")
    text = digits.replace("inf", r"\infty") + (rf" \cdot 10^{{{int(power)}}}" if power else "")
    return f"({text})" if inside and text.startswith("-") else text
