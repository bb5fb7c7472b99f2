"""Training as text: many steps in one call; each is a batch, its gradient, and the rule for all numbers.

`train` takes the address of a list: ENTRIES, an address for each column that the rule remembers, and
PER_COLUMN numbers for each column of the samples. For every step it copies the samples whose turn it is to
where the program's `gradients` reads them, calls that, and then `rule`, which moves the weights. Where
`gradients` raises flags it stops, before the rule. It returns how many steps are done.
"""

from __future__ import annotations

from engine.replay.backends.llvm.batch import HEAD
from engine.replay.backends.llvm.kernels.rows import along
from engine.replay.backends.llvm.writing.functions import Formula
from engine.replay.backends.llvm.writing.module import Module
from engine.replay.backends.llvm.writing.text import Index, Text
from engine.replay.program.rule import Rule

__all__ = ["ENTRIES", "PER_COLUMN", "SAMPLES", "write_training"]

ENTRIES = (
    *("ptr %gradients", "ptr %lists", "i64 %length", "i64 %steps", "i64 %size", "ptr %order"),
    *("ptr %weights", "ptr %gradient", "ptr %scalars", "i64 %columns"),
)
PER_COLUMN = 4  # the address, the numbers of a sample, how many samples there are, and where to copy some
SAMPLES = HEAD.index("i64 %samples")  # in the list of `gradients`, of which there is one for each step


class _Exact(Text):
    """Numbers as NumPy computes them: every operation is rounded, none is contracted with the next."""

    def binary(self, name: str, left: str, right: str) -> str:
        """fadd, fsub, fmul or fdiv."""
        return self.let(f"{name} {self.type} {left}, {right}")

    def at(self, pointer: str, place: Index, count: int, limit: int) -> str:
        """The address of a number in an array; in checked mode after a test that so many are there."""
        if self.module.checked:
            place = self.let(f"call i64 @check(i64 {place}, i64 {count}, i64 0, i64 {limit})")
        return self.let(f"getelementptr double, ptr {pointer}, i64 {place}")


def write_training(module: Module, rule: Rule, parameters: int) -> None:
    """Write `train`, and what it calls, for a rule and so many parameters."""
    memory = [f"%memory{place}" for place in range(len(rule.updated) - 1)]
    _write_gather(module)
    _write_rule(module, rule, parameters, memory)
    _write_loop(module, 1 + rule.width, memory)


def _write_rule(module: Module, rule: Rule, parameters: int, memory: list[str]) -> None:
    """Move all weights, and what is remembered of them; the gradient is a sum, the first scalar its share."""
    pointers = ["%weights", *memory]
    given = ", ".join(f"ptr {each}" for each in (*pointers, "%gradient", "%scalars"))
    text = _Exact(module, "rule", given, "i32")
    width = 1 + rule.width
    places = [text.at("%scalars", place, 1, width) for place in range(width)]
    share, *scalars = [text.let(f"load double, ptr {place}, align 8") for place in places]

    def load(pointer: str, offset: Index) -> str:
        place = text.at(pointer, offset, text.width, parameters)
        return text.let(f"load {text.type}, ptr {place}, align 8")

    def part(offset: Index) -> None:
        def argument(number: int) -> str:
            if number == 1:
                return text.binary("fmul", load("%gradient", offset), text.splat(share))
            if number < 1 + len(pointers):
                return load(pointers[max(0, number - 1)], offset)
            return text.splat(scalars[number - 1 - len(pointers)])

        formula = Formula(text, argument)
        found = [formula.value(each) for each in rule.updated]
        for pointer, number in zip(pointers, found, strict=True):
            place = text.at(pointer, offset, text.width, parameters)
            text.do(f"store {text.type} {number}, ptr {place}, align 8")

    along(text, parameters, part)
    text.end("i32 0")


def _write_gather(module: Module) -> None:
    """Copy the samples at so many places of the order, of every column that is read in that order."""
    module.declare("void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)")
    text = Text(module, "gather", "ptr %columns, i64 %count, ptr %order, i64 %samples")

    def column(number: Index, _: list[str]) -> None:
        first = text.times(number, PER_COLUMN)
        places = [text.plus(first, place) for place in range(PER_COLUMN)]
        entry = [text.let(f"getelementptr i64, ptr %columns, i64 {place}") for place in places]
        source, buffer = (text.let(f"load ptr, ptr {entry[place]}") for place in (0, 3))
        width, rows = (text.let(f"load i64, ptr {entry[place]}") for place in (1, 2))
        size = text.let(f"shl i64 {width}, 3")

        def sample(place: Index, _: list[str]) -> None:
            pointer = text.let(f"getelementptr i64, ptr %order, i64 {place}")
            row: Index = text.let(f"load i64, ptr {pointer}")
            if module.checked:
                row = text.let(f"call i64 @check(i64 {row}, i64 1, i64 0, i64 {rows})")
            start, target = (text.let(f"mul i64 {which}, {size}") for which in (row, place))
            taken = text.let(f"getelementptr i8, ptr {source}, i64 {start}")
            given = text.let(f"getelementptr i8, ptr {buffer}, i64 {target}")
            text.do(f"call void @llvm.memcpy.p0.p0.i64(ptr {given}, ptr {taken}, i64 {size}, i1 false)")

        text.loop(0, "%samples", sample)

    def columns() -> None:
        text.loop(0, "%count", column)

    text.when(text.let("icmp sgt i64 %count, 0"), columns)
    text.end()


def _write_loop(module: Module, width: int, memory: list[str]) -> None:
    """Step after step; this loop can be left in its middle, so it is written out."""
    entries = [*ENTRIES, *(f"ptr {each}" for each in memory)]
    lines = []
    for place, entry in enumerate(entries):
        kind, name = entry.split()
        lines += [
            f"{name}.at = getelementptr i64, ptr %a, i64 {place}",
            f"{name} = load {kind}, ptr {name}.at",
        ]
    moved = ", ".join(f"ptr {each}" for each in ("%weights", *memory, "%gradient", "%scalars.now"))
    module.functions.append(
        "\n".join(["define i64 @train(ptr %a) {", "entry:", *lines])
        + _LOOP.format(rest=len(entries), samples=SAMPLES, width=width, moved=moved)
    )


_LOOP = """
%sources = getelementptr i64, ptr %a, i64 {rest}
br label %step
step:
%number = phi i64 [0, %entry], [%next, %good]
%entry.now = mul i64 %number, %length
%list = getelementptr i64, ptr %lists, i64 %entry.now
%samples.at = getelementptr i64, ptr %list, i64 {samples}
%samples = load i64, ptr %samples.at
%first = mul i64 %number, %size
%order.now = getelementptr i64, ptr %order, i64 %first
call void @gather(ptr %sources, i64 %columns, ptr %order.now, i64 %samples)
%raised = call i32 %gradients(ptr %list)
%is_bad = icmp ne i32 %raised, 0
br i1 %is_bad, label %end, label %good
good:
%row = mul i64 %number, {width}
%scalars.now = getelementptr double, ptr %scalars, i64 %row
call i32 @rule({moved})
%next = add i64 %number, 1
%is_more = icmp slt i64 %next, %steps
br i1 %is_more, label %step, label %end
end:
%done = phi i64 [%number, %step], [%next, %good]
ret i64 %done
}}"""
