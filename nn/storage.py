"""Storage: a text put into a file whole or not at all, whatever happens meanwhile.

The text is written beside the file, and takes its place only when it is on the disk. Links stay links, and a
file keeps its mode and owner. What a killed process left behind is removed by the next one that saves there.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from nn.errors import SavingError

fcntl: Any = None  # Windows has no such locks: what a killed process leaves behind stays there
with suppress(ImportError):
    fcntl = import_module("fcntl")

__all__ = ["check_writable", "read_text", "remove_remains", "write_text"]

ENDING = ".partial"


def read_text(path: str | Path) -> str:
    """The whole text of a file; SavingError when it is no ordinary file, or no text."""
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):
            raise SavingError(f"{path} cannot be read: it is no ordinary file", str(path))
        return Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise SavingError(f"{path} cannot be read: {error}", str(path)) from error


def write_text(path: str | Path, text: str) -> None:
    """Put the text into the file in one step: whoever looks sees the old one or the new one, whole."""
    with _unwritable(path):
        target = _real(path)
        with _beside(target) as (number, name):
            with os.fdopen(os.dup(number), "w", encoding="utf-8") as file:
                file.write(text)
            _take_after(target, number, name)
            os.fsync(number)
            Path(name).replace(target)


def check_writable(path: str | Path) -> None:
    """Raise SavingError when a file could not be written there."""
    with _unwritable(path):
        target = _real(path)
        remove_remains(target)
        with _beside(target):
            pass


def remove_remains(path: str | Path) -> None:
    """Remove what processes that were killed while they wrote this file have left beside it."""
    if fcntl is None:
        return
    with suppress(OSError, ValueError):
        target = _real(path)
        for found in os.scandir(target.parent):
            if found.name.startswith(_start(target)) and found.name.endswith(ENDING):
                with suppress(OSError):
                    _remove_unless_held(found.path)


def _remove_unless_held(name: str) -> None:
    """Remove the file unless a process is writing it: that one holds a lock as long as it lives."""
    number = os.open(name, os.O_RDWR)
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        Path(name).unlink()
    finally:
        os.close(number)


@contextmanager
def _beside(target: Path) -> Iterator[tuple[int, str]]:
    """A new file beside the target, open and locked; afterwards it is gone, unless it was moved."""
    number, name = _new(target)
    try:
        yield number, name
    finally:
        with suppress(FileNotFoundError):
            Path(name).unlink()
        os.close(number)


def _new(target: Path) -> tuple[int, str]:
    while True:
        name = str(target.parent / f"{_start(target)}{secrets.token_hex(4)}{ENDING}")
        number = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)  # less what the user's umask says
        if fcntl is None:
            return number, name
        with suppress(OSError):  # a file system without locks
            fcntl.flock(number, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):
            if os.path.samestat(Path(name).stat(), os.fstat(number)):
                return number, name
        os.close(number)  # somebody who cleans up was quicker than the lock


def _take_after(target: Path, number: int, name: str) -> None:
    """Give the new file the owner and the mode of the one whose place it takes."""
    try:
        before = target.stat()
    except FileNotFoundError:
        return
    now = os.fstat(number)
    if (before.st_uid, before.st_gid) != (now.st_uid, now.st_gid):
        with suppress(OSError, AttributeError):  # only a superuser may give files away
            os.chown(name, before.st_uid, before.st_gid)
    Path(name).chmod(stat.S_IMODE(before.st_mode))


def _real(path: str | Path) -> Path:
    """The file behind all links; OSError where it is none that may be written."""
    target = Path(os.path.realpath(path))
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return target
    if stat.S_ISDIR(mode):
        raise OSError("it is a folder; give the name of a file")
    if not stat.S_ISREG(mode):
        raise OSError("it is no ordinary file")
    if not os.access(target, os.W_OK):
        raise OSError("it is write-protected")
    return target


def _start(target: Path) -> str:
    """How the names of the files beside a target begin, in at most 100 bytes."""
    return f".{os.fsencode(target.name)[:90].decode(errors='ignore')}."


@contextmanager
def _unwritable(path: str | Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise SavingError(f"{path} cannot be written: {why}", str(path)) from error
