"""Things that can be asked for by name: one look-up, and an answer to names that are other libraries'."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from difflib import get_close_matches
from types import MethodType
from typing import Any, TypeVar

__all__ = ["in_torch_s_words", "look_up"]

Found = TypeVar("Found", bound=Callable[..., Any])
_TORCH = {"lr": "learning_rate", "eps": "epsilon", "betas": "beta1 and beta2", "alpha": "decay"}


def look_up(
    kind: str, wanted: str | Found, known: Mapping[str, Found], others: Mapping[str, str] | None = None
) -> Found:
    """What goes by the name, or the function itself where one was given; ValueError lists the known names.

    `others` are the names that are in use elsewhere, and what they are here.

    >>> look_up("number", "tow", {"one": int, "two": int})
    Traceback (most recent call last):
        ...
    ValueError: unknown number 'tow': did you mean 'two'? Known are one, two; a function will do as well
    """
    if callable(wanted):
        return wanted
    if isinstance(wanted, str) and wanted in known:
        return known[wanted]
    near = _meant(wanted, known, others or {}) if isinstance(wanted, str) else ""
    meant = f": did you mean {near}?" if near else "."
    raise ValueError(
        f"unknown {kind} {wanted!r}{meant} Known are {', '.join(known)}; a function will do as well"
    )


def _meant(wanted: str, known: Collection[str], others: Mapping[str, str]) -> str:
    """The known names that were meant; case, blanks, and what others call it do not count."""
    plain = {_plain(name): repr(name) for name in known}
    plain |= {_plain(name): meant for name, meant in others.items()}
    near = get_close_matches(_plain(wanted), plain, n=1)
    return plain[near[0]] if near else ""


def _plain(name: str) -> str:
    letters = "".join(letter for letter in name.lower() if letter.isalnum())
    return letters.removesuffix("loss") or letters


def in_torch_s_words(name: str, arguments: tuple[Any, ...], settings: dict[str, Any]) -> str:
    """What to write instead of an optimizer with torch's arguments; "" where it has none of them.

    >>> in_torch_s_words("SGD", (), {"lr": 0.1})
    'the learning rate comes first; write SGD(0.1)'
    """
    takes_parameters = bool(arguments) and isinstance(arguments[0], list | tuple | Iterator | MethodType)
    torch_names = {word: own for word, own in _TORCH.items() if word in settings}
    if not takes_parameters and not torch_names:
        if len(arguments) < 2:
            return ""
        example = "momentum=0.9" if name == "SGD" else "weight_decay=0.01"
        return f"all but the learning rate is given by name: write {name}({arguments[0]!r}, {example})"
    rate = settings.get("lr", arguments[1] if takes_parameters and len(arguments) > 1 else 0.1)
    rate = settings.get("learning_rate", arguments[0] if arguments and not takes_parameters else rate)
    told = [f"{word} is {own} here" for word, own in torch_names.items() if word != "lr"]
    if takes_parameters:
        told.insert(0, "an optimizer meets its parameters in its step")
    elif "lr" in torch_names:
        told.insert(0, "the learning rate comes first")
    line = f"write {name}({rate!r})"
    if takes_parameters:
        line += f", then optimizer.step(model.parameters()) or fit(..., optimizer={name}({rate!r}))"
    return f"{', '.join(told)}; {line}"
