r"""Formulas: the machine derives what the textbook derives

Backprop gives numbers. But the rules behind them are formulas, and run on symbols instead of numbers the same
rules give the derivative as a formula. `formula(loss, wrt=w)` is that, simplified by sympy; `latex` is the
same typeset, and so is a step of backward.

Three results that every course derives at the blackboard come out by themselves: the derivative of tanh is
1 − tanh²; the gradient of softmax with cross-entropy is p − y, prediction minus truth; and least squares,
where the derivatives are 0, has the slope and intercept of every statistics book.

Notice: nobody typed p − y. Every formula here is the chain rule over the graph that backward runs on, and
at any point it gives the same numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy
from matplotlib.figure import Figure

from demos.place import heading, picture
from engine import Value, formula, latex, log_softmax, mean, softmax, steps, symbolic

LOGITS = (0.1, 0.7, -0.4)


def tanh_by_exponentials() -> float:
    """(eˣ − e⁻ˣ) ÷ (eˣ + e⁻ˣ), its derivative, and whether that is 1 − tanh²."""
    x = Value(0.7, label="x")
    tanh = (x.exp() - (-x).exp()) / (x.exp() + (-x).exp())
    slope = symbolic(tanh, wrt=x)
    print(f"tanh(x) = {symbolic(tanh)}")
    print(f"its derivative, simplified: {formula(tanh, wrt=x)}")
    left = sympy.simplify(slope - (1 - symbolic(tanh) ** 2))
    print(f"less (1 − tanh²): {left}")
    return float(left == 0)


def prediction_minus_truth() -> float:
    """Predictions less the gradient of −log softmax(z)[truth] by each logit: the truth is what is left."""
    logits = [Value(number, label=f"z{place}") for place, number in enumerate(LOGITS)]
    loss = -log_softmax(logits)[1]
    predictions = softmax(logits)
    truth = []
    for z, p in zip(logits, predictions, strict=True):
        print(f"d loss/d {z.label} = {formula(loss, wrt=z)}")
        truth.append(sympy.simplify(symbolic(p) - symbolic(loss, wrt=z)))
    print(f"the predictions less the gradients: {truth}, the truth: the second class")
    return float(truth == [0, 1, 0])


def least_squares(xs: Sequence[float], ys: Sequence[float]) -> tuple[Any, Any]:
    """The line with the smallest mean squared error, where both derivatives are 0: (slope, intercept)."""
    w, b = Value(0.0, label="w"), Value(0.0, label="b")
    loss = mean([(w * x + b - y) ** 2 for x, y in zip(xs, ys, strict=True)])
    print(f"loss = {formula(loss)}")
    print(f"d loss/d w = {formula(loss, wrt=w)}, d loss/d b = {formula(loss, wrt=b)}")
    unknowns = [sympy.Symbol(name, real=True) for name in ("w", "b")]
    (found,) = sympy.linsolve([symbolic(loss, wrt=w), symbolic(loss, wrt=b)], unknowns)
    print(f"both are 0 at w = {found[0]}, b = {found[1]}")
    return found[0], found[1]


def by_the_book(xs: Sequence[float], ys: Sequence[float]) -> tuple[float, float]:
    """Σ (x − x̄)(y − ȳ) ÷ Σ (x − x̄)², and ȳ − slope × x̄."""
    middle_x, middle_y = sum(xs) / len(xs), sum(ys) / len(ys)
    products = sum((x - middle_x) * (y - middle_y) for x, y in zip(xs, ys, strict=True))
    slope = products / sum((x - middle_x) ** 2 for x in xs)
    return slope, middle_y - slope * middle_x


def typeset(formulas: Sequence[str], name: str) -> None:
    """A picture of the formulas, one below the other."""
    figure = Figure(figsize=(7.0, 0.8 * len(formulas)))
    for line, text in enumerate(reversed(formulas)):
        figure.text(0.02, (line + 0.35) / len(formulas), f"${text}$", fontsize=15)
    figure.savefig(picture(name))


def main() -> dict[str, float]:
    """The three derivations, a kink, and a step of backward in LaTeX."""
    facts: dict[str, float] = {}
    heading("the derivative of tanh")
    facts["tanh"] = tanh_by_exponentials()

    heading("softmax with cross-entropy: prediction minus truth")
    facts["p minus y"] = prediction_minus_truth()

    heading("least squares, solved")
    xs, ys = [1.0, 2.0, 4.0, 5.0], [2.0, 3.0, 7.0, 8.0]
    slope, intercept = least_squares(xs, ys)
    book = by_the_book(xs, ys)
    print(f"by the book: {book[0]:.4f}, {book[1]:.4f}")
    facts["least squares off by"] = max(abs(float(slope) - book[0]), abs(float(intercept) - book[1]))

    heading("a kink stays one: both branches, with the convention at 0")
    x = Value(0.0, label="x")
    print(f"relu's derivative: {formula(x.relu(), wrt=x)}")

    heading("the formula and backward agree")
    w, y = Value(0.5, label="w"), Value(1.0, label="y")
    loss = ((w * 2).tanh() - y) ** 2
    loss.label = "loss"
    loss.backward()
    point = {sympy.Symbol("w", real=True): w.data, sympy.Symbol("y", real=True): y.data}
    by_formula = float(symbolic(loss, wrt=w).subs(point))
    print(f"d loss/d w = {formula(loss, wrt=w)} = {by_formula:.12f}; backward: {w.grad:.12f}")
    facts["formula off by"] = abs(by_formula - (w.grad or 0.0))

    heading("in LaTeX: the loss, its derivative, one step of backward (a notebook shows them typeset)")
    print(latex(loss), latex(loss, wrt=w), latex(steps(loss)[3]), sep="\n")
    typeset([latex(loss), latex(loss, wrt=w)], "lesson_26_formulas.svg")
    return facts


if __name__ == "__main__":
    main()
