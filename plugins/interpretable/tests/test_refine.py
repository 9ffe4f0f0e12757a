"""`interpretable.refine`: codes become more probable under the energy model."""

from dataclasses import replace

import pytest
import torch

from interpgan_core import InterpganError, quiet
from interpgan_interpretable.edits.exchange import ExchangeConcepts
from interpgan_interpretable.edits.refine import Refine
from interpgan_interpretable.training.energy_model import EnergyModel


@pytest.fixture
def modelled(numbered):
    """Three blobs; the model's energy rises with the brightness of blob 0, and falls with that of blob 1."""
    model = EnergyModel(13, 3, 256)
    model.groups = torch.tensor([*(j % 3 for j in range(12)), -1])
    slopes = torch.tensor([20.0, -20.0, 0.0])
    for j in range(12):
        model.weights.data[j, j % 3] = slopes[j % 3]
    model.attach(numbered)
    return numbered


def density(generator, *batches):
    """Log density of samples, or of pairs of them, up to a constant."""
    with torch.no_grad():
        maps = [generator.features(one, ["drawing"])["drawing"].relu() for one in batches]
        energies = [EnergyModel.of(generator).energy(found) for found in maps]
    return sum(energies) - sum(one.codes.square().sum(1) for one in batches) / 2


def test_samples_become_better(modelled):
    batch = modelled.sample(range(6))
    refined = Refine(langevin_steps=30, langevin_step=0.3, noise=0).run(batch, modelled, quiet)
    assert (density(modelled, refined) > density(modelled, batch)).all()
    assert torch.equal(refined.seeds, batch.seeds)
    assert (refined.codes[:, 0] - batch.codes[:, 0]).mean() > 0.1  # brighter
    assert (refined.codes[:, 1] - batch.codes[:, 1]).mean() < -0.1


def test_a_sample_does_not_depend_on_its_neighbours(modelled):
    batch = modelled.sample(range(4))
    together = Refine(langevin_steps=3).run(batch, modelled, quiet)
    alone = Refine(langevin_steps=3).run(batch[2:3], modelled, quiet)
    assert torch.equal(together.codes[2:3], alone.codes)
    assert not torch.equal(
        together.codes, Refine(langevin_steps=3, noise=0).run(batch, modelled, quiet).codes
    )


def test_both_of_a_pair_become_better_after_the_exchange(modelled):
    """Blob 0 of the sample is drawn from the source's code, which therefore makes it brighter."""
    batch, source = modelled.sample([1, 2]), modelled.sample([3, 4])
    before = ExchangeConcepts(source=source, concepts=["0"]).run(batch, modelled)
    refine = {"concepts": ["0"], "langevin_steps": 30, "langevin_step": 0.3, "noise": 0}
    after = Refine(source=source, **refine).run(batch, modelled, quiet)
    other = Refine(source=batch, **refine).run(source, modelled, quiet)
    (edit,) = after.edits
    assert edit.units == (0, 3, 6, 9)
    back = ExchangeConcepts(source=batch, concepts=["0"]).run(source, modelled)
    assert (density(modelled, after, other) > density(modelled, before, back)).all()
    assert edit.value.mean() > before.edits[0].value.mean()


def test_a_pair_is_refined_with_its_homes(modelled):
    batch, source = modelled.sample([1, 2]), modelled.sample([3, 4])
    known = {"source": source, "concepts": ["0"], "langevin_steps": 3, "noise": 0}
    (alone,), (homes,) = (
        Refine(**known, depth=depth).run(batch, modelled, quiet).edits for depth in ("filters", "shape")
    )
    assert len(alone.units) == 4 and homes.layers == ("drawing",)
    assert 0 < homes.weight.sum() < homes.weight.numel()
    assert not torch.equal(homes.source.codes, source.codes)


def test_what_cannot_be_refined(blobs, modelled):
    batch = modelled.sample([0])
    with pytest.raises(InterpganError, match=r"has no energy model: interpretable\.train makes"):
        Refine().run(batch, blobs(), quiet)
    edited = ExchangeConcepts(source=batch, concepts=["0"]).run(batch, modelled)
    with pytest.raises(InterpganError, match="codes are refined in z, before any edit"):
        Refine().run(edited, modelled, quiet)
    elsewhere = replace(batch, space=replace(batch.space, name="w"))
    with pytest.raises(InterpganError, match="codes are refined in z"):
        Refine().run(elsewhere, modelled, quiet)
