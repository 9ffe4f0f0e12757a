import re
from dataclasses import replace

import pytest
import torch
from torch import nn

from interpgan_core import (
    FeatureEdit,
    Generator,
    InterpganError,
    LatentBatch,
    LatentSpace,
    Ranges,
    load_generator,
    seeded_normal,
)
from interpgan_core.generators.toy import ToyGenerator
from interpgan_core.testing import conformance, toy

test_toy = conformance(toy())
test_toy_with_classes = conformance(ToyGenerator(classes=3))
test_toy_with_random_noise = conformance(ToyGenerator(noise="random"))


def test_codes_go_forward_only():
    generator = toy()
    batch = generator.to_space(generator.sample([1]), "w+")
    with pytest.raises(
        InterpganError, match=r"codes in w\+ cannot go back to w: codes pass z -> w -> w\+ -> s"
    ):
        generator.to_space(batch, "w")
    with pytest.raises(InterpganError, match="no space 'y'; there are: "):
        generator.to_space(batch, "y")


def test_no_samples_are_samples_too():
    generator = toy()
    none = generator.to_space(generator.sample([]), "s")
    assert none.codes.shape == (0, 96)


@pytest.mark.parametrize(
    ("space", "layers", "start", "expected"),
    [
        ("z", "all", None, "z"),
        ("w", "all", None, "w"),
        ("w", "1-2", None, "w+"),
        ("w", "all", "w+", "w+"),
        ("w+", "all", "w", "w+"),
        ("s", "3", "z", "s"),
    ],
)
def test_where_an_edit_happens(space, layers, start, expected):
    assert toy().space_for(space, layers, start) == expected


@pytest.mark.parametrize(
    ("space", "layers", "start", "message"),
    [
        ("q", "all", None, "no space that takes a direction of q; there are: s, w, w\\+, z"),
        ("z", "all", "w", "a direction of z cannot move codes that are already in w; apply it before"),
        ("w", "all", "s", "a direction of w cannot move codes that are already in s"),
        ("z", "0", None, "no space that takes a direction of z has layers; leave 'layers' at all"),
    ],
)
def test_where_no_edit_can_happen(space, layers, start, message):
    with pytest.raises(InterpganError, match=message):
        toy().space_for(space, layers, start)


def test_features_stop_after_the_last_layer_asked_for():
    generator = toy()
    passed = []
    generator.module.layers[5].register_forward_hook(lambda *_: passed.append(5))
    generator.features(generator.sample([1]), ["layers.1", "layers.3"])
    assert not passed
    generator.features(generator.sample([1]), ["layers.5"])
    assert passed == [5]


def test_features_show_the_edits():
    generator = toy()
    edit = FeatureEdit("layers.1", (2,), torch.zeros(1, 1, 1, 1), torch.ones(1, 1, 1, 1))
    batch = replace(generator.sample([1, 2]), edits=(edit,))
    maps = generator.features(batch, ["layers.1", "layers.2"])
    assert (maps["layers.1"][:, 2] == 0).all()
    assert not (
        maps["layers.2"] == generator.features(generator.sample([1, 2]), ["layers.2"])["layers.2"]
    ).all()


def test_two_edits_of_one_layer_apply_in_their_order():
    generator = toy()
    one = torch.ones(1, 1, 1, 1)
    edits = (FeatureEdit("layers.1", (0,), 5 * one, one), FeatureEdit("layers.1", (0,), 3 * one, 0.5 * one))
    maps = generator.features(replace(generator.sample([1]), edits=edits), ["layers.1"])["layers.1"]
    assert (maps[:, 0] == 4).all()


def test_pictures_that_are_drawn_by_turns_keep_their_own_edits():
    generator = toy()
    batch, one = generator.sample([1, 2, 3]), torch.ones(1, 1, 1, 1)
    edited = replace(batch, edits=(FeatureEdit("layers.1", (0,), 5 * one, one),))
    edited_alone, plain_alone = list(generator.iter_images(edited)), list(generator.iter_images(batch))
    by_turns = zip(generator.iter_images(edited), generator.iter_images(batch), strict=True)
    for i, (with_edit, without) in enumerate(by_turns):
        assert torch.equal(with_edit, edited_alone[i])
        assert torch.equal(without, plain_alone[i])
        assert not torch.equal(with_edit, without)


def test_a_failing_edit_leaves_no_hook():
    generator = toy()
    bad = FeatureEdit("layers.1", (99,), torch.zeros(1, 1, 1, 1), torch.ones(1, 1, 1, 1))
    with pytest.raises(InterpganError, match="there is no unit 99"):
        generator.images(replace(generator.sample([1]), edits=(bad,)))
    assert not generator.module.layers[1]._forward_hooks
    unknown = replace(bad, layer="layers.17")
    with pytest.raises(
        InterpganError, match=r"no layer 'layers\.17'; did you mean .* \(its layers: layers\.0, "
    ):
        generator.images(replace(generator.sample([1]), edits=(unknown,)))


def test_foreign_codes_are_refused():
    foreign = LatentBatch(torch.zeros(1, 512), LatentSpace("z", (512,)))
    with pytest.raises(InterpganError, match=r"do not belong to this generator, whose spaces are z \(16,\)"):
        toy().images(foreign)


def test_a_stream_is_the_samples_in_parts():
    generator = toy()
    parts = list(generator.stream(Ranges("10-20"), batch_size=4, space="w"))
    assert [len(part) for part in parts] == [4, 4, 3]
    together = generator.to_space(generator.sample(Ranges("10-20")), "w")
    assert (torch.cat([part.codes for part in parts]) == together.codes).all()
    assert torch.cat([part.seeds for part in parts]).tolist() == list(range(10, 21))


def test_random_noise_belongs_to_the_sample():
    noisy = ToyGenerator(noise="random")
    together = noisy.images(noisy.sample([1, 2]))
    assert (noisy.images(noisy.sample([2]))[0] == together[1]).all()
    assert not (together == toy().images(toy().sample([1, 2]))).all()
    with pytest.raises(InterpganError, match="random noise comes from each sample's seed"):
        noisy.images(replace(noisy.sample([1]), seeds=None))


def test_classes_come_from_the_seed_or_by_number():
    generator = ToyGenerator(classes=5)
    drawn = generator.sample(range(40)).labels
    assert (drawn.sum(1) == 1).all()
    assert len(set(drawn.argmax(1).tolist())) == 5
    assert (generator.sample([7]).labels == generator.sample(range(10)).labels[7]).all()


def test_the_named_model():
    assert load_generator("toy").fingerprint == toy().fingerprint
    with pytest.raises(InterpganError, match="there is no model 'toyy'; did you mean 'toy'"):
        load_generator("toyy")
    with pytest.raises(InterpganError, match="draws 32 pixels in float32 only"):
        load_generator("toy", resolution=64)


def test_a_file_that_no_backbone_knows(tmp_path):
    torch.save({"g_ema": {"weight": torch.zeros(2)}}, tmp_path / "net.pt")
    with pytest.raises(InterpganError, match=r"net.pt holds g_ema \(1 tensors\); of the backbones asked"):
        load_generator(tmp_path / "net.pt")


def test_a_toy_made_in_inference_mode_spoils_no_later_one():
    """Toys share what they draw; of 23 classes no other test makes one."""
    with torch.inference_mode():
        first = ToyGenerator(classes=23)
        first.images(first.sample([0]))
    later = ToyGenerator(classes=23)
    codes = later.to_space(later.sample([0]), "w").codes.clone().requires_grad_(True)
    batch = LatentBatch(codes * later.spaces["w"].mean, later.spaces["w"], seeds=torch.tensor([0]))
    later.forward(batch).sum().backward()
    assert codes.grad.any()


def test_whose_codes_it_shares():
    generator = toy()
    assert generator.shares_codes("") and generator.shares_codes(generator.fingerprint)
    assert not generator.shares_codes("another")
    generator.notes = {"codes of": ["another", "one more"]}
    assert generator.shares_codes("one more") and generator.shares_codes("another")
    generator.notes = {"codes of": "another"}  # damaged: no list
    assert not generator.shares_codes("another")


class Flat(Generator):
    """Maps of 2 channels and 3 x 5 positions; pictures of as many channels as asked for, all 0."""

    fingerprint, layers = "flat", ("maps",)

    def __init__(self, channels=3):
        self.module = nn.Module()
        self.module.maps = nn.Identity()
        self.spaces = {"z": LatentSpace("z", (30,))}
        self.channels = channels

    def prior(self, seeds):
        return seeded_normal(seeds, (30,))

    def map(self, codes, source, target, labels):
        raise AssertionError("there is one space")

    def forward(self, batch):
        maps = self.module.maps(batch.codes.reshape(-1, 2, 3, 5))
        return (0 * maps[:, :1]).expand(-1, self.channels, -1, -1)


def test_the_shapes_of_layers():
    assert Flat().layer_shapes() == {"maps": (2, 3, 5)}


@pytest.mark.parametrize(
    ("channels", "alpha", "shown"), [(1, True, 3), (3, True, 3), (4, False, 3), (4, True, 4)]
)
def test_channels_of_pictures(channels, alpha, shown):
    generator = Flat(channels)
    images = generator.images(generator.sample([1, 2]), alpha=alpha)
    assert images.shape == (2, shown, 3, 5)
    if not alpha:  # half transparent over white
        assert (images == 0.5).all() and torch.equal(images, generator.images(generator.sample([1, 2])))


def test_what_holds_for_most_generators():
    """Without classes, drawn one by one, on the CPU where there are no weights."""
    generator = Flat()
    assert generator.classes == 0 and generator.device == torch.device("cpu")
    assert [len(part) for part in generator.iter_images(generator.sample([1, 2, 3]))] == [1, 1, 1]
    four = Flat(4)
    assert next(four.iter_images(four.sample([1]))).shape[1] == 3
    assert toy().device == torch.device("cpu")
    assert toy().to("meta").device == torch.device("meta")


def test_a_family_that_does_not_say_how_it_is_saved(tmp_path):
    assert not Flat().can_be_saved
    with pytest.raises(InterpganError, match="a Flat cannot be saved: its family's plugin does not say how"):
        Flat().save(tmp_path)


def test_layers_that_are_rectified_make_another_generator():
    generator, plain = toy(), toy()
    assert generator.rectify(["layers.1"]) is generator
    once = generator.fingerprint
    assert once != plain.fingerprint and re.fullmatch("[0-9a-f]{16}", once)
    generator.rectify(["layers.1"])
    assert generator.fingerprint == once and generator.rectified == ("layers.1",)
    generator.rectify(["layers.2", "layers.1"])
    assert generator.fingerprint != once and generator.rectified == ("layers.1", "layers.2")
    maps = generator.features(generator.sample([1]), ["layers.1", "layers.2"])
    assert all(m.min() == 0 for m in maps.values())
    with pytest.raises(InterpganError, match=r"no layer 'layers\.9'"):
        generator.rectify(["layers.9"])
