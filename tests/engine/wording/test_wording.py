"""Names by themselves: Values without a label are called as the caller's variables are that hold them."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine import Value, draw, explain, forward_steps, page, steps, walk
from engine.graph import topological_order
from engine.wording import display_names, variables

ROOT = Path(__file__).parents[3]
HERE: Any = Value(1.5)
SHADOWED = Value(2.5)


def names_of(root: Value, names: dict[Any, str]) -> list[str]:
    return list(display_names(topological_order(root), names).values())


def test_names_come_from_local_then_from_global_variables() -> None:
    w = Value(0.5)
    y = (w * HERE).tanh()
    assert names_of(y, variables(sys._getframe())) == ["w", "HERE", "v2", "y"]


def test_lists_tuples_and_dicts_give_names_with_brackets() -> None:
    ws, table = [Value(1.0), Value(2.0)], [[Value(3.0)], [Value(4.0)]]
    pair, by_name = (Value(5.0), Value(6.0)), {"b": Value(7.0)}
    root = ws[1] + table[1][0] + pair[0] + by_name["b"]
    named = names_of(root, variables(sys._getframe()))
    assert named == ["ws[1]", "table[1][0]", "v2", "pair[0]", "v4", "by_name['b']", "root"]


def test_the_first_of_several_variables_counts_and_a_loop_s_is_none() -> None:
    a, b = Value(1.0), Value(2.0)
    same = a
    for each in (a, b):
        assert each is not None
    for place, (other, _) in enumerate([(a, b)]):
        assert (place, other) == (0, a)
    assert set(variables(sys._getframe()).values()) == {"a", "b", "HERE", "SHADOWED"}
    assert same is a
    for value in [Value(3.0)]:
        assert variables(sys._getframe()).get(value) is None


def test_a_loop_that_comes_later_takes_no_name_away() -> None:
    w = Value(1.0)
    assert variables(sys._getframe())[w] == "w"
    for w in [Value(2.0)]:
        assert w not in variables(sys._getframe())


def test_a_name_that_stands_for_something_else_is_left_out() -> None:
    SHADOWED = 3.0  # noqa: N806
    labeled, w = Value(1.0, label="w"), Value(2.0)
    root = labeled * w
    found = variables(sys._getframe())
    assert "SHADOWED" not in found.values()
    assert names_of(root, found) == ["w", "v1", "root"]
    assert SHADOWED == 3.0
    v2 = Value(1.0)
    assert names_of((root + HERE) * v2, variables(sys._getframe()))[3:] == ["HERE", "v4", "v2", "v6"]
    unnamed = (Value(1.0) * Value(2.0)) * v2
    assert names_of(unnamed, variables(sys._getframe()))[2:] == ["v2@n2", "v2", "unnamed"]


def test_a_comprehension_and_a_function_inside_see_what_is_around_them() -> None:
    ws, y = [Value(1.0), Value(2.0)], Value(3.0)

    def inner() -> list[str]:
        return names_of(ws[0] * y, variables(sys._getframe()))

    assert inner() == ["ws[0]", "y", "v2"]
    named = [names_of(w * y, variables(sys._getframe()))[:2] for w in ws]
    assert named == [["ws[0]", "y"], ["ws[1]", "y"]]
    y_again = [y for y in ws]  # noqa: C416
    assert y_again == ws
    assert variables(sys._getframe())[y] == "y"


class Neuron:
    """As one writes it after the film on micrograd."""

    def __init__(self, inputs: int) -> None:
        self.w = [Value(0.5 + place) for place in range(inputs)]
        self.b = Value(0.25)
        self.owner: Any = self

    def __call__(self, x: list[float]) -> Value:
        out = self.b
        for weight, number in zip(self.w, x, strict=True):
            out = out + weight * number
        return out

    def names(self) -> list[str]:
        return names_of(self([1.0, 2.0]), variables(sys._getframe()))


class Network:
    def __init__(self) -> None:
        self.neurons = [Neuron(1), Neuron(1)]
        self.lookup = {"first": self.neurons[0]}


def test_objects_of_ones_own_classes_give_names_with_dots() -> None:
    neuron, network = Neuron(2), Network()
    found = variables(sys._getframe())
    named = ["neuron.w[0]", "1", "v2", "neuron.b", "v4", "neuron.w[1]", "2", "v7", "v8"]
    assert sorted(names_of(neuron([1.0, 2.0]), found)) == sorted(named)
    assert found[network.neurons[1].w[0]] == "network.neurons[1].w[0]"
    assert found[network.neurons[0].b] == "network.neurons[0].b"
    assert {"self.b", "self.w[0]", "self.w[1]"} < set(neuron.names())


def test_in_a_debugger_names_are_those_of_the_frame_that_is_looked_at() -> None:
    """Its prompt runs a line as a module with local variables of its own, and so do class bodies."""
    w = Value(0.5)
    told: list[str] = []
    line = "from engine import steps; told.append(str(steps(w * HERE)[1]))"
    exec(line, globals(), {"w": w, "told": told})  # as pdb does
    assert told[0].startswith("step 1: v2 = w × HERE")

    class Body:
        inner = Value(1.0)
        names = variables(sys._getframe())

    assert Body.names[Body.inner] == "inner"
    assert Body.names[w] == "w"


def test_what_is_private_foreign_or_a_table_of_data_is_not_looked_into() -> None:
    class Proxy:
        @property  # type: ignore[misc]
        def __class__(self) -> Any:
            raise RuntimeError("looked at")

    _hidden, proxy = Value(1.0), Proxy()
    Out = {3: Value(2.0)}  # noqa: N806  (IPython's)
    rows = [[1.0, 2.0]] * 3
    found = variables(sys._getframe())
    assert set(found.values()) == {"HERE", "SHADOWED"}
    assert (type(proxy), len(Out), len(rows), _hidden.data) == (Proxy, 1, 3, 1.0)


def test_every_face_uses_them_and_each_can_do_without() -> None:
    w, x = Value(0.5), Value(2.0)
    y = w * x
    out = io.StringIO()
    walk(y, stdin=io.StringIO("until w\ngraph\nforward"), stdout=out)
    told = {
        "steps": str(steps(y)),
        "forward_steps": str(forward_steps(y)),
        "explain": str(explain(w, y)),
        "explain alone": str(explain(y)),
        "draw": draw(y).source,
        "draw expanded": draw(y, expand=True).source,
        "draw focused": draw(y, focus="w", radius=1).source,
        "page": str([view.moments[-1].text for view in page(y).views]),
        "walk": out.getvalue(),
    }
    for face, text in told.items():
        assert "y = w × x" in text, face
    out = io.StringIO()
    walk(y, stdin=io.StringIO("until w"), stdout=out, names=False)
    without = [
        str(steps(y, names=False)),
        str(forward_steps(y, names=False)),
        str(explain(w, y, names=False)),
        str(explain(y, names=False)),
        draw(y, names=False).source,
        str([view.moments[-1].text for view in page(y, names=False).views]),
        out.getvalue(),
    ]
    assert [("v2 = v0 × v1" in text, "y = " in text) for text in without] == [(True, False)] * 7
    assert [node.label for node in topological_order(y)] == ["", "", ""]


def test_where_every_value_has_a_label_nobody_looks_for_names(monkeypatch: pytest.MonkeyPatch) -> None:
    def looked(_: Any) -> Any:
        raise AssertionError("looked for names")

    w, x = Value(0.5, label="w"), Value(2.0, label="x")
    y = w * x
    for module in ("steps", "explain"):
        monkeypatch.setattr(f"engine.stepping.{module}.variables", looked)
    with pytest.raises(AssertionError, match="looked"):
        steps(y)
    y.label = "y"
    assert str(steps(y)[0]).startswith("step 0: y = 1")
    assert str(explain(w, y)).startswith("w = 0.5")


def at_a_plain_prompt(*lines: str, **environment: str) -> list[str]:
    """What Python says to lines typed at its prompt."""
    unbuffered = {"PYTHONUNBUFFERED": "1"}  # else Python reads ahead of what `walk` asks for
    done = subprocess.run(
        [sys.executable, "-i", "-q"],
        input="\n".join(lines) + "\n",
        env={"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", **unbuffered, **environment},
        capture_output=True,
        encoding="utf-8",
        check=True,
        timeout=600,
    )
    return done.stdout.splitlines()


LINES = (
    "from engine import *",
    "w, x = Value(0.5), Value(2.0); y = (w * x).tanh()",
    "for p in (w, x): p.grad = 0.0",
    "",
)


def test_at_a_plain_prompt_names_are_found_and_texts_show_themselves() -> None:
    said = at_a_plain_prompt(
        *LINES, "steps(y)", "explain(w, y)", "check_gradients(lambda w: w * w, at=[3.0])"
    )
    assert said[0] == "step 0: y = 0.7616, gradient 1, the seed: d y/d y = 1"
    assert "  w.grad: – → 0.42 × 2 = 0.8399" in said
    assert "  y → v2 → w: 0.42 × 2 = 0.8399" in said
    assert any(line.startswith("gradient check passed: 1 of 1 right") for line in said)
    walked = at_a_plain_prompt(*LINES, "walk(y)", "until w", "w", "w.grad", "print(w)", "w.data", "quit")
    assert "(walk 0/2) step 2: v2 = w × x = 1, gradient 0.42" in walked
    assert "(walk 2/2)   w = 0.5, w.grad = 0.8399" in walked
    assert "(walk 2/2) 0.8399486832280523" in walked
    assert "(walk 2/2) 0.5" in walked


def test_where_only_ascii_can_be_printed_everything_is() -> None:
    lines = [
        *LINES,
        *("steps(y)", "steps(y)[1]", "forward_steps(y)", "explain(w, y)", "w, y", "str(y)", "print(draw(y))"),
        *("steps(y)[1].contributions", "explain(w, y).terms", "forward_steps(y)[1].operands"),
        "check_gradients(lambda a: a.relu(), at=[0.0])",
        "check_gradients(lambda a: [a, a], at=[1.0]).rows",
        "p = compile(lambda x, y: (x * w - y) ** 2, [w]); p",
        "p([1.0], [2.0]); p",
        "try: (w - w).log()",
        "except DomainError as error: print(error)",
        "",
        "from nn import MLP; MLP(2, [2, 1], seed=0).summary()",
        "walk(y)",
        "graph",
        "quit",
    ]
    text = "\n".join(at_a_plain_prompt(*lines, PYTHONIOENCODING="ascii"))
    assert text.isascii()
    for part in ("d y/d v2 = 1 - out**2", "w.grad: - -> 0.42 * 2", "Value(0.5, grad=0.0)", "+- error"):
        assert part in text
    for part in ("nothing recorded yet", "run by", "log needs x > 0; got 0.0", "> y = tanh(v2)", "layers[0]"):
        assert part in text
    assert "Traceback" not in text


@pytest.mark.parametrize("length", [29, 200])
def test_a_long_text_is_cut_at_a_prompt_and_says_how_to_see_the_rest(length: int) -> None:
    y = Value(1.0)
    for _ in range(length):
        y = y.sin()
    lines = repr(forward_steps(y)).splitlines()
    assert len(lines) == min(length, 30)
    assert (lines[-1] == "… and 32 more lines; print(_) shows all of them") is (length > 30)
