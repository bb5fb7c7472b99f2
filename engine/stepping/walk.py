"""The walker: backprop in the terminal, one step at a time, forward and back, in the manner of pdb.

It goes through Steps, on a copy: no `grad` changes unless `commit` is said; pictures: engine/walks.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TextIO

from engine.formula import number_text
from engine.graph import Node
from engine.stepping import breakpoints
from engine.stepping.breakpoints import Breakpoint
from engine.stepping.difference import difference
from engine.stepping.explain import explain_in
from engine.stepping.finding import Finder, Misunderstood, asked_for, attribute_of, meant
from engine.stepping.prompt import Prompt
from engine.stepping.steps import ForwardSteps, Step, Steps
from engine.value import Constant

__all__ = ["Walker"]

SHOWN_GRADIENTS = 20
ALIASES = {
    "s": "step",
    "n": "step",
    "next": "step",
    "b": "back",
    "u": "until",
    "r": "run",
    "c": "run",
    "continue": "run",
    "e": "explain",
    "g": "graph",
    "p": "print",
    "h": "help",
    "q": "quit",
    "exit": "quit",
}

Tree = Callable[..., str]
PageWriter = Callable[[Steps, int, str], str]


class Walker(Prompt):
    """A prompt at which one steps through the backward pass of a root.

    `tree(node, current=, gradients=, named=, width=, ascii_only=)` gives the text for `graph`;
    `write_page(steps, number, path)` writes the page for `html` and returns its address.
    """

    aliases = ALIASES
    lastcmd = "step"  # what an empty line repeats before anything was typed

    def __init__(
        self,
        backward: Steps,
        tree: Tree,
        write_page: PageWriter,
        *,
        title: str = "",
        stdin: TextIO | None = None,
        stdout: TextIO | None = None,
        width: int | None = None,
    ) -> None:
        super().__init__(stdin, stdout, width)
        self.steps = backward
        self.at = 0
        self.title = title
        self.watched: dict[Node, float | None] = {}
        self.breakpoints: list[Breakpoint] = []
        self.committed = False
        self.hinted: set[str] = set()
        self._tree = tree
        self._write_page = write_page
        self._finder = Finder(self.steps)
        self._move(0)

    def precmd(self, line: str) -> str:
        """The line with its command written out; `w`, `w.grad` and `print(w)` ask for a node, as in pdb."""
        command, words = super().precmd(line), line.strip()
        if words in self.aliases and words in self._finder and words not in self.hinted:
            self.hinted.add(words)
            self.say(
                f"({words} is {self.aliases[words]}; !{words} or {words}.grad asks for the node)", "faint"
            )
        asked = asked_for(words, self._finder, [*self._commands(), *self.aliases])
        return f"print {asked}" if asked is not None else command

    # ── Moving ────────────────────────────────────────────────────────────────────────────────────

    def do_step(self, argument: str) -> None:
        """step [n]: the next step of backward, or the next n"""
        for _ in range(_count(argument)):
            if self.at == self._last:
                self.say("this is the end: every gradient is complete (print shows them, back goes back)")
                return
            self._move(self.at + 1)
            self._show_step()
            if self._stops_here():
                return

    def do_back(self, argument: str) -> None:
        """back [n]: take back the last step, or the last n"""
        if self.at == 0:
            self.say("this is the start: only the seed has been set")
            return
        self._move(max(self.at - _count(argument), 0))
        self._show_step()

    def do_until(self, argument: str) -> None:
        """until NAME: go on to the next step of a node so called; for a leaf, to the last that adds to it"""
        turns = [self.steps.number_of(node) for node in self._finder.find_all(argument)]
        ahead = [turn for turn in turns if turn > self.at]
        if not ahead:
            back = self.at - max(turns)
            there = f"back {back} goes there" if back else "you are there"
            raise Misunderstood(f"{argument} had its turn in step {max(turns)}; {there}")
        self._go_to(min(ahead))

    def do_run(self, argument: str) -> None:  # noqa: ARG002  (every command is given what follows it)
        """run: go on to the end, or to the next breakpoint"""
        self._go_to(self._last)
        if self.at == self._last:
            self.do_print("")

    def _go_to(self, target: int) -> None:
        if self.at == self._last:
            self.do_step("")
            return
        number = self.at + 1
        while number < target and not any(point.hits(self.steps, number) for point in self.breakpoints):
            number += 1
        self._move(number)
        self._show_step()
        self._stops_here()

    def _move(self, number: int) -> None:
        self.at = number
        self.prompt = f"(walk {self.at}/{self._last}) "

    def _stops_here(self) -> bool:
        hit = [point.words for point in self.breakpoints if point.hits(self.steps, self.at)]
        if hit:
            self.say(f"stopped: {', '.join(hit)}", "faint")
        return bool(hit)

    @property
    def _last(self) -> int:
        return len(self.steps) - 1

    # ── Looking ───────────────────────────────────────────────────────────────────────────────────

    def do_explain(self, argument: str) -> None:
        """explain [NAME]: the chain rule here, or at a node, in words, and where its gradient comes from"""
        node = self._found(argument) if argument else self.steps.node_of(self.at)
        self.say(str(explain_in(self.steps, node, at=self.at)))

    def _found(self, words: str) -> Node:
        return self._finder.find(words, self.steps.node_of(self.at))

    def do_graph(self, argument: str) -> None:
        """graph [NAME]: the graph, or what is below a node, as a tree; > is where you are"""
        here = self.steps.node_of(self.at)
        start = self._found(argument) if argument else self.steps.root
        drawn = self._drawn(start)
        if not argument and ">" not in (line[:1] for line in drawn.splitlines()):
            drawn = self._drawn(here)
        self.say(drawn)

    def _drawn(self, start: Node) -> str:
        return self._tree(
            start,
            current=self.steps.node_of(self.at),
            gradients=self.steps.gradients(self.at),
            named={node: self.steps.name(node) for node in self.steps.nodes},
            width=self.screen.width,
            ascii_only=self.screen.ascii_only,
        )

    def do_print(self, argument: str) -> None:
        """print [NAME]: a node's number and gradient so far (NAME, NAME.grad do too); alone, all leaves'"""
        gradients = self.steps.gradients(self.at)
        name, attribute = attribute_of(argument, self._finder)
        if attribute:
            node = self._found(name)
            held = {"data": node._data, "label": node.label, "grad": gradients.get(node)}[attribute]
            self.say("None, nothing has reached it" if held is None else repr(held))
            return
        leaves = [n for n in self.steps.nodes if n.operation is None and not isinstance(n, Constant)]
        wanted = [self._found(argument)] if argument else leaves
        for node in wanted[:SHOWN_GRADIENTS]:
            called, gradient = self.steps.name(node), gradients.get(node)
            unreached = gradient is None and self.at == self._last
            shown = "0, no path leads to it" if unreached else number_text(gradient)
            self.say(f"  {called} = {number_text(node._data)}, {called}.grad = {shown}", _sign_of(gradient))
        if len(wanted) > SHOWN_GRADIENTS:
            self.say(f"  … and {len(wanted) - SHOWN_GRADIENTS} more; print NAME shows any of them")

    def do_forward(self, argument: str) -> None:  # noqa: ARG002
        """forward: how the numbers came about, one node after another"""
        self.say(
            str(ForwardSteps(self.steps.root, lambda: self.steps.variables))
            or "nothing was computed: this is a leaf"
        )

    def do_watch(self, argument: str) -> None:
        """watch [NAME]: show a node's gradient after every move; again to stop; without a name, list"""
        if argument:
            node = self._found(argument)
            if node in self.watched:
                del self.watched[node]
                self.say(f"{self.steps.name(node)} is no longer watched")
                return
            self.watched[node] = self.steps.gradients(self.at).get(node)
        if not self.watched:
            self.say("nothing is watched; watch NAME does")
        self._show_watched()

    def _show_watched(self) -> None:
        gradients = self.steps.gradients(self.at) if self.watched else {}
        for node, before in self.watched.items():
            now = gradients.get(node)
            change = "" if now == before else f"{number_text(before)} → "
            self.say(f"  watch {self.steps.name(node)}.grad: {change}{number_text(now)}", _sign_of(now))
            self.watched[node] = now

    def do_check(self, argument: str) -> None:
        """check NAME: the gradient beside a finite difference: the graph computed again with NAME moved"""
        node = self._found(argument)
        if isinstance(node, Constant):
            raise Misunderstood(f"{argument} is a constant: it has no gradient to check")
        self.say(str(difference(self.steps, node)))

    # ── Stopping, writing, leaving ────────────────────────────────────────────────────────────────

    def do_break(self, argument: str) -> None:
        """break [NAME | OPERATION | nan | |grad| > NUMBER]: where run and until stop; alone, list them"""
        if argument:
            self.breakpoints.append(self._breakpoint(argument))
        for number, point in enumerate(self.breakpoints, start=1):
            self.say(f"  breakpoint {number}: {point.words}")
        if not self.breakpoints:
            self.say("no breakpoints; break NAME, break tanh, break nan, break |grad| > 10 make one")

    def _breakpoint(self, words: str) -> Breakpoint:
        limit = breakpoints.threshold(words)
        if limit is not None:
            return breakpoints.at_large_gradient(limit)
        if words in self._finder:
            return breakpoints.at_nodes(self._finder.find_all(words), words)
        operation = words.removeprefix("operation ").strip()
        operations = breakpoints.known_operations(self.steps.root)
        if operation in operations:
            return breakpoints.at_operation(operation)
        if words == "nan":
            return breakpoints.at_nan()
        near = meant(words, [*self._finder.names, *operations])
        raise Misunderstood(f"{words!r} is no node, operation, nan or |grad| > NUMBER{near}")

    def do_clear(self, argument: str) -> None:
        """clear [n]: remove breakpoint n, or all of them"""
        if argument:
            number = _count(argument)
            if number > len(self.breakpoints):
                raise Misunderstood(f"there is no breakpoint {number}; break lists them")
            del self.breakpoints[number - 1]
        else:
            self.breakpoints.clear()
        self.do_break("")

    def do_html(self, argument: str) -> None:
        """html PATH: write one page that steps through this in a browser, open at this step"""
        if not argument:
            raise Misunderstood("html needs the path of the file to write, for example html loss.html")
        try:
            address = self._write_page(self.steps, self.at, argument)
        except (OSError, ValueError, ImportError) as problem:
            raise Misunderstood(f"the page could not be written: {problem}") from None
        self.say(f"written: {address}")

    def do_commit(self, argument: str) -> None:  # noqa: ARG002
        """commit: do what loss.backward() does: write every gradient, complete, adding to the leaves'"""
        if self.committed:
            raise Misunderstood("already written; once more would add every gradient a second time")
        root: Any = self.steps.root
        root.backward()
        self.committed = True
        added = " (added to what the leaves held)" if self.steps.leftover else ""
        self.say(f"written: every grad is now what backward() makes it{added}")

    def do_quit(self, argument: str) -> bool:  # noqa: ARG002
        """quit: leave; every grad stays as it was, unless commit was said"""
        if not self.committed:
            self.say("no grad was changed (commit would have written them)", "faint")
        return True

    # ── What is shown, and what is understood ─────────────────────────────────────────────────────

    def greet(self) -> None:
        """Say what the root is, what was found in the leaves, and show the seed."""
        root = self.steps.root
        name, title = self.steps.name(root), self.title
        made = f" = {title}" if title and title != name else ""
        length = f"{self._last} step{'' if self._last == 1 else 's'}"
        self.say(f"backward through {name}{made} = {number_text(root._data)}, {length}; try help")
        if self.steps.leftover:
            self.say(self._leftover_words(), "faint")
        if self.steps.stale:
            self.say(f"note: {self.steps.stale}", "faint")
        self._show_step()

    def words_for(self, command: str) -> list[str]:
        """The names that may follow a command, for the tab key."""
        if command in ("help", "html", "clear"):
            return self._commands() if command == "help" else []
        if command != "break":
            return [*self._finder.names]
        return [*self._finder.names, "nan", "|grad| > ", *breakpoints.known_operations(self.steps.root)]

    def _leftover_words(self) -> str:
        held = [f"{self.steps.name(n)}.grad = {number_text(g)}" for n, g in self.steps.leftover.items()]
        shown = ", ".join(held[:4]) + (", …" if len(held) > 4 else "")
        why = f"note: gradients were not zero ({shown}): no zero_grad since the last backward? "
        return why + "here they start at none; commit adds to them"

    def _show_step(self) -> None:
        step: Step = self.steps[self.at]
        self.say(step.headline(), "bold")
        for line in step.details():
            after = line.rpartition(" = ")[2]
            colored = ".grad: " in line and after != "0"
            self.say(line, ("negative" if after.startswith("−") else "positive") if colored else "")
        self._show_watched()


def _count(argument: str) -> int:
    """How many, 1 when nothing was typed."""
    if not argument:
        return 1
    if not argument.isdecimal() or int(argument) == 0:
        raise Misunderstood(f"{argument!r} is no number of steps; a whole number from 1 on is")
    return int(argument)


def _sign_of(gradient: float | None) -> str:
    """The style that shows a gradient's sign; it is written as well."""
    return "" if not gradient else "positive" if gradient > 0 else "negative"
