"""Step through backprop

The loss below is a neuron's squared error: loss = (tanh(w·x + b) − y)². The forward pass computes it, number
by number. The backward pass goes the other way: each operation hands its gradient, times its own local
derivative, to its operands. That product is the chain rule, and there is nothing else in backprop.

Notice: a gradient shows `–` until something has reached it; constants get nothing; and no `.grad` changes
while one only looks. In your own session, walk(loss) opens the prompt that is typed at here; s steps, b goes
back, q leaves.
"""

from __future__ import annotations

import io

from demos.place import heading, picture
from engine import RenderError, Value, explain, forward_steps, live, page, steps, walk


def neuron_loss() -> tuple[Value, Value, Value]:
    """(loss, w, b) for one neuron and one sample."""
    w, b = Value(0.8, label="w"), Value(-0.5, label="b")
    z = w * 1.5 + b
    z.label = "z"
    a = z.tanh()
    a.label = "a"
    loss = (a - 1.0) ** 2
    loss.label = "loss"
    return loss, w, b


TYPED = """step
watch w
until a
back
break w
run
graph
check w
quit
"""


def main() -> dict[str, float]:
    """Forward, backward, a question or two, and the same at a prompt and in a browser."""
    loss, w, b = neuron_loss()

    heading("forward: every number, and where it came from")
    print(forward_steps(loss))

    heading("backward: for step in steps(loss): print(step)")
    for step in steps(loss):
        print(step)

    heading("why is w.grad what it is?  explain(w, loss)")
    print(explain(w, loss))

    heading("at the prompt: walk(loss)")
    walk(loss, stdin=io.StringIO(TYPED), width=100)
    untouched = w.grad is None

    heading("and with one call")
    found = steps(loss).gradients()
    loss.backward()
    print(f"loss.backward() makes w.grad = {w.grad} and b.grad = {b.grad}: the same numbers")

    target = picture("lesson_06_steps.html")
    try:
        page(loss).save(target)
        print(f"the same steps to click through in a browser: {target.name} in {target.parent}")
        moved = live(loss, learn=[w, b], rate=0.5).save(picture("lesson_06_live.html"))
        print(f"and with every number to be moved: {moved.name}")
    except RenderError as missing:
        print(missing)
    return {
        "untouched while looking": float(untouched),
        "w by steps": found[w],
        "w by backward": w.grad,
        "b by steps": found[b],
        "b by backward": b.grad,
    }


if __name__ == "__main__":
    main()
