"""How many digits are true? The classic disasters, and what to write instead

A float has 16 digits, and every operation rounds in the last one. Mostly that stays there. But where two
numbers that are nearly equal are subtracted, the digits that agree cancel, and the rounding errors of before
move to the front: of 1 − cos(x) at a millionth only 4 digits are right. Nothing warns you: the number looks
like any other.

`health(root)` computes beside every number how far it can be from the exact one, and the same for every
gradient. The rows' own formulas run on balls, a number and a radius; where these grow too wide, they run
again with as many digits as it takes. The bound always holds. And it says where the digits went, and what to
write instead.

Notice: the subtraction is blamed, but it rounds nothing: it lets the errors of before through. A value can be
ruined and its gradient right to the last digit, and the reverse: tanh(18) is right, its derivative 1 − out²
is not. Rewritten, all of them have their digits.
"""

from __future__ import annotations

from collections.abc import Callable

from demos.place import heading, picture
from engine import Value, draw, health, mean
from engine.health.report import Health

Program = Callable[..., Value]


def variance(*xs: Value) -> Value:
    """In one pass: the mean of the squares less the square of the mean."""
    return mean([x * x for x in xs]) - mean(xs) ** 2


def variance_in_two_passes(*xs: Value) -> Value:
    """The mean first."""
    middle = mean(xs)
    return mean([(x - middle) ** 2 for x in xs])


def small_root(a: Value, b: Value, c: Value) -> Value:
    """The smaller solution of a x² + b x + c = 0, as in every textbook."""
    return (-b + (b * b - 4 * a * c).sqrt()) / (2 * a)


def small_root_rewritten(a: Value, b: Value, c: Value) -> Value:
    """The same, without a difference of nearly equal numbers."""
    return -2 * c / ((b * b - 4 * a * c).sqrt() + b)


# (what is computed, as one writes it, as one should, where)
DISASTERS: list[tuple[str, Program, Program, dict[str, float]]] = [
    ("1 − cos(x) near 0", lambda x: 1 - x.cos(), lambda x: 2 * (x / 2).sin() ** 2, {"x": 1e-6}),
    ("log(1 + x) near 0", lambda x: (1 + x).log(), lambda x: x.log1p(), {"x": 1.1e-10}),
    ("exp(x) − 1 near 0", lambda x: x.exp() - 1, lambda x: x.expm1(), {"x": 1.1e-10}),
    (
        "√(x + 1) − √x far out",
        lambda x: (x + 1).sqrt() - x.sqrt(),
        lambda x: 1 / ((x + 1).sqrt() + x.sqrt()),
        {"x": 1e12},
    ),
    ("1 − tanh(x)² far out", lambda x: 1 - x.tanh() ** 2, lambda x: 1 / x.cosh() ** 2, {"x": 18.0}),
    ("the small root of x² + 1e8 x + 1", small_root, small_root_rewritten, {"a": 1.0, "b": 1e8, "c": 1.0}),
    (
        "the variance of numbers near a million",
        variance,
        variance_in_two_passes,
        {f"x{i}": 1e6 + 0.1 * i for i in range(6)},
    ),
]


def examined(program: Program, at: dict[str, float]) -> Health:
    """What health says of the program's result."""
    root = program(*(Value(number, label=name) for name, number in at.items()))
    root.label = "y"
    return health(root)


def main() -> dict[str, float]:
    """Each disaster, how many of its digits are true, where they went, and the rewrite."""
    facts: dict[str, float] = {}
    for what, written, rewritten, at in DISASTERS:
        heading(what)
        before, after = examined(written, at), examined(rewritten, at)
        print(before)
        print(f"rewritten: {after[after.root].digits:.1f} digits")
        facts[f"{what}: digits"] = before[before.root].digits
        facts[f"{what}: rewritten"] = after[after.root].digits
        facts[f"{what}: hinted"] = float(bool(before.hint))

    heading("a right value with a ruined gradient")
    tanh = examined(lambda x: x.tanh(), {"x": 18.0})
    print(tanh)
    (x,) = tanh.worst
    facts["tanh: digits of the value"] = tanh[tanh.root].digits
    facts["tanh: digits of the gradient"] = tanh[x].gradient_digits

    heading("an uncertain branch is said to be one, and decided with more digits")
    doubtful = (Value(0.5, label="x").exp() - 1.6487212707001282).relu()
    first, second = health(doubtful, digits=0), health(doubtful)
    print(first)
    print(second)
    facts["undecided with floats"] = float(first[doubtful].undecided)
    facts["undecided with more digits"] = float(second[doubtful].undecided)

    heading("where the digits are, as a picture")
    disaster = examined(lambda x: (1 - x.cos()) / x**2, {"x": 1e-5})
    print(draw(disaster.root, marks=disaster).save(picture("lesson_25_digits.svg")).name)
    return facts


if __name__ == "__main__":
    main()
