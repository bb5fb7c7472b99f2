"""The quick methods of Value, written out from the rows of the table.

This is the one place where speed costs beauty. What a node needs is plain to see in `value.make_node`: look
at the operands, run the row's forward and partials, fill the slots. Done so, by loops and calls, it takes
several times as long as when the row's formulas stand in the method itself and the slots are filled one by
one. So each row is run on symbols once, and the text that they leave behind becomes a method:

>>> print(body(ops.tanh, ("node",)))
def tanh(self):
    x = self._data
    try:
        data = forward(x)
        first_partial = 1.0 - data * data
    except UNDEFINED:
        return plain(operation, (self,))
    if modes.anywhere or data != data:
        return plain(operation, (self,))
    node = new(Value)
    node._data = data
    node.grad = None
    node.label = ""
    node._operation = operation
    node._first = self
    node._second = None
    node._first_partial = first_partial
    node._second_partial = None
    return node

Whatever is out of the ordinary (an error, an infinite slope, a nan, a mode that is on) is left to
`make_node`. Debuggers and tracebacks show the text, and a test holds the methods to `make_node`, bit for bit.
"""

from __future__ import annotations

import linecache
import math
from collections.abc import Callable
from textwrap import indent
from typing import Any

from engine import ops
from engine.formula import Formula
from engine.operation import Operation

__all__ = ["body", "surround", "written"]

_names: dict[str, Any] = {row.name: row.forward for row in ops.TABLE.values()} | {
    "nan": math.nan,
    "inf": math.inf,
}


def surround(**names: Any) -> None:
    """Tell the methods what the names in them stand for: `Value`, `plain`, and the others."""
    _names.update(names)


def written(
    operation: Operation, *kinds: str, by_number: Callable[..., Any] | None = None
) -> Callable[..., Any]:
    """The method for a row and the kinds of its operands, each "node" or "number".

    `by_number` is the method to turn to when the second operand is not a Value.
    """
    text = "def make(operation, forward, by_number):\n" + indent(body(operation, kinds), "    ")
    text += f"\n    return {operation.name}\n"
    filename = f"{__file__}: {operation.name} of {' and '.join(kinds)}"
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    made: dict[str, Any] = {}
    exec(compile(text, filename, "exec"), _names, made)  # noqa: S102  (our own text, from our own table)
    method: Callable[..., Any] = made["make"](operation, operation.forward, by_number)
    method.__doc__ = operation.doc
    method.__qualname__ = f"Value.{operation.name}"
    return method


def body(operation: Operation, kinds: tuple[str, ...]) -> str:
    """The text of the method: what arrives, what is computed, the slots of the new node."""
    roles = _roles(kinds)
    arguments = ", ".join(["self", "other"][: len(kinds)])
    plain = f"        return plain(operation, ({', '.join(roles)}{',' * (len(roles) == 1)}))"
    slopes = {"first_partial": None, "second_partial": None} | _slopes(operation, kinds)
    lines = [f"def {operation.name}({arguments}):", *_arrival(roles, kinds)]
    lines += ["    try:", f"        data = {_forward_text(operation, len(kinds))}"]
    lines += [f"        {name} = {text}" for name, text in slopes.items() if text and _is_computed(text)]
    lines += ["    except UNDEFINED:", plain, "    if modes.anywhere or data != data:", plain]
    if "number" in kinds:
        lines += _filled("constant", "Constant", "other", "None", "None", "None", "None", "None")
    operands = ["constant" if kind == "number" else role for kind, role in zip(kinds, roles, strict=True)]
    partials = [name if text and _is_computed(text) else str(text) for name, text in slopes.items()]
    lines += _filled("node", "Value", "data", "operation", *[*operands, "None"][:2], *partials)
    return "\n".join([*lines, "    return node"])


def _roles(kinds: tuple[str, ...]) -> list[str]:
    """The parameter of the method that each operand comes as; a number on the left is `other`."""
    return ["other", "self"] if kinds[0] == "number" else ["self", "other"][: len(kinds)]


def _arrival(roles: list[str], kinds: tuple[str, ...]) -> list[str]:
    lines = []
    if kinds == ("node", "node"):
        lines = ["    if type(other) is not Value:", "        return by_number(self, other)"]
    elif "number" in kinds:
        lines = [
            "    if type(other) is not float:",
            "        if type(other) is not int:",
            f"            return odd(operation, {', '.join(roles)})",
            "        other = as_number(other)",
        ]
    numbers = zip("xy", roles, kinds, strict=False)
    return lines + [f"    {n} = {role}{'._data' * (kind == 'node')}" for n, role, kind in numbers]


def _forward_text(operation: Operation, count: int) -> str:
    """The row's forward as an expression where symbols can run through it, else a call of it."""
    try:
        return operation.forward(*_symbols(count)).text  # type: ignore[attr-defined,no-any-return]
    except TypeError:
        return f"forward({', '.join('xy'[:count])})"


def _slopes(operation: Operation, kinds: tuple[str, ...]) -> dict[str, str | None]:
    """The text of each local derivative; None for the slot of a number, which wants none."""
    partials = operation.partials(Formula("data", plain=True), *_symbols(len(kinds)))
    texts = [partial.text if isinstance(partial, Formula) else repr(partial) for partial in partials]
    wanted = [text if kind == "node" else None for text, kind in zip(texts, kinds, strict=True)]
    return dict(zip(["first_partial", "second_partial"], wanted, strict=False))


def _symbols(count: int) -> list[Formula]:
    return [Formula(name, plain=True) for name in "xy"[:count]]


def _is_computed(text: str) -> bool:
    """Whether this is more than a name or a number, so that it may fail and belongs inside the `try`."""
    return not text.isidentifier() and not text.lstrip("-").replace(".", "").isdigit()


def _filled(name: str, kind: str, *slots: str) -> list[str]:
    data, operation, *operands_and_partials = slots
    places = ("_first", "_second", "_first_partial", "_second_partial")
    lines = [f"    {name} = new({kind})", f"    {name}._data = {data}", f"    {name}.grad = None"]
    lines += [f'    {name}.label = ""', f"    {name}._operation = {operation}"]
    return lines + [
        f"    {name}.{place} = {text}" for place, text in zip(places, operands_and_partials, strict=True)
    ]
