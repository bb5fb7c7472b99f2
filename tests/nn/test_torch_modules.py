"""Models as torch modules: the same outputs, the same gradients, and weights both ways."""

from __future__ import annotations

import random
import sys
from typing import Any

import pytest

from engine import Value, total
from nn import MLP, CausalSelfAttention, Dropout, Embedding, Layer, Module, Neuron, RMSNorm, Sequential
from nn.modules.activations import ACTIVATIONS


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch", reason="torch is not installed")


def drawn(seed: int, *sizes: int) -> Any:
    draw = random.Random(seed)
    made: Any = [draw.gauss(0.0, 1.0) for _ in range(sizes[-1])]
    return [drawn(seed * 31 + place, *sizes[1:]) for place in range(sizes[0])] if len(sizes) > 1 else made


def flat(numbers: Any) -> list[Any]:
    return [n for part in numbers for n in flat(part)] if isinstance(numbers, list) else [numbers]


def agrees(torch: Any, model: Module, sample: Any) -> None:
    """Outputs and gradients, of a sum of squares, are equal to rounding."""
    model.zero_grad()
    outputs = flat(model(sample))
    total([output * output for output in outputs]).backward()
    module = model.to_torch()
    results = module(torch.tensor(sample, dtype=torch.float64))
    (results * results).sum().backward()
    assert flat(results.tolist()) == pytest.approx([o.data for o in outputs], rel=1e-12, abs=1e-14)
    theirs = [number for p in module.parameters() for number in flat(p.grad.tolist())]
    assert sorted(theirs) == pytest.approx(
        sorted(p.grad or 0.0 for p in model.parameters()), rel=1e-9, abs=1e-12
    )


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_every_activation(torch: Any, activation: str) -> None:
    agrees(torch, MLP(3, [5, 4, 2], activation=activation, output="linear", seed=0), drawn(1, 3))


def test_every_kind_of_module(torch: Any) -> None:
    agrees(torch, Neuron(3, "tanh", seed=0), drawn(1, 3))
    agrees(torch, Layer(3, 4, "softmax", seed=0), drawn(2, 3))
    norm = RMSNorm(6)
    for place, gain in enumerate(norm.gains):
        gain.data = 0.5 + place
    agrees(torch, norm, drawn(3, 6))
    agrees(torch, CausalSelfAttention(6, heads=3, seed=0), drawn(4, 5, 6))
    agrees(torch, CausalSelfAttention(4, seed=0), drawn(4, 1, 4))
    inner = Sequential(Layer(3, 3, "tanh", seed=1), RMSNorm(3))
    agrees(torch, Sequential(Layer(2, 3, seed=0), inner, Dropout(0.5)), drawn(5, 2))


def test_embeddings_take_whole_numbers(torch: Any) -> None:
    table = Embedding(7, 3, seed=0)
    model = Sequential(table, Layer(6, 2, "tanh", seed=0))
    assert table.to_torch()(torch.tensor(4)).tolist() == [value.data for value in table(4)]
    found = model.to_torch()(torch.tensor([[4, 1], [0, 6]])).tolist()
    assert found == [pytest.approx([o.data for o in model(pair)], rel=1e-12) for pair in ([4, 1], [0, 6])]


def test_many_samples_at_once(torch: Any) -> None:
    model = MLP(2, [4, 3], output="softmax", seed=0)
    points = drawn(6, 10, 2)
    found = model.to_torch()(torch.tensor(points, dtype=torch.float64)).tolist()
    assert found == [pytest.approx(row, rel=1e-12) for row in model.predict(points)]


def test_weights_come_back_from_training_in_torch(torch: Any) -> None:
    model, other = MLP(2, [4, 1], activation="tanh", seed=0), MLP(2, [4, 1], activation="tanh", seed=1)
    module = model.to_torch()
    other.load_torch(module)
    assert other.state() == model.state()
    descent = torch.optim.SGD(module.parameters(), lr=0.1)
    module(torch.tensor([[0.5, -0.5]], dtype=torch.float64)).sum().backward()
    descent.step()
    model.load_torch(module)
    assert model.state() != other.state()
    pairs = zip(model.to_torch().parameters(), module.parameters(), strict=True)
    assert all(torch.equal(mine, theirs) for mine, theirs in pairs)  # sums may differ: torch's own order
    agrees(torch, model, [0.3, 0.4])


def test_what_is_frozen_or_training_is_so_there_too(torch: Any) -> None:
    model = Sequential(Layer(2, 3, seed=0), Dropout(0.5, seed=0), Layer(3, 1, seed=1))
    model.layers[0].freeze()
    assert [p.requires_grad for p in model.to_torch().parameters()] == [False, False, True, True]
    assert not model.to_torch().training
    model.train()
    assert model.to_torch().training


def test_torchs_random_numbers_are_left_alone(torch: Any) -> None:
    torch.manual_seed(3)
    expected = torch.rand(1).item()
    torch.manual_seed(3)
    MLP(2, [4, 1], seed=0).to_torch()
    assert torch.rand(1).item() == expected


def test_other_shapes_are_refused_and_nothing_changes(torch: Any) -> None:
    model = MLP(2, [4, 1], seed=0)
    before = model.state()
    with pytest.raises(ValueError, match=r"needs parameters of the shapes \[\(4, 2\), \(4,\)"):
        model.load_torch(MLP(2, [5, 1], seed=0).to_torch())
    assert model.state() == before


def test_what_torch_does_not_know_is_refused(torch: Any) -> None:
    class Own(Module):
        def __init__(self) -> None:
            self.slope = Value(1.0)

    with pytest.raises(TypeError, match="Own has no counterpart in torch; to_torch knows Sequential, Layer"):
        Own().to_torch()
    with pytest.raises(TypeError, match="no counterpart for the activation function"):
        MLP(2, [3, 1], activation=lambda x: x.cos(), seed=0).to_torch()


def test_without_torch_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match="pip install torch"):
        Neuron(1, seed=0).to_torch()


@pytest.mark.parametrize("name", ["float32", "float64", "float16", "bfloat16"])
def test_the_numbers_are_of_the_type_that_is_asked_for(torch: Any, name: str) -> None:
    model = Sequential(Layer(3, 4, "gelu", seed=0), RMSNorm(4), Layer(4, 1, "sin", seed=1))
    for dtype in (name, getattr(torch, name)):
        twin = model.to_torch(dtype=dtype)
        assert {parameter.dtype for parameter in twin.parameters()} == {getattr(torch, name)}
        found = twin(torch.tensor([0.5, -1.0, 2.0], dtype=getattr(torch, name)))
        assert found.dtype == getattr(torch, name)
        assert found.tolist() == pytest.approx([model([0.5, -1.0, 2.0])[0].data], abs=0.05)
    before = model.state()
    model.load_torch(model.to_torch(dtype="float32"))
    assert list(model.state().values()) == pytest.approx(list(before.values()), rel=1e-7)
    assert next(model.to_torch().parameters()).dtype == torch.float64


@pytest.mark.parametrize("dtype", ["int64", "tensor", "float33", 32, "complex64"])
def test_a_type_without_fractions_is_refused(torch: Any, dtype: Any) -> None:
    with pytest.raises(ValueError, match="dtype must be one with fractions"):
        Layer(1, 1).to_torch(dtype=dtype)
