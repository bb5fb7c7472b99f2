"""The house rules beside the order of imports: where formulas stand, names, sizes, what the faces show."""

from __future__ import annotations

import ast
import inspect

from test_architecture import ROOT, SOURCES, relative

import engine
from engine import ops

STANDARD_NAMES = {
    *("code", "copy", "html", "io", "json", "math", "numbers", "operator", "profile", "queue", "random"),
    *("select", "statistics", "string", "test", "trace", "types", "typing"),
}

DRAWERS = {"utils", "util", "helpers", "helper", "common", "misc", "manager"}


def test_nn_and_demos_use_the_faces_only() -> None:
    for path in [*ROOT.glob("nn/**/*.py"), *ROOT.glob("demos/*.py")]:
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("engine."):
                assert path.parts[-2] == "demos", f"{relative(path)} imports {node.module}"


def test_no_formula_stands_outside_the_table() -> None:
    """No `math.tanh` and the like: whoever needs one asks the table."""
    formulas = set(ops.TABLE) - {"floor", "ceil"} | {"pow", "fsum", "sumprod"}
    inside = (
        "engine/ops.py",
        "engine/special/",
        "engine/checking/",
        "nn/data/",
        "nn/modules/initializers.py",
        "nn/training/schedules.py",
        "nn/training/optimizers.py",
    )
    for path in [*ROOT.glob("engine/**/*.py"), *ROOT.glob("nn/**/*.py")]:
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
    for path in [*SOURCES, *ROOT.glob("tests/**/*.py")]:
        lines = path.read_text().splitlines()
        assert len(lines) <= 350, f"{relative(path)} has {len(lines)} lines"
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                start = node.body[0].end_lineno if ast.get_docstring(node) else node.lineno
                length = (node.end_lineno or 0) - (start or 0)
                assert length <= 60, f"{relative(path)}: {node.name} has {length} lines"


def test_no_table_states_an_entry_twice() -> None:
    """Python keeps the second one without a word."""
    for path in [*SOURCES, *ROOT.glob("tests/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Dict):
                keys = [ast.unparse(key) for key in node.keys if key is not None]
                assert len(keys) == len({*keys}), f"{relative(path)}:{node.lineno}"


def test_the_tests_of_a_room_are_where_the_room_is() -> None:
    """Folder by folder: what is in `engine/replay/rolling` is tested in `tests/engine/replay/rolling`."""
    tests = ROOT / "tests"
    for path in [*tests.glob("engine/**/*.py"), *tests.glob("nn/**/*.py")]:
        room = path.parent.relative_to(tests)
        assert (ROOT / room / "__init__.py").exists(), f"{relative(path)} tests no room of that name"


def test_no_folder_has_more_than_sixteen_files() -> None:
    """But for the course, whose lessons stand in their order."""
    for folder in {path.parent for path in [*SOURCES, *ROOT.glob("tests/**/*.py")]} - {ROOT / "demos"}:
        found = [path.name for path in folder.iterdir() if path.is_file() and path.name != "py.typed"]
        assert len(found) <= 16, f"{relative(folder)} has {len(found)} files"


def test_the_top_level_is_what_the_owner_fixed() -> None:
    found = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    assert found == {"pyproject.toml", "README.md", "Makefile", "engine", "nn", "tests", "demos"}


def test_the_face_is_sorted_whole_and_described() -> None:
    assert engine.__all__ == sorted(engine.__all__)
    for name in engine.__all__:
        thing = getattr(engine, name)
        assert inspect.getdoc(thing), name
