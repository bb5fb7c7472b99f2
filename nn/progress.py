"""Progress: a moving bar in terminals and notebooks, a line at each tenth of the way in a log."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import Any


def _in_notebook() -> bool:
    return "ipykernel" in sys.modules


HAS_WIDGETS = _in_notebook() and find_spec("ipywidgets") is not None  # else a notebook gets a bar of text
if HAS_WIDGETS:
    from tqdm.notebook import tqdm
else:
    from tqdm import tqdm

__all__ = ["Bar", "say"]


def _stream() -> Any:
    """Where a notebook does not paint what is written red, and a terminal keeps it apart from results."""
    return sys.stdout if _in_notebook() else sys.stderr


def say(words: str) -> None:
    """A line for the person who watches, that does not tear the bar."""
    tqdm.write(words, file=_stream())


class Bar:
    """How far a training is."""

    def __init__(self, done: int, steps: int, *, shown: bool) -> None:
        in_log = not sys.stderr.isatty() and not _in_notebook()
        self.logs = shown and in_log
        self.epochs, self.gear = 0, ""
        self.bar: Any = None
        if not shown or in_log:  # a bar that is not drawn would take locks between processes all the same
            return
        width = "" if HAS_WIDGETS else ":16"  # a widget draws the bar itself
        look = f"{{desc}} {{percentage:3.0f}}%|{{bar{width}}}| {{elapsed}}<{{remaining}}{{postfix}}"
        self.bar = tqdm(
            total=steps,
            initial=done,
            dynamic_ncols=True,
            bar_format=look,
            file=_stream(),
        )

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()

    def begins(self, number: int, epochs: int, gear: str) -> None:
        """An epoch begins, in this gear."""
        self.epochs, self.gear = epochs, gear
        self._says(number)

    def stepped(self, steps: int, number: int) -> None:
        """So many steps are done, and this epoch is going on."""
        self._says(number)
        if self.bar is not None:
            self.bar.update(steps)

    def _says(self, number: int) -> None:
        if self.bar is not None:
            self.bar.set_description(f"epoch {number}/{self.epochs}, {self.gear}", refresh=False)

    def shows(self, number: int, row: dict[str, float]) -> None:
        """An epoch is done, and this is its row."""
        if self.bar is None and not self.logs:
            return
        texts = {name: f"{x:.4g}" for name, x in row.items()}
        if self.bar is not None:
            self.bar.set_postfix(texts, refresh=False)
        tenth = max(1, self.epochs // 10)
        if self.logs and (number % tenth == 0 or number in (1, self.epochs)):
            numbers = ", ".join(f"{name} {text}" for name, text in texts.items())
            sys.stderr.write(f"epoch {number}/{self.epochs}: {numbers}\n")
