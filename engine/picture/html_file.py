"""A page in one HTML file: how it is saved, and how a notebook shows it.

It asks nothing of the network, and a Content-Security-Policy in its head says so.
"""

from __future__ import annotations

import html
import re
from collections.abc import Collection
from importlib.resources import files
from pathlib import Path
from typing import Any

from engine.errors import RenderError
from engine.picture.palette import MONOSPACED, style

__all__ = ["HtmlFile", "colors", "small", "without_looks"]

_SIZE = re.compile(r'width="([\d.]+)pt" height="[\d.]+pt"')
_LOOKS = re.compile(r' (?:font-family|font-size|text-anchor|xml:space|fill|stroke)="[^"]*"|<!--.*?-->\n?')


class HtmlFile:
    """What pages have in common: `html` is the whole page, `about` one sentence, `height` that of a frame."""

    @property
    def html(self) -> str:
        """The whole page as one text."""
        raise NotImplementedError

    @property
    def about(self) -> str:
        """One sentence on what it shows."""
        raise NotImplementedError

    @property
    def height(self) -> int:
        """The pixels that a frame in a notebook takes."""
        raise NotImplementedError

    def save(self, path: str | Path) -> Path:
        """Write the page to a file and return its path; the usual suffix is .html."""
        target = Path(path)
        target.write_text(self.html, encoding="utf-8")
        return target

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> dict[str, Any]:
        """What a notebook shows: the page in a sandboxed frame, or in words why there is none."""
        del include, exclude  # the notebook picks from what it is given
        try:
            content, height = html.escape(self.html), self.height
        except RenderError as error:
            return {"text/plain": f"{self!r}\n{error}"}
        frame = (
            f'<iframe sandbox="allow-scripts" title="{html.escape(self.about)}" srcdoc="{content}" '
            f'style="width:100%;height:{height}px;border:0"></iframe>'
        )
        return {"text/html": frame, "text/plain": repr(self)}


def without_looks(svg: str) -> str:
    """The picture without what the page's style sheet says anyway, a third less; its width as a property."""
    sized = _SIZE.sub(r'style="--width:\1pt"', svg, count=1)
    return _LOOKS.sub("", sized).replace('role="img"', 'role="group"', 1)  # its boxes can be pressed


def colors() -> str:
    """The colors of drawings for the whole page, and two of the page's own."""
    own = f":root{{--mono:{MONOSPACED};--rule:color-mix(in srgb,var(--quiet) 35%,transparent)}}"
    return style("") + own


def small(name: str) -> str:
    """A file of `assets` without indentation, and without lines that are only a comment."""
    text = files("engine.picture").joinpath("assets", name).read_text(encoding="utf-8")
    lines = (line.strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))
