"""The languages to write in. Reading order: `python` (the plainest), `javascript`, `c`, `jax`."""

from __future__ import annotations

from engine.source.language import Language
from engine.source.languages.c import C
from engine.source.languages.javascript import JAVASCRIPT
from engine.source.languages.jax import JAX
from engine.source.languages.python import PYTHON

__all__ = ["LANGUAGES"]

LANGUAGES: dict[str, Language] = {"js": JAVASCRIPT, "c": C, "python": PYTHON, "jax": JAX}
