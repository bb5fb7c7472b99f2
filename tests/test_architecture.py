"""Who imports whom: a machine holds every file to the order that is written down here."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted([*ROOT.glob("engine/**/*.py"), *ROOT.glob("nn/**/*.py"), *ROOT.glob("demos/*.py")])

# What stands in each folder, in the order of imports: a file imports only from lines above its own (inside a
# folder of that line, from the lines above its own there). Names that share a line do not know one another.
ORDER: dict[str, str] = {
    "engine": """
        frozen terminal
        errors modes real
        operation
        special
        ops
        graph formula
        backward quick
        value
        wording
        functions
        calculus
        checking stepping picture replay health algebra source
        custom pages
        walks
    """,
    "engine/custom": """
        symbols
        trials
        definition
    """,
    "engine/wording": """
        conventions naming words
    """,
    "engine/special": """
        elementary gamma
    """,
    "engine/calculus": """
        point
        derivatives
    """,
    "engine/checking": """
        numeric selection signature
        expressions subject verdict
        blame remarks strategies
        report
        identities
        examination
        check
        everywhere
        plugin
    """,
    "engine/health": """
        ball
        enclosure
        floats many_digits
        passes
        levels
        blame hints
        report
    """,
    "engine/algebra": """
        symbols
        expressions
        typesetting
        asked
    """,
    "engine/stepping": """
        records screen
        steps
        breakpoints difference finding paths
        explain prompt
        walk
    """,
    "engine/picture": """
        expand grouping layout palette text
        fold html_file
        face
        dot views
        drawing
        live page
    """,
    "engine/source": """
        language names plan
        symbol loops
        languages
        edges straight
        tables
        writing
    """,
    "engine/source/languages": """
        javascript_special python
        c javascript jax
    """,
    "engine/replay": """
        recording
        program
        rolling
        samples
        eager backends
        choosing devices draws
        paths
        comparison
        recordings
        validity
        steps
        compiled
    """,
    "engine/replay/recording": """
        differences names selection
        objects places
        randomness reach
        watch
        tracers tape
        nodes
        domains
        session
        record
    """,
    "engine/replay/program": """
        expression instructions
        repeat rule
        describing
        soundness
        program
        lowering
    """,
    "engine/replay/rolling": """
        adjoint exact frames
        simplify
        collapse
        groups
        ordering periods
        blocks
        emitter
        loops
        shortening
        roll
    """,
    "engine/replay/backends": """
        arrays interface segments
        jax numpy strict
        llvm
    """,
    "engine/replay/backends/numpy": """
        functions repeating storing
        binding
        trainer
        executor
    """,
    "engine/replay/backends/jax": """
        functions storing
        running
        repeating
        translation
    """,
    "engine/replay/backends/llvm": """
        writing
        affine cache long_rows plans
        layout
        batch kernels memory
        doubles instructions
        loops
        step
        training
        machine
        call trainer
        executor
    """,
    "engine/replay/backends/llvm/writing": """
        merging symbolic
        module
        arrays lines
        text
        elementary
        functions
    """,
    "engine/replay/backends/llvm/loops": """
        lanes moving straight
        calling runs
        trips
        loop
    """,
    "engine/replay/backends/llvm/kernels": """
        fusion pieces rows tiles
        across along dots panels picks
        neighbors
        sums
        products
    """,
    "nn": """
        names errors limits plan progress torch_modules
        data
        modules
        training
        documents storage inspection
        saving
        checkpoints
        fitting
        estimators
    """,
    "nn/modules": """
        activations inputs parts
        programs
        module
        initializers
        layers
        attention
    """,
    "nn/data": """
        cells rows
        columns dialect
        tables reading
        scaling sets files
        schema
    """,
    "nn/training": """
        history losses masks metrics schedules
        optimizers tasks
        matching samples
        callbacks evaluation
        objective epochs
        gears
        stepping
    """,
    "nn/inspection": """
        film_page plots symptoms
        doctor film
    """,
}
THIRD_PARTY: dict[str, str | tuple[str, ...]] = {
    "graphviz": "engine/picture/",
    "numpy": ("engine/replay/", "nn/estimators.py"),
    "llvmlite": "engine/replay/backends/llvm/",
    "jax": "engine/replay/backends/jax/",
    "mpmath": "engine/health/",
    "sympy": "engine/algebra/",
    "hypothesis": "engine/checking/",
    "pytest": "engine/checking/",
    "matplotlib": "nn/inspection/plots.py",
    "tqdm": ("nn/progress.py", "demos/"),
    "sklearn": ("nn/data/", "nn/estimators.py"),
    "pandas": "nn/data/",
    "torch": "nn/torch_modules.py",
}
OPTIONAL = (  # need llvmlite, jax, mpmath, sympy
    "engine.replay.backends.llvm",
    "engine.replay.backends.jax",
    "engine.health.many_digits",
    "engine.algebra.",
)


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


def folders() -> list[Path]:
    """Every folder of the two packages that holds code."""
    return sorted({path.parent for package in ("engine", "nn") for path in (ROOT / package).glob("**/*.py")})


def places(folder: str) -> dict[str, int]:
    """Each name of a folder and its line in the folder's order."""
    lines = [line.split() for line in ORDER[folder].strip().splitlines()]
    return {name: place for place, names in enumerate(lines) for name in names}


@pytest.mark.parametrize("folder", [relative(folder) for folder in folders()])
def test_every_file_has_its_place_in_the_order_of_imports(folder: str) -> None:
    found = {
        path.stem
        for path in (ROOT / folder).iterdir()
        if path.name != "__init__.py" and (path.suffix == ".py" or (path / "__init__.py").exists())
    }
    assert set(places(folder)) == found
    files = len([*(ROOT / folder).glob("*.py")]) - 1  # its __init__ is its door
    assert files <= 16, f"{folder} has {files} files: is it still one room?"
    assert "eading order" in (ROOT / folder / "__init__.py").read_text() or folder == "engine/replay"


@pytest.mark.parametrize("path", [path for path in SOURCES if path.parts[-2] != "demos"], ids=relative)
def test_imports_flow_one_way(path: Path) -> None:
    """Two files are compared in the folder where their ways part: there the imported one stands higher."""
    if path.name == "__init__.py":  # a face: it imports from its own folder
        return
    here = relative(path).removesuffix(".py").split("/")
    for module in imports(path):
        there = module.split(".")
        if there[0] not in ("engine", "nn"):
            continue
        shared = next(
            (n for n, (one, other) in enumerate(zip(here, there, strict=False)) if one != other), len(there)
        )
        if shared == 0 or shared >= len(there):  # the other package's face; or a face of a folder above
            assert there[0] != here[0] or shared < len(here), f"{relative(path)} imports {module}"
            continue
        order = places("/".join(here[:shared]))
        if there[shared] in order:  # else a name out of a face
            assert order[there[shared]] < order[here[shared]], f"{relative(path)} imports {module}"


def test_no_import_hides_in_a_function() -> None:
    """Of our own rooms only those that need an optional third party are opened late."""
    for path in SOURCES:
        for function in ast.walk(ast.parse(path.read_text())):
            if not isinstance(function, ast.FunctionDef):
                continue
            for node in ast.walk(function):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    hidden = node.module if isinstance(node, ast.ImportFrom) else node.names[0].name
                    head = (hidden or "").partition(".")[0]
                    assert head in THIRD_PARTY or (hidden or "").startswith(OPTIONAL), (
                        f"{relative(path)}:{node.lineno} hides an import of {hidden}"
                    )


def test_third_party_imports_stay_in_their_rooms() -> None:
    for path in SOURCES:
        for module in imports(path):
            rooms = THIRD_PARTY.get(module.partition(".")[0])
            if rooms is not None and not relative(path).startswith("demos/"):
                assert relative(path).startswith(rooms), f"{relative(path)} imports {module}"
