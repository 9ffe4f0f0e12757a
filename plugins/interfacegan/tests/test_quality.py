"""The boundary between good samples and bad ones, by labels and by a discriminator."""

import pytest
import torch
from torch import nn

from interpgan_core import Generator, InterpganError, LatentSpace, Place, Ranges, Scores, quiet, seeded_normal
from interpgan_core.testing import conformance, toy
from interpgan_interfacegan.boundaries import FitBoundaries
from interpgan_interfacegan.condition import Condition
from interpgan_interfacegan.quality import Boundary, FindQuality, discriminator_scores


class Discriminator(nn.Module):
    """Scores the brightness of an image and, as by a minibatch standard deviation, the variety of the batch."""

    def forward(self, images, labels=None):
        assert labels is None
        return images.mean((1, 2, 3))[:, None] + (images - images.mean(0)).abs().mean()


class WithDiscriminator(Generator):
    """The mean of a code is the brightness of its image, which the discriminator scores."""

    fingerprint = "with-discriminator"

    def __init__(self):
        self.module, self.discriminator = nn.Identity().eval(), Discriminator()
        self.spaces = {"z": LatentSpace("z", (12,)), "w": LatentSpace("w", (12,))}

    def prior(self, seeds):
        return seeded_normal(seeds, (12,))

    def map(self, codes, source, target, labels):
        return codes * 2 + 5

    def forward(self, batch):
        return batch.codes.view(-1, 3, 2, 2)


def labels(count=400, bad=30, names=("good",)):
    """The codes of the samples with label 0 have the lowest first numbers."""
    first = WithDiscriminator().prior(range(count))[:, 0]
    good = (first > first.sort().values[bad - 1]).float()
    return Scores(torch.arange(count), good[:, None].expand(-1, len(names)), names)


def found(generator=None, **parameters):
    return FindQuality(**parameters).run(generator or WithDiscriminator(), quiet)


def along(direction, vector):
    return float(direction.vector @ vector.double()) / float(vector.double().norm())


def test_labels():
    boundary = found(scores=labels())
    assert along(boundary, torch.eye(12)[0]) > 0.9
    # As many a side as the rarer label has; the others are the rest.
    assert boundary.notes["per_side"] == 30 and boundary.notes["rest"] == 340
    assert boundary.notes["attribute"] == "good" and boundary.generator == "with-discriminator"
    few = found(scores=labels(), chosen=10, solver="svm")
    assert few.notes["per_side"] == 10 and few.notes["solver"] == "svm"


def test_one_bad_sample_is_not_enough():
    with pytest.raises(InterpganError, match="cannot be told apart; too few samples score otherwise"):
        found(scores=labels(bad=1))


def test_the_discriminator_scores_the_samples():
    boundary = found(seeds="0-1999")
    assert along(boundary, torch.ones(12)) > 0.99
    assert boundary.notes["attribute"] == "quality" and boundary.notes["per_side"] == 40
    assert found(seeds="0-499", space="w").space == "w"


def test_an_image_is_scored_alone():
    """Its score depends on neither the number nor the order of the samples."""
    some = discriminator_scores(WithDiscriminator(), Ranges("3-9"), quiet)
    assert some.names == ("quality",) and some.seeds.tolist() == list(range(3, 10))
    (one,) = discriminator_scores(WithDiscriminator(), Ranges("7"), quiet).values
    assert torch.equal(some.values[4], one)
    torch.testing.assert_close(some.values[:, 0], WithDiscriminator().prior(range(3, 10)).mean(1))


def test_the_discriminators_of_the_avatars():
    pytest.importorskip("interpgan_avatars")
    from interpgan_core import load_generator

    for name in ("avatars.pggan", "avatars.stylegan2"):
        scores = discriminator_scores(load_generator(name), Ranges("0-3"), quiet)
        assert scores.values.isfinite().all() and scores.values.unique().numel() == 4


def test_a_generator_without_a_discriminator():
    with pytest.raises(InterpganError, match=r"comes without its discriminator, .* give labels as scores"):
        found(toy())


def test_more_columns_than_one():
    with pytest.raises(InterpganError, match="quality is one column of scores, and these have 2: good, bad"):
        found(scores=labels(names=("good", "bad")))


def test_the_report_and_the_file(tmp_path):
    boundary = found(scores=labels())
    (table,) = boundary.summary().tables
    assert [row[0] for row in table.rows] == ["good"]
    boundary.save(tmp_path)
    again = Boundary.load(tmp_path)
    assert isinstance(again, Boundary) and again.summary() == boundary.summary()


# Absolute edits: the plane keeps its offset, so that distances hold in a space with a mean that is not 0


@pytest.mark.parametrize("space", ["z", "w"])
def test_samples_are_placed_at_a_distance_from_the_boundary(space):
    generator = WithDiscriminator()
    batch = generator.sample(range(200))
    brightness = generator.to_space(batch, space).codes.mean(1)
    middle = float(brightness.mean())
    table = Scores(torch.arange(200), brightness[:, None], ("bright",))
    fit = FitBoundaries(scores=table, space=space, solver="logistic", chosen=0.2, bootstrap=0)
    plane = fit.run(generator, quiet)["bright"]
    assert space == "z" or abs(plane.bias) > 5
    for wanted in (-3.0, 0.0, 2.0):
        placed = Place(direction=plane, distance=wanted).run(batch, generator)
        assert placed.space.name == space
        torch.testing.assert_close(
            plane.distance(placed.codes), torch.full((200,), wanted).double(), atol=1e-5, rtol=0
        )
        # On the plane brightness is in the middle; without its offset W would be placed around 0 instead.
        assert float(placed.codes.mean()) == pytest.approx(middle + wanted / 12**0.5, abs=0.3)


def test_a_conditioned_boundary_places_too():
    generator = WithDiscriminator()
    codes = generator.sample(range(300)).codes
    table = Scores(torch.arange(300), torch.stack([codes.mean(1), codes[:, 0]], 1), ("bright", "first"))
    planes = FitBoundaries(scores=table, space="w", solver="logistic", bootstrap=0).run(generator, quiet)
    plane = Condition(direction=planes["bright"], given=[planes["first"]]).run(generator)
    batch = generator.sample(range(5))
    placed = Place(direction=plane, distance=[-1.0, 0.0, 1.0]).run(batch, generator)
    expected = torch.tensor([-1.0, 0, 1]).double().repeat(5)
    torch.testing.assert_close(plane.distance(placed.codes), expected, atol=1e-5, rtol=0)
    # And what it was conditioned on stays.
    now = planes["first"].distance(placed.codes).view(5, 3)
    torch.testing.assert_close(now, now[:, :1].expand(-1, 3), atol=1e-5, rtol=0)


test_quality_by_labels = conformance(FindQuality(scores=labels(), solver="svm"), WithDiscriminator)
test_quality_by_the_discriminator = conformance(FindQuality(seeds="0-99"), WithDiscriminator)
