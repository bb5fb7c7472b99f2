"""RMSNorm and causal attention: the numbers of their formulas, eagerly and in replay."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine import Value, assert_gradients, compile, dot, logsumexp, pick, total  # noqa: A004
from nn import CausalSelfAttention, Embedding, Layer, Module, RMSNorm, load, save


def drawn(seed: int, places: int, size: int) -> list[list[float]]:
    draw = random.Random(seed)
    return [[draw.gauss(0.0, 1.0) for _ in range(size)] for _ in range(places)]


def numbers(sequence: Any) -> list[list[float]]:
    return [[value.data for value in place] for place in sequence]


def test_the_norm_brings_every_list_to_one_length() -> None:
    norm = RMSNorm(3)
    for scale in (1.0, 1e3):
        outputs = norm([1.0 * scale, -2.0 * scale, 2.0 * scale])
        assert [o.data for o in outputs] == pytest.approx([x / math.sqrt(3.0) for x in (1, -2, 2)], rel=1e-5)
    assert [o.data for o in norm([0.0, 0.0, 0.0])] == [0.0, 0.0, 0.0]
    norm.gains[1].data = 10.0
    assert norm([1.0, 1.0, 1.0])[1].data == pytest.approx(10.0, rel=1e-5)
    assert list(norm.named_parameters()) == ["gains[0]", "gains[1]", "gains[2]"]


def test_attention_is_the_formula() -> None:
    """Against a plain statement of it with arrays."""
    attention, sequence = CausalSelfAttention(6, heads=3, seed=0), drawn(1, 5, 6)
    query, key, value = (
        np.array([[o.data for o in part(place)] for place in sequence]).reshape(5, 3, 2)
        for part in (attention.query, attention.key, attention.value)
    )
    scores = np.einsum("qhw,khw->hqk", query, key) / math.sqrt(2)
    scores[:, np.triu_indices(5, 1)[0], np.triu_indices(5, 1)[1]] = -np.inf
    shares = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    mixed = np.einsum("hqk,khw->qhw", shares, value).reshape(5, 6)
    expected = [[o.data for o in attention.output(row)] for row in mixed.tolist()]
    assert np.array(numbers(attention(sequence))) == pytest.approx(np.array(expected), rel=1e-12)


def test_what_comes_later_changes_nothing_before() -> None:
    attention, sequence = CausalSelfAttention(4, heads=2, seed=0), drawn(2, 6, 4)
    whole = numbers(attention(sequence))
    assert numbers(attention(sequence[:4])) == whole[:4]
    changed = [*sequence[:4], [9.0] * 4, *sequence[5:]]
    assert numbers(attention(changed))[:4] == whole[:4]
    assert numbers(attention(changed))[4:] != whole[4:]


def test_gradients() -> None:
    attention, norm, sequence = CausalSelfAttention(4, heads=2, seed=0), RMSNorm(4), drawn(3, 3, 4)

    def loss(*flat: Value) -> Value:
        outputs = attention([norm(flat[place : place + 4]) for place in range(0, 12, 4)])
        return total([output * output for place in outputs for output in place])

    assert_gradients(loss, at=[number for place in sequence for number in place])


def test_names_follow_the_path() -> None:
    attention = CausalSelfAttention(4, heads=2, seed=0)
    names = list(attention.named_parameters())
    assert names[0] == "query.neurons[0].weights[0]"
    assert len(names) == 4 * (16 + 4)
    output = attention([[1.0, 2.0, 3.0, 4.0]])[0][2]
    assert output.label == "output.neurons[2]"


def test_they_are_saved_and_loaded(tmp_path: Path) -> None:
    parts: list[tuple[Any, Any]] = [
        (RMSNorm(3, epsilon=1e-3), [1.0, 2.0, 3.0]),
        (CausalSelfAttention(4, 2, seed=0), drawn(1, 2, 4)),
    ]
    for model, sample in parts:
        save(model, tmp_path / "part.json")
        again: Any = load(tmp_path / "part.json")
        assert repr(again(sample)) == repr(model(sample))


def test_bad_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="divides its size among its heads: got size 6 and 4 heads"):
        CausalSelfAttention(6, heads=4)
    with pytest.raises(ValueError, match="got size 4 and 0 heads"):
        CausalSelfAttention(4, heads=0)
    with pytest.raises(ValueError, match="at least 1"):
        RMSNorm(0)
    with pytest.raises(ValueError, match="epsilon"):
        RMSNorm(2, epsilon=0.0)
    with pytest.raises(ValueError, match=r"RMSNorm\(2\) takes 2 inputs, got 3"):
        RMSNorm(2)([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="takes 4 inputs, got 3"):
        CausalSelfAttention(4)([[1.0, 2.0, 3.0]])


class Reader(Module):
    """Tokens looked up, normed, attended to and scored."""

    def __init__(self) -> None:
        draw = random.Random(0)
        self.table, self.norm = Embedding(5, 4, seed=draw), RMSNorm(4)
        self.attention = CausalSelfAttention(4, heads=2, seed=draw)
        self.head = Layer(4, 5, "linear", seed=draw)

    def __call__(self, tokens: Any, /) -> list[list[Value]]:
        mixed = self.attention([self.norm(self.table(token)) for token in tokens])
        return [self.head(place) for place in mixed]


@pytest.mark.parametrize("executor", ["numpy", "strict"])
def test_replay_gives_what_eager_gives(executor: str) -> None:
    model = Reader()

    def loss(tokens: Any, targets: Any) -> Value:
        pairs = zip(model(tokens), targets, strict=True)
        return total([logsumexp(scores) - pick(scores, target) for scores, target in pairs])

    documents = np.random.default_rng(0).integers(0, 5, (7, 5)).tolist()
    tokens, targets = [d[:-1] for d in documents], [d[1:] for d in documents]
    p = compile(loss, model, executor)
    losses, gradients = p.value_and_gradients([v.data for v in model.parameters()], tokens, targets)
    model.zero_grad()
    found = [loss(*pair) for pair in zip(tokens, targets, strict=True)]
    for one in found:
        one.backward()
    assert losses == pytest.approx([one.data for one in found], rel=1e-12)
    assert gradients == pytest.approx([v.grad for v in model.parameters()], rel=1e-11, abs=1e-13)


def test_an_embedding_looks_up_values_too() -> None:
    table = Embedding(3, 2, seed=0)
    assert table(Value(2.0)) == table(2)
    assert table(Value(-1.0)) == table(-1) == table(2)
    for outside in (3, -4):
        with pytest.raises(IndexError, match="rows 0 to 2"):
            table(outside)
        with pytest.raises(IndexError):
            table(Value(float(outside)))
        with pytest.raises(IndexError):
            compile(lambda index: total(table(index)), table)([0, outside])
    one_hot = dot(table(Value(1.0)), [1.0, 0.0])
    one_hot.backward()
    assert [row[0].grad for row in table.rows] == [None, 1.0, None]
