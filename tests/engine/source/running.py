"""Emitted source code, run in its own language: one program for many graphs, one process for many points."""

from __future__ import annotations

import shutil
import struct
import subprocess
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

__all__ = ["INSTALLED", "Case", "run"]

Case = tuple[str, Sequence[Sequence[float]]]  # a source text, and the points at which to call it
Results = list[list[list[float]]]  # for each case and point the value, then the gradients


def run(language: str, cases: Sequence[Case], folder: Path) -> Results:
    """What each text gives at each of its points."""
    return RUNNERS[language](cases, folder)


def _python(cases: Sequence[Case], folder: Path) -> Results:
    del folder
    found = []
    for text, points in cases:
        names: dict[str, Callable[..., tuple[float, list[float]]]] = {}
        exec(text, names)
        answers = [names["value_and_gradients"](point) for point in points]
        found.append([[float(value), *map(float, gradients)] for value, gradients in answers])
    return found


def _javascript(cases: Sequence[Case], folder: Path) -> Results:
    lines = [
        "const out = [];",
        "const from = hex => new Float64Array(Uint8Array.from(Buffer.from(hex, 'hex')).buffer);",
    ]
    for text, points in cases:
        lines.append(f"{{ const f = (() => {{ {text}\nreturn value_and_gradients; }})();")
        lines += [f"{{ const [v, g] = f(from('{_hex(point)}')); out.push(v, ...g); }}" for point in points]
        lines.append("}")
    lines.append("process.stdout.write(Buffer.from(Float64Array.from(out).buffer));")
    file = folder / "program.js"
    file.write_text("\n".join(lines), encoding="utf-8")
    raw = subprocess.run(["node", str(file)], capture_output=True, check=True).stdout
    return _cut(raw, cases)


def _c(cases: Sequence[Case], folder: Path) -> Results:
    """All texts in one file: what they share stands there once, and each function has a name of its own."""
    parts: dict[str, None] = {}
    calls = []
    for number, (text, points) in enumerate(cases):
        *helpers, function = text.rstrip("\n").split("\n\n" + "double value_and_gradients")
        parts |= dict.fromkeys(helpers[0].split("\n\n"))
        own = f"double f{number}{function}"
        parts[own] = None
        width = len(points[0])
        calls.append(
            f"  for (int k = 0; k < {len(points)}; k++) {{ double x[{width}], g[{width}], v;\n"
            f"    if (fread(x, 8, {width}, stdin) != {width}) return 1;\n"
            f"    v = f{number}(x, g); fwrite(&v, 8, 1, stdout); fwrite(g, 8, {width}, stdout); }}"
        )
    file, program = folder / "program.c", folder / "program"
    body = "\n\n".join(parts)
    file.write_text(f"#include <stdio.h>\n{body}\nint main(void) {{\n" + "\n".join(calls) + "\nreturn 0; }\n")
    command = ["gcc", "-O0", "-Wall", "-Werror", "-ffp-contract=off", "-o", str(program), str(file), "-lm"]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr[:4000]
    given = b"".join(struct.pack(f"<{len(point)}d", *point) for _, points in cases for point in points)
    return _cut(subprocess.run([str(program)], input=given, capture_output=True, check=True).stdout, cases)


def _jax(cases: Sequence[Case], folder: Path) -> Results:
    del folder
    jax, np = map(import_module, ("jax", "numpy"))
    found = []
    for text, points in cases:
        names: dict[str, Callable[..., tuple[float, list[float]]]] = {}
        exec(text, names)
        many = jax.jit(jax.vmap(names["value_and_gradients"]))
        value, gradients = many(np.array(points, float))
        found.append([[float(x) for x in row] for row in np.stack([value, *gradients], axis=1)])
    return found


def _hex(point: Sequence[float]) -> str:
    return struct.pack(f"<{len(point)}d", *point).hex()


def _cut(raw: bytes, cases: Sequence[Case]) -> Results:
    """The numbers that a program has written, one after the other, by case and point."""
    numbers = iter(struct.unpack(f"<{len(raw) // 8}d", raw))
    return [[[next(numbers) for _ in range(len(point) + 1)] for point in points] for _, points in cases]


RUNNERS = {"python": _python, "js": _javascript, "c": _c, "jax": _jax}
INSTALLED = {
    "python": True,
    "js": shutil.which("node") is not None,
    "c": shutil.which("gcc") is not None,
    "jax": find_spec("jax") is not None,
}
