"""Finding a layout program and running it, within a time limit; every failure is one RenderError.

Looked for in this order: the environment variable GRAPHVIZ_DOT, `dot` on PATH, `graphviz-pure` on PATH,
`graphviz-pure` beside the running Python (a virtual environment that was not activated).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from dataclasses import dataclass

from graphviz.backend import dot_command, execute

from engine.errors import RenderError

__all__ = ["Engine", "find_engine", "layout"]

VARIABLE = "GRAPHVIZ_DOT"
BEGINNINGS = {
    "png": b"\x89PNG",
    "pdf": b"%PDF",
    "gif": b"GIF8",
    "jpg": b"\xff\xd8",
    "jpeg": b"\xff\xd8",
    "ps": b"%!PS",
}

FIXES = """\
  fix it by one of:
    pip install graphviz-pure                       (no root needed; svg and png)
    apt install graphviz | brew install graphviz | winget install graphviz
    set GRAPHVIZ_DOT to the path of a dot program
  without any layout program: draw(root).source is the DOT text, walk(root) steps in the terminal"""


@dataclass(frozen=True, slots=True)
class Engine:
    """A layout program: where it is, and which rule found it."""

    path: str
    found_by: str

    @property
    def version(self) -> str:
        """What the program says of itself, such as `dot - graphviz version 2.43.0`; "" if nothing."""
        try:
            done = subprocess.run(  # noqa: S603  (the program that draws anyway)
                [self.path, "-V"], capture_output=True, check=False, timeout=10
            )
        except (OSError, subprocess.TimeoutExpired):
            return ""
        return (done.stderr or done.stdout).decode(errors="replace").strip()

    def __str__(self) -> str:
        return f"{self.path} ({self.version or 'version unknown'})"


def find_engine(what: str = "drawing") -> Engine:
    """The first layout program found; RenderError, naming every place looked at, where there is none."""
    chosen = os.environ.get(VARIABLE)
    if chosen:
        path = shutil.which(chosen)
        if path is None:
            raise RenderError(
                f"{what}: the environment variable {VARIABLE} is set to {chosen!r}, which is no program; "
                "set it to the path of a dot program, or unset it",
                (f"${VARIABLE} ({chosen})",),
            )
        return Engine(path, f"${VARIABLE}")
    looked_at = [f"${VARIABLE} (unset)"]
    beside = sysconfig.get_path("scripts")
    for program, folder in (("dot", None), ("graphviz-pure", None), ("graphviz-pure", beside)):
        place = f"{program} on PATH" if folder is None else os.path.join(folder, program)  # noqa: PTH118
        path = shutil.which(program, path=folder)
        if path is not None:
            return Engine(path, place)
        looked_at.append(f"{place} (no)")
    raise RenderError(
        f"{what} needs a Graphviz layout program and none was found\n"
        f"  looked at: {', '.join(looked_at)}\n{FIXES}",
        looked_at,
    )


def layout(source: str, file_format: str, *, what: str, size: str, seconds: float) -> bytes:
    """The picture that the layout program makes of DOT text; RenderError for whatever goes wrong.

    `what` and `size` say in the message what was being drawn and how large it is.
    """
    engine = find_engine(what)
    dot_command.DOT_BINARY = engine.path  # the attribute that counts; a Digraph's own methods use it too
    try:
        command = dot_command.command("dot", file_format)
    except ValueError as error:
        raise RenderError(
            f"{what}: no layout program writes {file_format!r}; use .svg, .png, .pdf or .dot"
        ) from error
    try:
        done = execute.run_check(
            command, input=source.encode(), capture_output=True, quiet=True, timeout=seconds
        )
    except subprocess.TimeoutExpired:
        problem = (
            f"took longer than {seconds:g} s for {size}; draw less with detail='layers' or "
            "focus=node, or allow more with seconds="
        )
    except execute.ExecutableNotFound:
        problem = "has gone since it was found"
    except OSError as error:
        problem = f"could not be started: {error.strerror or error}"
    except subprocess.CalledProcessError as error:
        problem = _complaint(error, file_format)
    else:
        if _is_picture(done.stdout, file_format):
            return done.stdout  # type: ignore[no-any-return]
        problem = (
            f"gave no {file_format}: what it wrote begins with {done.stdout[:40]!r}; is it a dot program?"
        )
    raise RenderError(f"{what}: the layout program {engine.path} {problem}", (engine.path,))


def _is_picture(content: bytes, file_format: str) -> bool:
    """Whether a program that says that all is well has written a picture of this format."""
    if file_format == "svg":
        try:
            text = content.decode()
        except UnicodeDecodeError:
            return False
        return "<svg" in text and text.rstrip().endswith("</svg>")
    return content.startswith(BEGINNINGS.get(file_format, b"")) and bool(content)


def _complaint(error: subprocess.CalledProcessError, file_format: str) -> str:
    """What the program said, and a way out where it only lacks the file format."""
    said = (error.stderr or b"").decode(errors="replace").strip()
    if "not recognized" in said:
        return (
            f"cannot write {file_format} ({said.splitlines()[0]}); save as .svg or .png, or install the "
            "full Graphviz (apt, brew or winget install graphviz), which writes pdf too"
        )
    return f"failed with exit status {error.returncode}: {said or 'no word of explanation'}"
