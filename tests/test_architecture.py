"""The house rules that a machine can hold: who imports whom, where formulas stand, what the faces show."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

import engine
from engine import ops

ROOT = Path(__file__).parent.parent
SOURCES = sorted([*ROOT.glob("engine/**/*.py"), *ROOT.glob("nn/**/*.py"), *ROOT.glob("demos/*.py")])

# A room imports only from rooms on lines above its own, and freely inside itself.
ENGINE_ORDER = [
    {"errors", "modes", "real"},
    {"operation"},
    {"ops"},
    {"graph", "formula"},
    {"backward", "conventions", "quick"},
    {"value"},
    {"wording"},
    {"functions"},
    {"calculus"},
    {"checking", "stepping", "picture", "replay"},
    {"pages"},
    {"walks"},
]
NN_ORDER = [
    {"names", "errors", "history"},
    {"activations", "metrics", "schedules", "tables", "losses", "torch_modules"},
    {"initializers", "data", "module", "tasks"},
    {"layers", "optimizers"},
    {"attention", "callbacks", "evaluation", "plots", "symptoms"},
    {"saving", "doctor", "batches", "gears"},
    {"checkpoints"},
    {"training"},
]
THIRD_PARTY: dict[str, str | tuple[str, ...]] = {
    "graphviz": "engine/picture/",
    "numpy": "engine/replay/",
    "llvmlite": "engine/replay/",
    "jax": "engine/replay/",
    "hypothesis": "engine/checking/",
    "pytest": "engine/checking/",
    "matplotlib": "nn/plots.py",
    "tqdm": ("nn/training.py", "demos/"),
    "sklearn": "nn/data.py",
    "torch": "nn/torch_modules.py",
}
STANDARD_NAMES = {
    *("code", "copy", "html", "io", "json", "math", "numbers", "operator", "profile", "queue", "random"),
    *("select", "statistics", "string", "test", "trace", "types", "typing"),
}
DRAWERS = {"utils", "util", "helpers", "helper", "common", "misc", "manager"}


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(path: Path) -> Iterator[str]:
    """Every dotted module that a file imports, wherever in the file it does."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 or node.module is None or path.name == "__init__.py", (
                f"{path}: relative import"
            )
            module = node.module or ""
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names if module in ("engine", "nn"))


def room_of(path: Path) -> str:
    parts = path.relative_to(ROOT).parts
    return parts[1].removesuffix(".py")


def level(order: list[set[str]], room: str) -> int | None:
    return next((place for place, rooms in enumerate(order) if room in rooms), None)


@pytest.mark.parametrize("package", ["engine", "nn"])
def test_imports_flow_one_way(package: str) -> None:
    order = {"engine": ENGINE_ORDER, "nn": NN_ORDER}[package]
    for path in sorted((ROOT / package).glob("**/*.py")):
        room = room_of(path)
        if room == "__init__":
            continue
        here = level(order, room)
        assert here is not None, f"{relative(path)}: give its room a place in the order of imports"
        for module in imports(path):
            head, _, rest = module.partition(".")
            target = rest.partition(".")[0]
            there = level(order, target) if head == package and target != room else None
            assert there is None or there < here, f"{relative(path)} imports {module}"


def test_nn_and_demos_use_the_faces_only() -> None:
    for path in [*ROOT.glob("nn/**/*.py"), *ROOT.glob("demos/*.py")]:
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("engine."):
                assert path.parts[-2] == "demos", f"{relative(path)} imports {node.module}"


def test_third_party_imports_stay_in_their_rooms() -> None:
    for path in SOURCES:
        for module in imports(path):
            rooms = THIRD_PARTY.get(module.partition(".")[0])
            if rooms is not None and not relative(path).startswith("demos/"):
                assert relative(path).startswith(rooms), f"{relative(path)} imports {module}"


def test_no_formula_stands_outside_the_table() -> None:
    """No `math.tanh` and the like: whoever needs one asks the table."""
    formulas = set(ops.TABLE) - {"floor", "ceil"} | {"pow", "fsum", "sumprod"}
    inside = (
        "engine/ops.py",
        "engine/checking/",
        "nn/data.py",
        "nn/initializers.py",
        "nn/schedules.py",
        "nn/optimizers.py",
        "nn/tables.py",
    )
    for path in [*ROOT.glob("engine/**/*.py"), *ROOT.glob("nn/*.py")]:
        if relative(path).startswith(inside):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id == "math"
            ):
                sums_data = node.attr == "fsum" and relative(path).startswith("nn/")
                assert sums_data or node.attr not in formulas, (
                    f"{relative(path)}:{node.lineno} math.{node.attr}"
                )


def test_modules_have_honest_names() -> None:
    for path in SOURCES:
        assert path.stem not in STANDARD_NAMES | DRAWERS, relative(path)


def test_files_and_functions_stay_small() -> None:
    for path in SOURCES:
        lines = path.read_text().splitlines()
        assert len(lines) <= 360, f"{relative(path)} has {len(lines)} lines"
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                start = node.body[0].end_lineno if ast.get_docstring(node) else node.lineno
                length = (node.end_lineno or 0) - (start or 0)
                assert length <= 60, f"{relative(path)}: {node.name} has {length} lines"


def test_the_top_level_is_what_the_owner_fixed() -> None:
    found = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    assert found == {"pyproject.toml", "README.md", "Makefile", "engine", "nn", "tests", "demos"}


def test_the_face_is_sorted_whole_and_described() -> None:
    assert engine.__all__ == sorted(engine.__all__)
    for name in engine.__all__:
        thing = getattr(engine, name)
        assert inspect.getdoc(thing), name
