"""Ten lines to type next, in order, each with what one should see; the README ends with them too.

python -m demos.next_lines
"""

from __future__ import annotations

__all__ = ["LINES", "typed"]

LINES = """\
>>> from engine import *
>>> w, x = Value(0.5), Value(2.0)
>>> y = (w * x).tanh()                              # nothing is labeled: names are found by themselves
>>> steps(y)                                        # backprop, one application of the chain rule at a time
step 0: y = 0.7616, gradient 1, the seed: d y/d y = 1
step 1: y = tanh(v2) = 0.7616, gradient 1
  d y/d v2 = 1 − out² = 0.42
  v2.grad: – → 1 × 0.42 = 0.42
step 2: v2 = w × x = 1, gradient 0.42
  d v2/d w = x = 2
  w.grad: – → 0.42 × 2 = 0.8399
  d v2/d x = w = 0.5
  x.grad: – → 0.42 × 0.5 = 0.21
>>> explain(w, y)                                   # where one gradient comes from
w = 0.5, a leaf
if w rises by a little, y rises 0.8399 times as much: d y/d w = 0.8399
each use of w contributes its own gradient times its local derivative:
  step 2, v2 = w × x: 0.42 × 2 = 0.8399
along its only path, the product of the local derivatives:
  y → v2 → w: 0.42 × 2 = 0.8399
>>> y.backward(); w.grad                            # all of it at once
0.8399486832280523
>>> w.data -= 0.1 * w.grad; y = (w * x).tanh(); y   # a step against the gradient: y is smaller
Value(0.6815539458511033, grad=–)
>>> bool(check_gradients(lambda w: (w * x).tanh(), at=[0.5]))     # are they right? without bool() a report
True
>>> draw(y).save("y.svg").name                      # the graph; in a notebook draw(y) shows itself
'y.svg'
>>> walk(y)                                         # a debugger for it: step, until w, w.grad, graph, quit
backward through y = tanh(w × x) = 0.6816, 2 steps; try help
"""


def typed() -> list[str]:
    """The lines alone, as they are typed."""
    return [line.removeprefix(">>> ") for line in LINES.splitlines() if line.startswith(">>> ")]


if __name__ == "__main__":
    print(LINES)
