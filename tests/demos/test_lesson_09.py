"""What the lesson on pictures claims."""

from __future__ import annotations

import pytest

from demos import lesson_09_draw_a_neuron_a_layer_a_network as lesson


def test_thousands_of_nodes_are_a_few_boxes(capsys: pytest.CaptureFixture[str]) -> None:
    found = lesson.main()
    assert found["nodes"] > 7000
    assert (found["neurons"], found["layers"]) == (40, 9)
    assert (found["neuron"], found["neuron expanded"]) == (7, 10)
    assert found["near"] == 1 + 16 + 1
    text = capsys.readouterr().out
    assert "which nobody can read, and the limit is 500" in text
