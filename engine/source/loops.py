"""The loops that read a graph's tables, in each language."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.frozen import frozen
from engine.operation import Operation

__all__ = ["LOOPS", "Case", "Loop", "Table"]


@frozen
class Case:
    """One kind of node: what it computes, and what it contributes to its operands.

    `backward` has (number of the operand, on which condition, how much) for each way that has a path; of the
    ways to one operand only one can hold. `out` stands for the node's number and `u` for its gradient.
    """

    operation: Operation
    count: int
    forward: str
    backward: Sequence[tuple[int, str, str]]


@frozen
class Table:
    """A graph: `kinds` and `operands` of its nodes, after `given` leaves and those that are `fixed`."""

    cases: Sequence[Case]
    kinds: Sequence[int]
    operands: Sequence[int]
    fixed: Sequence[str]
    given: int
    roots: Sequence[int]

    @property
    def first(self) -> int:
        """The place of the first node that is no leaf."""
        return self.given + len(self.fixed)

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return self.first + len(self.kinds)


@frozen
class Loop:
    """How a language reads an operand, and how it writes the tables and their loops."""

    read: Callable[[int], str]
    write: Callable[[Table, bool], Sequence[str]]


def _row(numbers: Sequence[object]) -> str:
    """Numbers with commas, so many on a line that an editor can show it."""
    texts = [str(number) for number in numbers]
    lines = [",".join(texts[start : start + 40]) for start in range(0, len(texts), 40)]
    return ",\n".join(lines)


# ── JavaScript and C ──────────────────────────────────────────────────────────────────────────────


def _switch(table: Table, *, back: bool) -> list[str]:
    """The cases of a loop, forward or backward, as both languages have them."""
    lines = []
    for number, case in enumerate(table.cases):
        label = f"case {number}:  // {case.operation.name} of {case.count}"
        if not back:
            lines += [label, f"  v[n] = {case.forward};", f"  s += {case.count};", "  break;"]
            continue
        lines += [label, f"  s -= {case.count};", "  if (r[n]) {"]
        for slot, condition, amount in case.backward:
            place = f"OPERANDS[s + {slot}]"
            when = f"if ({condition}) " if condition else ""
            lines.append(f"    {when}{{ g[{place}] += {amount}; r[{place}] = 1; }}")
        lines += ["  }", "  break;"]
    return lines


def _indented(lines: Sequence[str], depth: int) -> str:
    return "\n".join("  " * depth + line for line in lines)


def _javascript(table: Table, gradients: bool) -> Sequence[str]:
    tables = (
        f"const KINDS = Uint16Array.from([{_row(table.kinds)}]);\n"
        f"const OPERANDS = Int32Array.from([{_row(table.operands)}]);\n"
        f"const FIXED = [{_row(table.fixed)}];"
    )
    name = "value_and_gradients" if gradients else "values"
    head = (
        f"function {name}(leaves) {{\n  const v = new Float64Array({table.size});\n"
        f"  for (let k = 0; k < {table.given}; k++) v[k] = leaves[k];\n  v.set(FIXED, {table.given});\n"
        f"  let s = 0, n = {table.first};\n  for (const kind of KINDS) {{\n    switch (kind) {{\n"
        f"{_indented(_switch(table, back=False), 3)}\n    }}\n    n++;\n  }}\n"
    )
    if not gradients:
        return [tables, head + f"  return [{', '.join(f'v[{root}]' for root in table.roots)}];\n}}"]
    back = (
        f"  const g = new Float64Array({table.size}).fill(-0), r = new Uint8Array({table.size});\n"
        f"  g[{table.roots[0]}] = r[{table.roots[0]}] = 1;\n"
        "  for (let i = KINDS.length - 1; i >= 0; i--) {\n    n--;\n    const u = g[n], out = v[n];\n"
        f"    switch (KINDS[i]) {{\n{_indented(_switch(table, back=True), 3)}\n    }}\n  }}\n"
        f"  const found = Array.from(g.subarray(0, {table.given}), (d, k) => r[k] ? d : 0);\n"
        f"  return [v[{table.roots[0]}], found];\n}}"
    )
    return [tables, head + back]


def _c(table: Table, gradients: bool) -> Sequence[str]:
    fixed = table.fixed or ["0.0"]  # C has no arrays of nothing
    tables = (
        f"static const unsigned short KINDS[] = {{{_row(table.kinds)}}};\n"
        f"static const int OPERANDS[] = {{{_row(table.operands)}}};\n"
        f"static const double FIXED[] = {{{_row(fixed)}}};\n"
        f"static _Thread_local double v[{table.size}];"
    )
    load = (
        f"  int s = 0, n = {table.first};\n  for (int k = 0; k < {table.given}; k++) v[k] = leaves[k];\n"
        f"  for (int k = 0; k < {len(table.fixed)}; k++) v[{table.given} + k] = FIXED[k];\n"
        f"  for (int i = 0; i < {len(table.kinds)}; i++, n++) {{\n    switch (KINDS[i]) {{\n"
        f"{_indented(_switch(table, back=False), 3)}\n    }}\n  }}\n"
    )
    if not gradients:
        found = "".join(f"  results[{place}] = v[{root}];\n" for place, root in enumerate(table.roots))
        return [tables, f"void values(const double *leaves, double *results) {{\n{load}{found}}}"]
    tables += (
        f"\nstatic _Thread_local double g[{table.size}];\nstatic _Thread_local unsigned char r[{table.size}];"
    )
    back = (
        f"  for (int k = 0; k < {table.size}; k++) {{ g[k] = -0.0; r[k] = 0; }}\n"
        f"  g[{table.roots[0]}] = r[{table.roots[0]}] = 1;\n"
        f"  for (int i = {len(table.kinds) - 1}; i >= 0; i--) {{\n    n--;\n"
        "    const double u = g[n], out = v[n];\n    (void)u, (void)out;\n"
        f"    switch (KINDS[i]) {{\n{_indented(_switch(table, back=True), 3)}\n    }}\n  }}\n"
        f"  for (int k = 0; k < {table.given}; k++) gradients[k] = r[k] ? g[k] : 0.0;\n"
        f"  return v[{table.roots[0]}];\n}}"
    )
    opening = "double value_and_gradients(const double *leaves, double *gradients) {\n"
    return [tables, opening + load + back]


# ── Python ────────────────────────────────────────────────────────────────────────────────────────


_NODES = """\
NODES = []
start = 0
for kind in KINDS:
    NODES.append((kind, OPERANDS[start : start + COUNTS[kind]]))
    start += COUNTS[kind]"""


def _python(table: Table, gradients: bool) -> Sequence[str]:
    tables = [
        f"KINDS = [{_row(table.kinds)}]",
        f"OPERANDS = [{_row(table.operands)}]",
        f"FIXED = [{_row(table.fixed)}]",
        f"COUNTS = [{_row([case.count for case in table.cases])}]",
        _NODES,
        "FORWARD = [\n" + "\n".join(f"    lambda v, a: {case.forward}," for case in table.cases) + "\n]",
    ]
    name = "value_and_gradients" if gradients else "values"
    head = (
        f"def {name}(leaves):\n    v = [*leaves, *FIXED]\n    for kind, operands in NODES:\n"
        "        v.append(FORWARD[kind](v, operands))\n"
    )
    if not gradients:
        return [*tables, head + f"    return [{', '.join(f'v[{root}]' for root in table.roots)}]"]
    functions = []
    for number, case in enumerate(table.cases):
        lines = [f"def backward_{number}(v, g, r, a, out, u):  # {case.operation.name} of {case.count}"]
        for slot, condition, amount in case.backward:
            inside = "        " if condition else "    "
            lines += [f"    if {condition}:"] if condition else []
            lines += [f"{inside}g[a[{slot}]] += {amount}", f"{inside}r[a[{slot}]] = True"]
        functions.append("\n".join([*lines, *([] if case.backward else ["    pass"])]))
    names = ", ".join(f"backward_{number}" for number in range(len(table.cases)))
    root = table.roots[0]
    back = (
        f"    g, r = [-0.0] * {table.size}, [False] * {table.size}\n    g[{root}], r[{root}] = 1.0, True\n"
        f"    for n in range({table.size - 1}, {table.first - 1}, -1):\n        if r[n]:\n"
        f"            kind, operands = NODES[n - {table.first}]\n"
        "            BACKWARD[kind](v, g, r, operands, v[n], g[n])\n"
        f"    return v[{root}], [g[k] if r[k] else 0.0 for k in range({table.given})]"
    )
    return [*tables, *functions, f"BACKWARD = [{names}]", head + back]


# ── JAX ───────────────────────────────────────────────────────────────────────────────────────────


def _jax(table: Table, gradients: bool) -> Sequence[str]:
    widest = max(case.count for case in table.cases)
    tables = [
        f"KINDS = jnp.array([{_row(table.kinds)}])",
        f"OPERANDS = jnp.array([{_row(table.operands)}])",
        f"FIXED = jnp.array([{_row(table.fixed)}], float)",
        f"COUNTS = jnp.array([{_row([case.count for case in table.cases])}])",
        "STARTS = jnp.concatenate([jnp.zeros(1, int), jnp.cumsum(COUNTS[KINDS])[:-1]])",
        f"WIDEST = {widest}  # operands of a node: all are read so many at a time",
        f"OPERANDS = jnp.concatenate([OPERANDS, jnp.full(WIDEST, {table.size})])",
        "FORWARD = [\n" + "\n".join(f"    lambda x: {case.forward}," for case in table.cases) + "\n]",
    ]
    name = "value_and_gradients" if gradients else "values"
    head = (
        f"def {name}(leaves):\n"
        f"    v = jnp.zeros({table.size + 1}).at[:{table.first}].set(\n"
        "        jnp.concatenate([jnp.asarray(leaves, float), FIXED])\n    )\n\n"
        "    def forward(i, v):\n"
        "        operands = jax.lax.dynamic_slice(OPERANDS, (STARTS[i],), (WIDEST,))\n"
        f"        return v.at[{table.first} + i].set(jax.lax.switch(KINDS[i], FORWARD, v[operands]))\n\n"
        f"    v = jax.lax.fori_loop(0, {len(table.kinds)}, forward, v)\n"
    )
    if not gradients:
        return [*tables, head + f"    return [{', '.join(f'v[{root}]' for root in table.roots)}]"]
    functions = [_jax_backward(number, case) for number, case in enumerate(table.cases)]
    names = ", ".join(f"backward_{number}" for number in range(len(table.cases)))
    root, size = table.roots[0], table.size
    back = (
        f"    g = jnp.full({size + 1}, -0.0).at[{root}].set(1.0)\n"
        f"    r = jnp.zeros({size + 1}, bool).at[{root}].set(True)\n\n"
        "    def backward(k, state):\n        g, r = state\n"
        f"        i = {len(table.kinds) - 1} - k\n        n = {table.first} + i\n"
        "        operands = jax.lax.dynamic_slice(OPERANDS, (STARTS[i],), (WIDEST,))\n"
        "        parts, paths = jax.lax.switch(KINDS[i], BACKWARD, v[operands], v[n], g[n])\n"
        "        parts = jnp.where(paths & r[n], parts, -0.0)\n"
        "        return g.at[operands].add(parts), r.at[operands].max(paths & r[n])\n\n"
        f"    g, r = jax.lax.fori_loop(0, {len(table.kinds)}, backward, (g, r))\n"
        f"    return v[{root}], list(jnp.where(r, g, 0.0)[:{table.given}])"
    )
    return [*tables, *functions, f"BACKWARD = [{names}]", head + back]


def _jax_backward(number: int, case: Case) -> str:
    """What a kind of node contributes to each operand, and whether it does: two arrays of WIDEST members."""
    lines = [
        f"def backward_{number}(x, out, u):  # {case.operation.name} of {case.count}",
        "    parts, paths = [-0.0] * WIDEST, [False] * WIDEST",
    ]
    for slot, condition, amount in case.backward:
        part = f"jnp.where({condition}, {amount}, parts[{slot}])" if condition else amount
        path = f"paths[{slot}] | ({condition})" if condition else "True"
        lines += [f"    parts[{slot}] = {part}", f"    paths[{slot}] = {path}"]
    return "\n".join(
        [*lines, "    return jnp.stack([jnp.asarray(p, float) for p in parts]), jnp.array(paths)"]
    )


LOOPS = {
    "JavaScript": Loop(lambda slot: f"v[OPERANDS[s + {slot}]]", _javascript),
    "C": Loop(lambda slot: f"v[OPERANDS[s + {slot}]]", _c),
    "Python": Loop(lambda slot: f"v[a[{slot}]]", _python),
    "JAX": Loop(lambda slot: f"x[{slot}]", _jax),
}
