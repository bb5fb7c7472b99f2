"""Small files that tests write and read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nn import data


def written(folder: Path, text: str, code: str = "utf-8") -> Path:
    path = folder / "table.csv"
    path.write_bytes(text.encode(code))
    return path


def read(folder: Path, text: str, code: str = "utf-8", **told: Any) -> data.Dataset:
    return data.from_csv(written(folder, text, code), **told)
