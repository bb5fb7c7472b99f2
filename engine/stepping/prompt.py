"""A prompt in the terminal: reads commands, completes them, and answers what it did not understand.

What the commands are is said by the class that inherits it: its methods `do_NAME`.
"""

from __future__ import annotations

import cmd
import contextlib
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any, TextIO

from engine.errors import EngineError
from engine.stepping.finding import Misunderstood, meant
from engine.stepping.screen import Screen

__all__ = ["Prompt"]

readline: Any = import_module("readline") if find_spec("readline") else None  # not on every system


class Prompt(cmd.Cmd):
    """A command line: first letters, aliases and unique beginnings do; errors are said and it goes on.

    With `stdin` or `stdout` given it reads and writes there, and needs no terminal.
    """

    aliases: Mapping[str, str] = {}

    def __init__(self, stdin: TextIO | None, stdout: TextIO | None, width: int | None) -> None:
        super().__init__(stdin=stdin, stdout=stdout)
        self.use_rawinput = stdin is None and stdout is None
        self.screen = Screen(stdout or sys.stdout, width)

    def say(self, text: str, style: str = "") -> None:
        """Write the text on the screen."""
        self.screen.say(text, style)

    def greet(self) -> None:
        """Say what this is about, once, before the first command."""

    def words_for(self, command: str) -> list[str]:  # noqa: ARG002  (for those who inherit)
        """What may follow the command, for completion."""
        return []

    def cmdloop(self, intro: Any = None) -> None:
        """Greet, then read and do commands until one leaves; Ctrl-C only gives up the line."""
        self.greet()
        with _whole_words_completed():
            while True:
                try:
                    super().cmdloop(intro)
                except KeyboardInterrupt:
                    self.say("\n(quit to leave)")
                else:
                    return

    def onecmd(self, line: str) -> bool:
        """Do one command; whatever cannot be done is said in words, and the walk goes on."""
        try:
            return bool(super().onecmd(line))
        except (Misunderstood, EngineError) as problem:
            self.say(str(problem))
            return False

    def precmd(self, line: str) -> str:
        """The line with its command written out: `s 3` is `step 3`. What no terminal has shown is shown."""
        word, _, rest = line.strip().partition(" ")
        if word == "EOF":
            return word
        if not self.use_rawinput and not self.stdin.isatty():
            self.stdout.write(line.strip() + "\n")
        if not word:
            return ""
        if word.startswith("?"):
            word, rest = "help", line.strip()[1:]
        return f"{self._command(word)} {rest}".strip()

    def default(self, line: str) -> None:
        """Answer what is no command with the nearest one."""
        word = line.split(maxsplit=1)[0]
        raise Misunderstood(f"{word!r} is no command{meant(word, self._commands())}; help lists them")

    def completedefault(self, *ignored: Any) -> list[str]:
        """What the typed beginning may become, for the tab key; a name may have blanks in it."""
        text, line, start, _ = ignored
        command, _, before = line[:start].lstrip().partition(" ")
        typed = before.lstrip() + text
        known = self.words_for(self._command(command))
        return [words[len(typed) - len(text) :] for words in known if words.startswith(typed)]

    def _commands(self) -> list[str]:
        """All commands, in the order in which they are written."""
        return [*(name[3:] for name in vars(type(self)) if name.startswith("do_")), "help"]

    def _command(self, word: str) -> str:
        """The command that a word stands for: itself, an alias, or the only one that begins so."""
        known = self._commands()
        if word in known:
            return word
        if word in self.aliases:
            return self.aliases[word]
        begun = [command for command in known if command.startswith(word)]
        return begun[0] if len(begun) == 1 else word

    def do_help(self, arg: str) -> None:
        """help [COMMAND]: what can be typed here"""
        wanted = [self._command(arg)] if arg else self._commands()
        if wanted[0] not in self._commands():
            self.default(arg)
        for command in wanted:
            self.say(f"  {getattr(self, f'do_{command}').__doc__}")
        if not arg:
            self.say("  the first letter will do for most; an empty line repeats the last command")

    def do_quit(self, argument: str) -> bool:  # noqa: ARG002  (every command is given what follows it)
        """quit: leave"""
        return True

    def do_EOF(self, argument: str) -> bool:  # noqa: N802  (cmd's name for the end of the input)
        """The end of the input leaves, as quit does."""
        self.say("")
        return self.do_quit(argument)


@contextlib.contextmanager
def _whole_words_completed() -> Iterator[None]:
    """Inside, the tab key completes whole names such as l0.n3.w[1]; what was set before is put back."""
    if readline is None:
        yield
        return
    before = readline.get_completer_delims()
    readline.set_completer_delims(" \t\n")
    try:
        yield
    finally:
        readline.set_completer_delims(before)
