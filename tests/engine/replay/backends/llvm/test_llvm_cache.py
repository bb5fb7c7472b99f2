"""Machine code on disk: the second run has the bits of the first, and trusts nothing but its own files."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from engine import Value, compile, tanh  # noqa: A004

pytest.importorskip("llvmlite")
from llvmlite import binding

from engine.replay.backends.llvm import cache, machine

POSIX = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="owners and modes of files are POSIX's")


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "code"))
    return tmp_path / "code"


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that code was made of; nothing is made of the empty one."""
    with monkeypatch.context() as patch:  # what all programs of a process have in common is there before
        patch.setenv(cache.VARIABLE, "off")
        (w,) = weights = [Value(0.5)]
        compile(lambda x: w * x, weights, executor="llvm").value_and_gradients([0.5], [1.0])
    found: list[str] = []
    parse = binding.parse_assembly

    def parsed(text: str) -> Any:
        if text:
            found.append(text)
        return parse(text)

    monkeypatch.setattr(binding, "parse_assembly", parsed)
    return found


def answer() -> tuple[list[float], list[float]]:
    """What a new program gives."""
    weights = [Value(0.3), Value(-0.7)]
    program = compile(lambda x: tanh(weights[0] * x) * weights[1], weights, executor="llvm")
    losses, gradient = program.value_and_gradients([0.3, -0.7], [0.1, 0.2, 0.3])
    return losses.tolist(), gradient.tolist()


def files(place: Path) -> list[Path]:
    return sorted(place.iterdir()) if place.is_dir() else []


def test_what_was_made_is_found_again_with_the_same_bits(place: Path, made: list[str]) -> None:
    first = answer()
    assert (len(made), len(files(place))) == (1, 1)
    assert answer() == first
    assert (len(made), len(files(place))) == (1, 1)
    if hasattr(os, "geteuid"):
        assert [path.stat().st_mode & 0o777 for path in (place, *files(place))] == [0o700, 0o600]


def as_pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


@pytest.mark.parametrize(
    "damage",
    [
        lambda file: file.write_bytes(b""),
        lambda file: file.write_bytes(file.read_bytes()[:-1]),
        lambda file: file.write_bytes(file.read_bytes()[:-9] + b"x" + file.read_bytes()[-8:]),
        lambda file: file.write_bytes(sha256(file.read_bytes()[32:]).digest() + file.read_bytes()[32:]),
        lambda file: (file.unlink(), file.mkdir()),
        pytest.param(as_pipe, marks=POSIX),
    ],
)
def test_a_damaged_file_counts_as_absent(place: Path, made: list[str], damage: Callable[[Path], Any]) -> None:
    first = answer()
    damage(files(place)[0])
    assert answer() == first
    assert len(made) == 2


@POSIX
@pytest.mark.parametrize(
    "open_to_others",
    [
        lambda place: place.chmod(0o770),
        lambda place: files(place)[0].chmod(0o602),
        lambda place: (place.rename(place.parent / "real"), place.symlink_to(place.parent / "real")),
        lambda place: files(place)[0].symlink_to(files(place)[0].rename(place.parent / "real")),
    ],
)
def test_what_others_could_have_written_is_not_run(
    place: Path, made: list[str], open_to_others: Callable[[Path], Any]
) -> None:
    first = answer()
    open_to_others(place)
    assert answer() == first
    assert len(made) == 2


@POSIX
def test_what_belongs_to_somebody_else_is_not_run(made: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    first, uid = answer(), os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: uid + 1)
    assert answer() == first
    assert len(made) == 2


@POSIX
def test_where_the_disk_is_full_nothing_is_left_behind(place: Path, made: list[str]) -> None:
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40, before[1]))  # bytes in a file
    try:
        first = answer()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not files(place)
    assert answer() == first
    assert (len(made), len(files(place))) == (2, 1)


@pytest.mark.parametrize("chosen", ["off", "0", " None ", ""])
def test_without_a_folder_code_is_made_each_time(
    place: Path, made: list[str], monkeypatch: pytest.MonkeyPatch, chosen: str
) -> None:
    if chosen:
        monkeypatch.setenv(cache.VARIABLE, chosen)
    else:
        place.write_text("a file where the folder would be")
    assert answer() == answer()
    assert len(made) == 2
    assert not files(place)


def test_the_folder_is_the_users_for_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(cache.VARIABLE)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.folder() == tmp_path / "scalar-autograd"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache.folder() == Path.home() / ".cache" / "scalar-autograd"
    monkeypatch.setenv(cache.VARIABLE, " on")
    assert cache.folder() == Path.home() / ".cache" / "scalar-autograd"
    monkeypatch.setenv(cache.VARIABLE, "~nobody-of-this-name/code")
    assert cache.folder() is None


def test_those_not_used_for_longest_go(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MOST_FILES", 3)
    for age, key in enumerate(("third", "second", "first")):
        cache.keep(key, b"code of " + key.encode())
        os.utime(place / key, (1000 - age, 1000 - age))
    assert cache.kept("first") == b"code of first"  # which makes it the last used
    cache.keep("fourth", b"code")
    assert [file.name for file in files(place)] == ["first", "fourth", "third"]


def test_code_for_another_processor_or_level_is_other_code(
    place: Path, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer()
    monkeypatch.setattr(machine, "LEVEL", 1)
    answer()
    other = machine.Target(machine.HOST.processor, machine.HOST.features + ",+sse2")
    machine.machine_code(made[0], other)
    machine.machine_code(made[0], machine.Target("", machine.HOST.features))
    assert len(files(place)) == 4


@POSIX
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_process_that_is_forked_while_another_thread_makes_code_can_make_code_too() -> None:
    making = threading.Event()

    def slowly() -> None:
        with machine.LOCK:
            making.set()
            time.sleep(0.1)

    other = threading.Thread(target=slowly)
    other.start()
    assert making.wait(5)
    child = os.fork()
    if not child:
        os._exit(0 if machine.LOCK._lock.acquire(blocking=False) else 1)
    assert os.waitpid(child, 0)[1] == 0
    other.join()
