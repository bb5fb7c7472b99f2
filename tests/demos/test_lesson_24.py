"""What the lesson on edges claims."""

from __future__ import annotations

from demos import lesson_24_edges as lesson
from engine.wording.conventions import rows


def test_the_claims() -> None:
    assert "0 | 1" in lesson.relu_at_zero()
    assert "relu at 0" in lesson.relu_at_zero()
    table = lesson.all_conventions()
    assert len(table.splitlines()) == len(rows()) + 1
    assert "|" not in table
    assert all(cell in table for row in rows() for cell in row)
    said = lesson.at_the_edge_of_a_domain()
    assert [text.split()[0] for text in said] == ["log", "divide", "power", "backward"]
    report = lesson.a_broken_operation()
    assert "first wrong operation: tanh" in report
    assert "the input used where the output belongs" in report
