"""Layers that are put behind a generator's own, and their files."""

import pytest
import torch

from interpgan_core import AddedLayer, Generator, InterpganError
from interpgan_core.testing import toy
from interpgan_interpretable.adaptation.filters import FilterBank


def layer(name="layers.1.filters", behind="layers.1", seed=0):
    """Filters of the plugin interpretable, not trained."""
    torch.manual_seed(seed)
    return AddedLayer(name, behind, FilterBank(16, 4, torch.tensor([0, 0, 1])), "interpretable.adapt")


def test_its_maps_are_the_layers():
    generator, added = toy(), layer()
    made = generator.with_layer(added)
    assert list(made.layers)[:3] == ["layers.0", "layers.1.filters", "layers.1"]
    assert made.own_layers == list(generator.layers) and not generator.added
    batch = made.sample([3])
    expected, _ = added.module.respond(generator.features(batch, ["layers.1"])["layers.1"])
    assert torch.equal(made.features(batch, ["layers.1.filters"])["layers.1.filters"], expected)
    assert torch.equal(made.images(batch), generator.images(batch))
    assert made.layer_number("layers.1.filters") is None and made.layer_number("layers.2") == 2
    assert made.layer_shapes()["layers.1.filters"][0] == 3


def test_a_name_that_is_taken():
    with pytest.raises(InterpganError, match=r"has a layer 'layers\.2'; take one without it"):
        toy().with_layer(layer("layers.2"))


def test_codes_stay_those_of_the_generator():
    """And of those that it has itself the codes of, the nearest first."""
    generator = toy()
    once = generator.with_layer(layer())
    twice = once.with_layer(layer("layers.2.filters", "layers.2"))
    assert twice.notes["codes of"] == [once.fingerprint, generator.fingerprint]
    assert len({one.fingerprint for one in (generator, once, twice)}) == 3
    for one in (generator, once, twice):
        assert twice.shares_codes(one.fingerprint)
    assert not generator.shares_codes(once.fingerprint)


def test_the_last_layer_is_saved_and_found_again(tmp_path):
    generator = toy()
    once = generator.with_layer(layer())
    twice = once.with_layer(layer("layers.2.filters", "layers.2", seed=1)).with_concepts(
        {"one": ("layers.2.filters", (0, 2))}
    )
    assert twice.can_be_saved
    (tmp_path / "first").mkdir()
    once.save(tmp_path / "first")
    twice.save(tmp_path)
    again = Generator.load(tmp_path, Generator.load(tmp_path / "first", generator))
    assert again.fingerprint == twice.fingerprint and again.layers == twice.layers
    assert again.concepts == twice.concepts and again.notes == twice.notes
    here = twice.with_layer_from(tmp_path)  # it has the layer already
    assert here.layers == twice.layers
    with pytest.raises(InterpganError, match="holds a layer; load the generator that it was made for first"):
        Generator.load(tmp_path)
    with pytest.raises(
        InterpganError, match=f"a layer for the generator {once.fingerprint}, and this one is"
    ):
        Generator.load(tmp_path, generator)
