"""Where lessons put their pictures, and how they print a number."""

from __future__ import annotations

from pathlib import Path

__all__ = ["OUT", "heading", "picture"]

OUT = Path(__file__).parent / "out"


def picture(name: str) -> Path:
    """The path of a picture with this name; the folder is made if it is not there."""
    OUT.mkdir(exist_ok=True)
    return OUT / name


def heading(text: str) -> None:
    """Print a line that begins a part of a lesson."""
    print(f"\n── {text} {'─' * max(0, 76 - len(text))}")
