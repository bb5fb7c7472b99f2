"""The quick methods of Value, written out from the rows of the table.

This is the one place where readable code would be too slow. What a node needs is plain to see in
`value.make_node`: look at the operands, run the row's forward and partials, fill the slots. Done so, by loops
and calls, it takes several times as long as when the row's formulas stand in the method itself and the slots
are filled one by one; even closures that call forward and partials take from 1.13 times as long (round), by
1.25 (the arithmetic), to four times (power). So each row is run on symbols once, and the text that they give
becomes a method:

>>> print(body(ops.tanh, ("node",)))
def tanh(self):
    try:
        data = forward(self._data)
        first_partial = 1.0 - data * data
        node = new(Value)
    except UNDEFINED:
        return make_node(operation, (self,))
    node._data = data
    node.grad = None
    node.label = ""
    node._operation = operation
    node._first = self
    node._second = None
    node._first_partial = first_partial
    node._second_partial = None
    return node

Whatever is out of the ordinary (an error, an infinite slope, a nan) is left to `make_node`. While a mode is
on anywhere, the methods have other code, so that modes cost nothing while none is: within `no_grad` it makes
nodes without operands, all else it leaves to `make_node`. Debuggers and tracebacks show the text, and a test
holds the methods to `make_node`, bit for bit.
"""

from __future__ import annotations

import linecache
import math
import re
from collections.abc import Callable, Iterable
from functools import cache, partial
from textwrap import indent
from types import CodeType
from typing import Any

from engine import modes, ops
from engine.formula import Formula
from engine.operation import Operation

__all__ = ["body", "define", "dot_body", "written", "written_dot"]

_names: dict[str, Any] = (
    {"__name__": __name__}
    | {row.name: row.forward for row in ops.TABLE.values()}
    | {
        "nan": math.nan,
        "inf": math.inf,
        "bare": modes.bare,
        "begin": lambda method: method.begin(),
        "new": object.__new__,
    }
)
_methods: list[_Method] = []


def define(**names: Any) -> None:
    """Give the methods the objects that they name: `Value`, `make_node`, and the others."""
    _names.update(names)


def written(
    operation: Operation, *kinds: str, by_number: Callable[..., Any] | None = None
) -> Callable[..., Any]:
    """The method for a row and the kinds of its operands, each "node" or "number".

    `by_number` is the method to turn to when the second operand is not a Value.
    """
    method = _made(operation, partial(body, operation, kinds), " and ".join(kinds), by_number)
    method.__doc__ = operation.doc
    method.__qualname__ = f"Value.{operation.name}"
    return method


def written_dot(operands: int) -> Callable[..., Any]:
    """The function of (weights, inputs, bias) for so many operands in all; odd where there is a bias."""
    return _made(ops.dot, partial(dot_body, operands), f"{operands} operands")


def _made(
    operation: Operation, text: Callable[..., str], title: str, by_number: Callable[..., Any] | None = None
) -> Callable[..., Any]:
    """The method of this text, with the code that suits the modes from now on."""
    method = _Method(
        _compiled(operation, text(), title, by_number),
        lambda: _compiled(operation, text(graph=False), f"{title}, in a mode", by_number),
    )
    _methods.append(method)
    if modes.anywhere:
        _switch(True)
    return method.function


class _Method:
    """A method and its two codes: the usual one, and that for modes, which is made when it is first called.

    Until then there is one that makes it: for all methods together that takes 20 ms.
    """

    def __init__(self, function: Any, in_a_mode: Callable[[], Any]) -> None:
        self.function: Callable[..., Any] = function
        self.usual: CodeType = function.__code__
        waiting = _waiting(self.usual.co_freevars)
        constants = tuple([self if each == "method" else each for each in waiting.co_consts])
        self.other: CodeType = waiting.replace(co_consts=constants)
        self._in_a_mode = in_a_mode

    def begin(self) -> Callable[..., Any]:
        """The method in a mode, as a function of its own, too."""
        function: Callable[..., Any] = self._in_a_mode()
        with modes.lock:
            self.other = function.__code__
            _switch(modes.anywhere > 0)
        return function


@cache
def _waiting(names: tuple[str, ...]) -> CodeType:
    """The code of a method with these free variables that begins in a mode; "method" stands for it."""
    free = ", ".join(names)
    text = f"def make({free}):\n    def waiting(*operands, **named):\n        ({free})\n"
    text += '        return begin("method")(*operands, **named)\n    return waiting\n'
    made: dict[str, Any] = {}
    exec(compile(text, f"{__file__}: waiting", "exec"), _names, made)  # noqa: S102  (our own text)
    code: CodeType = made["make"](*names).__code__
    return code


def _switch(is_on: bool) -> None:
    """Give all methods the code for modes, or the usual one; calls that have begun go on as they are."""
    for method in _methods:
        method.function.__code__ = method.other if is_on else method.usual


modes.watchers.append(_switch)


def _compiled(
    operation: Operation, text: str, title: str, by_number: Callable[..., Any] | None = None
) -> Callable[..., Any]:
    text = "def make(operation, forward, by_number):\n" + indent(text, "    ")
    text += f"\n    return {operation.name}\n"
    filename = f"{__file__}: {operation.name} of {title}"
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    made: dict[str, Any] = {}
    exec(compile(text, filename, "exec"), _names, made)  # noqa: S102  (our own text, from our own table)
    function: Callable[..., Any] = made["make"](operation, operation.forward, by_number)
    return function


def body(operation: Operation, kinds: tuple[str, ...], *, graph: bool = True) -> str:
    """The text of the method: what its operands are, what is computed, the slots of the new node.

    Without a graph, only the number is computed, and that only where no operands are kept.
    """
    roles = _roles(kinds)
    arguments = ", ".join(["self", "other"][: len(kinds)])
    plain = f"        return make_node(operation, ({', '.join(roles)}{',' * (len(roles) == 1)}))"
    slopes: dict[str, str | None] = {"first_partial": None, "second_partial": None}
    slopes |= _slopes(operation, kinds) if graph else {}
    computed = {"data": _forward_text(operation, len(kinds))}
    computed |= {name: text for name, text in slopes.items() if text and _is_computed(text)}
    slots = [name if name in computed else str(text) for name, text in slopes.items()]
    numbers = {
        x: role + "._data" * (kind == "node") for x, role, kind in zip("xy", roles, kinds, strict=False)
    }
    texts = [*computed.values(), *slots]
    kept = {x: source for x, source in numbers.items() if source != "other" and _uses(x, texts) > 1}
    lines = [f"def {operation.name}({arguments}):", *_operand_checks(roles, kinds)]
    lines += [] if graph else ["    if not bare():", plain]
    lines += [f"    {x} = {source}" for x, source in kept.items()]
    lines += ["    try:", *(f"        {name} = {text}" for name, text in computed.items())]
    lines += ["        node = new(Value)", "    except UNDEFINED:", plain]
    if len(kinds) > 1 or _makes_nan(operation):
        lines += ["    if data != data:", plain]
    if "number" in kinds and graph:
        lines += ["    constant = new(Constant)", *_filled("constant", "other", *["None"] * 5)]
    operands = ["constant" if kind == "number" else role for kind, role in zip(kinds, roles, strict=True)]
    made = ["operation", *[*operands, "None"][:2]] if graph else ["None"] * 3
    lines += _filled("node", "data", *made, *slots)
    for x in numbers.keys() - kept.keys():
        lines = [re.sub(rf"\b{x}\b", numbers[x], line) for line in lines]
    return "\n".join([*lines, "    return node"])


def dot_body(operands: int, *, graph: bool = True) -> str:
    """The text of dot for so many operands: every product written out, and no loop."""
    weights, inputs = ([f"{name}{k}" for k in range(operands // 2)] for name in "wx")
    bias = ["bias"] * (operands % 2)
    symbols = [Formula(name, plain=True) for name in [*weights, *inputs, *["b"] * len(bias)]]
    data = ops.dot.forward(*symbols).text  # type: ignore[attr-defined]
    slopes = [getattr(slope, "text", slope) for slope in ops.dot.partials(None, *symbols)]
    plain = f"        return make_node(operation, ({', '.join(['*weights', '*inputs', *bias])}))"
    lines = ["def dot(weights, inputs, bias):"]
    lines += [] if graph else ["    if not bare():", plain]
    lines += ["    try:"]
    lines += [f"        {_listed(weights)} = weights", f"        {_listed(inputs)} = inputs"]
    lines += [f"        operands = ({_listed([*weights, *inputs, *bias])})"] if graph else []
    lines += [f"        {name} = {name}._data" for name in [*weights, *inputs]]
    lines += ["        b = bias._data"] * len(bias)
    lines += [f"        data = {data}", "        node = new(Value)", "    except UNDEFINED:", plain]
    lines += ["    if data != data:", plain]
    made = ["operation", "None", "operands", "None", f"({_listed(slopes)})"] if graph else ["None"] * 5
    lines += _filled("node", "data", *made)
    return "\n".join([*lines, "    return node"])


def _listed(names: Iterable[Any]) -> str:
    return "".join(f"{name}, " for name in names).rstrip()


def _roles(kinds: tuple[str, ...]) -> list[str]:
    """The parameter of the method that each operand comes as; a number on the left is `other`."""
    return ["other", "self"] if kinds[0] == "number" else ["self", "other"][: len(kinds)]


def _operand_checks(roles: list[str], kinds: tuple[str, ...]) -> list[str]:
    if kinds == ("node", "node"):
        return ["    if type(other) is not Value:", "        return by_number(self, other)"]
    if "number" in kinds:
        return [
            "    if type(other) is not float:",
            "        if type(other) is not int:",
            f"            return with_number(operation, {', '.join(roles)})",
            "        other = as_number(other)",
        ]
    return []


def _forward_text(operation: Operation, count: int) -> str:
    """The row's formula as an expression where symbols can run through it, else a call of its forward."""
    formula: Any = operation.lowered if _is_composed(operation) else operation.forward
    called = f"({', '.join('xy'[:count])})"
    try:
        text: str = formula(*_symbols(count)).text
    except TypeError:
        return "forward" + called
    return (
        "forward" + called if text == operation.name + called else text
    )  # in the method, its name is itself


def _is_composed(operation: Operation) -> bool:
    """Whether the row's forward is a formula of other rows, and not a better way to the same number."""
    code = getattr(operation.forward, "__code__", None)
    return code is not None and code is getattr(operation.lowered, "__code__", None)


def _slopes(operation: Operation, kinds: tuple[str, ...]) -> dict[str, str | None]:
    """The text of what each slot gets; None for the slot of a number, which wants no derivative."""
    partials = operation.partials(Formula("data", plain=True), *_symbols(len(kinds)))
    texts = [partial.text if isinstance(partial, Formula) else repr(partial) for partial in partials]
    wanted = [text if kind == "node" else None for text, kind in zip(texts, kinds, strict=True)]
    if operation.flat:  # and contributes nothing to its operand
        wanted = [None if text == "0.0" else text for text in wanted]
    return dict(zip(["first_partial", "second_partial"], wanted, strict=False))


def _symbols(count: int) -> list[Formula]:
    return [Formula(name, plain=True) for name in "xy"[:count]]


def _is_computed(text: str) -> bool:
    """Whether this is more than a name or a number, so that it may fail and belongs inside the `try`."""
    return not text.isidentifier() and not text.lstrip("-").replace(".", "").isdigit()


def _uses(name: str, texts: Iterable[str]) -> int:
    return sum(len(re.findall(rf"\b{name}\b", text)) for text in texts)


def _makes_nan(operation: Operation) -> bool:
    """Whether a nan can come of a number: where there is one operand, only infinities could do that."""
    return any(math.isnan(_result(operation, x)) for x in (math.inf, -math.inf))


def _result(operation: Operation, x: float) -> float:
    try:
        return operation.forward(x)
    except (ArithmeticError, ValueError):
        return 0.0  # what raises is noticed without a look at the result


def _filled(name: str, *slots: str) -> list[str]:
    places = (
        "_data",
        "grad",
        "label",
        "_operation",
        "_first",
        "_second",
        "_first_partial",
        "_second_partial",
    )
    data, operation, *operands_and_partials = slots
    texts = [data, "None", '""', operation, *operands_and_partials]
    return [f"    {name}.{place} = {text}" for place, text in zip(places, texts, strict=True)]


# A formula that others mention is quicker in one piece, too, than by the words in it one by one.
_names |= {
    row.name: eval(f"lambda x: {_forward_text(row, 1)}", _names)  # noqa: S307  (our own text, from our own table)
    for row in ops.TABLE.values()
    if _is_composed(row) and row.arity == 1
}
