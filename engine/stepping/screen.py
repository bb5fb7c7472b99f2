"""What the walker writes on: a terminal of some width, with or without color, with or without Unicode."""

from __future__ import annotations

import os
import shutil
import textwrap
from typing import TextIO

from engine.wording import in_ascii

__all__ = ["Screen"]

_CODES = {"bold": "1", "faint": "2", "positive": "94", "negative": "33"}  # blue and orange: told apart by all


class Screen:
    """Writes lines that fit: wrapped at the terminal's width, in ASCII where the encoding knows no more.

    Color only on a terminal, and not where the environment has NO_COLOR (https://no-color.org).
    """

    def __init__(self, stdout: TextIO, width: int | None = None) -> None:
        self.stdout = stdout
        self._width = width
        self.ascii_only = not _knows_unicode(stdout)
        terminal = getattr(stdout, "isatty", lambda: False)()
        self.color = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    @property
    def width(self) -> int:
        """How many characters fit in a line, now: a window may be resized."""
        return self._width or shutil.get_terminal_size().columns

    def say(self, text: str, style: str = "") -> None:
        """Write the text, each of its lines wrapped with a hanging indent."""
        for line in text.splitlines() or [""]:
            for part in self._wrapped(in_ascii(line) if self.ascii_only else line):
                self.stdout.write(self._painted(part, style) + "\n")

    def _wrapped(self, line: str) -> list[str]:
        if len(line) <= self.width:
            return [line]
        indent = " " * (len(line) - len(line.lstrip()) + 4)
        room = max(self.width, len(indent) + 16)
        return textwrap.wrap(line, room, subsequent_indent=indent, break_on_hyphens=False)

    def _painted(self, line: str, style: str) -> str:
        return f"\033[{_CODES[style]}m{line}\033[0m" if style and self.color else line


def _knows_unicode(stdout: TextIO) -> bool:
    encoding = getattr(stdout, "encoding", None) or "utf-8"
    try:
        "×−²→–…├".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True
