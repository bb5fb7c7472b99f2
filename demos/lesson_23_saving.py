"""Saving, stopping, and going on

A trained network is a list of numbers, so it is saved as text: names, numbers, how the network is
built. A training run is that, and what its optimizer remembers, and how far it was.

Notice: a run that was cut off after 8 of 20 epochs and went on from its checkpoint ends with the same
bits as one that was never cut off. And the file is looked at before anything is loaded: one changed
digit is refused.
"""

from __future__ import annotations

from typing import Any

from demos.place import heading, picture
from nn import MLP, Adam, History, SavingError, data, fit, load, plots, save


def train(epochs: int, **settings: Any) -> tuple[MLP, History]:
    """The same run each time, for so many epochs."""
    points = data.moons(60, seed=2)
    model = MLP(2, [6, 1], activation="tanh", output="sigmoid", seed=2)
    history = fit(
        model, points.inputs, points.targets, loss="binary_cross_entropy", optimizer=Adam(0.03),
        epochs=epochs, batch_size=16, progress=False, **settings,
    )  # fmt: skip
    return model, history


def main() -> dict[str, float]:
    """A run in one piece, a run in two, and a file that was tampered with."""
    checkpoint = picture("lesson_23_checkpoint.json")
    checkpoint.unlink(missing_ok=True)
    whole, course = train(20)
    _, first_part = train(8, checkpoint=checkpoint)
    resumed, second_part = train(20, checkpoint=checkpoint, resume=True)
    same = whole.state() == resumed.state()

    heading("one run of 20 epochs, and one that was cut off after 8")
    print(f"uninterrupted: loss {course['loss'][-1]!r}")
    print(f"in two parts:  loss {second_part['loss'][-1]!r}")
    print(f"all {len(whole.state())} parameters have the same bits: {same}")

    heading("the file")
    path = picture("lesson_23_model.json")
    save(whole, path)
    text = path.read_text(encoding="utf-8")
    print(f"{text[:220]} …")
    again = load(path)
    same_answer = again.predict([[0.5, 0.2]]) == whole.predict([[0.5, 0.2]])
    print(f"loaded: {again!r}, and it predicts the same bits: {same_answer}")

    heading("a changed digit")
    path.write_text(text.replace("0.", "1.", 1), encoding="utf-8")
    refused = 0
    try:
        load(path)
    except SavingError as error:
        refused = 1
        print(str(error).replace(str(path.parent), "demos/out"))
    path.write_text(text, encoding="utf-8")

    with plots.chart(size=(6.2, 3.6), path=picture("lesson_23_saving.png")) as (_, (axes,)):
        axes.plot(range(1, 21), course["loss"], linewidth=5, alpha=0.35, label="in one piece")
        axes.plot(range(1, 9), first_part["loss"], label="the first 8 epochs")
        axes.plot(range(8, 21), second_part["loss"][7:], "--", label="resumed from the checkpoint")
        axes.set_title("The same curve")
        axes.set_xlabel("epoch")
        axes.set_ylabel("loss")
        axes.legend()
    return {"same bits": float(same), "refused": refused, "epochs": len(second_part)}


if __name__ == "__main__":
    main()
