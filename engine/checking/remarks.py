"""What somebody's marks say of a function's outputs and inputs, beside the check: `marks=health`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from engine.checking.subject import Subject
from engine.graph import Marks, checked_marks, topological_order
from engine.value import Value

__all__ = ["MarksOf", "remarks"]

MarksOf = Callable[[Value], Marks]


def remarks(
    subject: Subject, places: Sequence[int], marks: MarksOf, function: str
) -> Iterator[tuple[str, str]]:
    """(name, what is said) for each output of the function, and for each input of it at these places."""
    run = subject.run(subject.numbers)
    for number, output in enumerate(run.outputs):
        name = f"{function}[{number}]" if run.vector else function
        said, below = checked_marks(marks(output)), set(topological_order(output))
        yield name, said.words(output)
        for place in places:
            if run.leaves[place] in below:
                where = f"{subject.names[place]} → {name}" if run.vector else subject.names[place]
                yield where, said.words(run.leaves[place])
