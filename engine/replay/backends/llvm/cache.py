"""Cache: machine code on disk, so that the second run of a program does not make again what the first made.

A file is named by the SHA-256 of all that the code follows from, and begins with that of its name and of what
is in it: one that is damaged counts as absent, and so does every error in reading or writing. Since this code
will be run, the folder and the file must belong to the user, and nobody else may write to them.

The folder is `scalar-autograd` in the user's folder for caches: $XDG_CACHE_HOME, ~/.cache, ~/Library/Caches
on a Mac, %LOCALAPPDATA% in Windows. The environment variable SCALAR_AUTOGRAD_CACHE names another one, or is
"off". It may be deleted at any time.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

__all__ = ["VARIABLE", "folder", "keep", "kept", "key_of"]

VARIABLE = "SCALAR_AUTOGRAD_CACHE"
MOST_FILES = 256  # some 40 kB each; those not used for longest go
_OFF = ("off", "0", "no", "none", "false")
_ON = ("on", "1", "yes", "true")
_DIGEST = 32  # bytes of a SHA-256
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def key_of(*parts: str) -> str:
    """The name of what follows from these texts alone.

    >>> key_of("a", "bc") == key_of("ab", "c")
    False
    """
    digest = sha256()
    for part in parts:
        text = part.encode()
        digest.update(len(text).to_bytes(8, "little") + text)
    return digest.hexdigest()


def folder() -> Path | None:
    """Where code is kept; None where it is not."""
    chosen = os.environ.get(VARIABLE, "").strip()
    if chosen.lower() in _OFF:
        return None
    chosen = "" if chosen.lower() in _ON else chosen
    with suppress(RuntimeError):  # no home
        return Path(chosen).expanduser() if chosen else _caches() / "scalar-autograd"
    return None


def _caches() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if given.is_absolute():  # others are to be ignored: XDG Base Directory Specification
        return given
    return Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache")


def kept(key: str) -> bytes | None:
    """What is kept under this name; None where there is nothing, or nothing that can be trusted."""
    place = folder()
    if place is None:
        return None
    with suppress(OSError):
        if not _is_ours(place.lstat()):
            return None
        with open(place / key, "rb", opener=_without_links) as file:
            if not _is_ours(os.fstat(file.fileno())):
                return None
            content = file.read()
        found = content[_DIGEST:]
        if content[:_DIGEST] == _digest(key, found):
            os.utime(place / key)
            return found
    return None


def keep(key: str, code: bytes) -> None:
    """Keep the code under this name, where that can be: written beside it, and then renamed."""
    place = folder()
    if place is None:
        return
    with suppress(OSError):
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _is_ours(place.lstat()):
            return
        _drop_oldest(place)
        new = (
            place / f"new-{os.urandom(8).hex()}"
        )  # `tempfile` draws random numbers, which a recording notices
        try:
            with open(new, "xb", opener=_for_us_alone) as file:
                file.write(_digest(key, code) + code)
            new.replace(place / key)
        finally:
            new.unlink(missing_ok=True)  # what could not be written whole: the disk is full


def _digest(key: str, code: bytes) -> bytes:
    return sha256(key.encode() + code).digest()


def _is_ours(found: os.stat_result) -> bool:
    """Whether a folder or file is no link, belongs to who runs this, and nobody else may write to it."""
    if not (stat.S_ISDIR(found.st_mode) or stat.S_ISREG(found.st_mode)):
        return False
    if not hasattr(os, "geteuid"):  # in Windows the folder is the user's own by its place
        return True
    return found.st_uid == os.geteuid() and not found.st_mode & _OTHERS_WRITE


def _without_links(path: str, flags: int) -> int:
    """Nor waiting for somebody to write, where it is a pipe."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))


def _for_us_alone(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _drop_oldest(place: Path) -> None:
    """Make room for one more file."""
    files = _by_age(place.iterdir())
    for file in files[: len(files) + 1 - MOST_FILES]:
        with suppress(OSError):
            file.unlink()


def _by_age(files: Iterable[Path]) -> list[Path]:
    found = []
    for file in files:
        with suppress(OSError):  # somebody else has just deleted it
            found.append((file.stat().st_mtime, file))
    return [file for _, file in sorted(found)]
