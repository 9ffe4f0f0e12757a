"""Style mixing and truncation, by hand, on codes of one number a layer."""

import pytest
import torch
from pydantic import ValidationError

from interpgan_core import Grid, InterpganError, LatentBatch, LatentSpace, Mix, Shown, Truncate
from interpgan_core.generators.generator import Generator

LAYERS = torch.arange(3)


class Plain(Generator):
    """z -> w -> w+ -> s, of the same numbers."""

    layers = ()

    def __init__(self, *spaces):
        self.module, self.fingerprint = torch.nn.Identity(), "abcd"
        self.spaces = {space.name: space for space in spaces}

    def prior(self, seeds):
        return torch.tensor([[float(seed)] for seed in seeds])

    def map(self, codes, source, target, labels):
        return (
            codes
            if codes.shape[1:] == self.spaces[target].shape
            else codes.flatten(1)[:, :1].expand(-1, 3).reshape(-1, *self.spaces[target].shape)
        )

    def forward(self, batch):
        raise AssertionError


Z, W, S = (
    LatentSpace("z", (1,)),
    LatentSpace("w", (1,), mean=torch.tensor([2.0])),
    LatentSpace("s", (3,), LAYERS),
)
WPLUS = LatentSpace("w+", (3, 1), LAYERS[:, None], base="w", mean=torch.tensor([[2.0]] * 3))
PLAIN = Plain(Z, W, WPLUS, S)


def test_codes_are_pulled_to_their_mean():
    pulled = Truncate(psi=0.25).run(PLAIN.sample([10, 2]), PLAIN)
    assert pulled.space.name == "w" and pulled.codes.tolist() == [[4], [2]]
    assert Truncate(psi=0.0).run(PLAIN.sample([10]), PLAIN).codes.tolist() == [[2]]
    assert Truncate().run(PLAIN.sample([12]), PLAIN).codes.tolist() == [[pytest.approx(9)]]  # StyleGAN's 0.7


def test_some_layers_are_pulled_where_codes_have_layers():
    pulled = Truncate(psi=0.5, layers="1-").run(PLAIN.sample([10]), PLAIN)
    assert pulled.space.name == "w+" and pulled.codes.flatten().tolist() == [10, 6, 6]


def test_where_no_mean_is_known_nothing_is_pulled():
    with pytest.raises(
        InterpganError, match=r"codes in s cannot be truncated: no space from .* a known mean$"
    ):
        Truncate().run(PLAIN.to_space(PLAIN.sample([1]), "s"), PLAIN)
    flat = Plain(Z, W, S)
    with pytest.raises(InterpganError, match=r"codes in z cannot be truncated: .* a known mean and layers$"):
        Truncate(layers="1").run(flat.sample([1]), flat)


def test_psi_is_a_number_with_a_slider():
    with pytest.raises(ValidationError):
        Truncate(psi="0.5")
    shown = next(one for one in Truncate.model_fields["psi"].metadata if isinstance(one, Shown))
    assert (shown.low, shown.high, shown.step) == (0, 1.2, 0.05)


def test_chosen_layers_come_from_the_source():
    mixed = Mix(source=PLAIN.sample([50]), layers="1-").run(PLAIN.sample([1, 2]), PLAIN)
    assert mixed.space.name == "w+" and mixed.grid is None
    assert mixed.codes.flatten(1).tolist() == [[1, 50, 50], [2, 50, 50]]
    pairs = Mix(source=PLAIN.sample([50, 60]), layers="0").run(PLAIN.sample([1, 2]), PLAIN)
    assert pairs.codes.flatten(1).tolist() == [[50, 1, 1], [60, 2, 2]]


def test_codes_that_have_gone_further_are_mixed_there():
    there = PLAIN.to_space(PLAIN.sample([50]), "s")
    mixed = Mix(source=there, layers="0").run(PLAIN.sample([1]), PLAIN)
    assert mixed.space.name == "s" and mixed.codes.tolist() == [[50, 1, 1]]
    flat = Plain(Z, W)
    with pytest.raises(InterpganError, match="this generator has no space with layers, so there is nothing"):
        Mix(source=flat.sample([5]), layers="0").run(flat.sample([1]), flat)


def test_every_sample_with_every_source():
    mixed = Mix(source=PLAIN.sample([50, 60, 70]), layers="1", cross=True).run(PLAIN.sample([1, 2]), PLAIN)
    assert mixed.grid == Grid(("original", "seed 50", "seed 60", "seed 70"), origin=0)
    assert mixed.codes.flatten(1).tolist() == [
        [sample, middle, sample] for sample in (1, 2) for middle in (sample, 50, 60, 70)
    ]
    assert mixed.seeds.tolist() == [1] * 4 + [2] * 4


def test_a_batch_of_no_known_generator_is_refused():
    foreign = LatentBatch(torch.zeros(1, 1), LatentSpace("y", (1,)))
    with pytest.raises(ValueError, match="y"):
        Mix(source=foreign, layers="0").run(PLAIN.sample([1]), PLAIN)
