"""Where lessons put their pictures, and how they print."""

from __future__ import annotations

import codecs
import sys
from pathlib import Path

from engine.terminal import in_ascii, knows_unicode

__all__ = ["OUT", "heading", "picture"]

OUT = Path(__file__).parent / "out"


def picture(name: str) -> Path:
    """The path of a picture with this name; the folder is made if it is not there."""
    OUT.mkdir(exist_ok=True)
    return OUT / name


def heading(text: str) -> None:
    """Print a line that begins a part of a lesson."""
    print(f"\n── {text} {'─' * max(0, 76 - len(text))}")


def _ascii_for_unicode(error: UnicodeError) -> tuple[str, int]:
    """What is written in the place of signs that the terminal does not know."""
    assert isinstance(error, UnicodeEncodeError)  # noqa: S101  (nothing is read)
    return in_ascii(error.object[error.start : error.end]), error.end


if not knows_unicode(sys.stdout) and hasattr(sys.stdout, "reconfigure"):
    codecs.register_error("ascii for unicode", _ascii_for_unicode)
    sys.stdout.reconfigure(errors="ascii for unicode")
