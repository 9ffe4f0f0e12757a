"""Whose part, whose face, how real: measures of an exchange."""

import pytest
import torch

from interpgan_core import InterpganError, quiet
from interpgan_interpretable.edits.exchange import ExchangeConcepts
from interpgan_interpretable.measures.identity import MeasureIdentity
from interpgan_interpretable.measures.realism import MeasureRealism
from interpgan_interpretable.measures.transfer import MeasureTransfer, accuracy, cut_out, random_choices


@pytest.fixture
def blobs_named(blobs):
    generator = blobs()
    generator.concepts = {str(i): ("drawing", tuple(range(i, 12, 3))) for i in range(3)}
    return generator


def pairs(generator, count=24):
    return generator.sample(range(count)), generator.sample(range(100, 100 + count))


def test_an_exchanged_part_is_recognised(blobs_named, places):
    """Each blob is as bright as its source's: the right one is found, and for another blob's exchange it is not."""
    batch, source = pairs(blobs_named)
    edits = {
        name: ExchangeConcepts(source=source, concepts=[concept]).run(batch, blobs_named)
        for name, concept in (("right", "0"), ("wrong", "1"))
    }
    step = MeasureTransfer(before=batch, source=source, edits=edits, segmenter=places, parts=["one"])
    (table,) = step.run(blobs_named, quiet).tables
    found = dict(table.rows)
    assert found["right"] == 100
    assert found["wrong"] == pytest.approx(found["(unchanged)"]) and found["wrong"] < 60


def test_parts_are_compared_wherever_they_are():
    random = torch.Generator().manual_seed(0)
    picture, mask = torch.zeros(2, 3, 32, 32), torch.zeros(2, 1, 32, 32)
    colours = torch.rand(3, 6, 8, generator=random)
    for i, (y, x) in enumerate(((4, 5), (19, 14))):
        picture[i, :, y : y + 6, x : x + 8] = colours
        mask[i, :, y : y + 6, x : x + 8] = 1
    one, other = cut_out(picture, mask)
    torch.testing.assert_close(one, other, atol=1e-5, rtol=0)
    assert float(one[3].sum()) == pytest.approx(48, abs=1e-3)


def test_every_question_has_its_own_source_and_three_others():
    choices = random_choices(9, 3)
    assert torch.equal(choices[:, 0], torch.arange(9))
    assert all(len(set(row)) == 4 for row in choices.tolist())
    assert torch.equal(choices, random_choices(9, 3))
    assert not torch.equal(choices, random_choices(9, 4))


def test_accuracy_shares_ties():
    source = torch.zeros(4, 4, 2, 2)
    assert accuracy(source, source, random_choices(4, 0)) == 0.25
    source = torch.arange(4.0).view(4, 1, 1, 1).expand(4, 4, 2, 2)
    assert accuracy(source, source, random_choices(4, 0)) == 1
    assert accuracy(source.flip(0), source, random_choices(4, 0)) == 0


def test_too_few_sources_show_the_part(blobs_named, places):
    batch, source = pairs(blobs_named, 3)
    step = MeasureTransfer(before=batch, source=source, edits={"a": batch}, segmenter=places, parts=["one"])
    with pytest.raises(InterpganError, match="3 of the sources show one, and it takes 4; give more"):
        step.run(blobs_named, quiet)


def test_batches_of_other_sizes(blobs_named, places):
    batch, source = pairs(blobs_named)
    wrong = {"before": batch, "source": source, "edits": {"a": batch[:3]}}
    for step in (
        MeasureTransfer(**wrong, segmenter=places, parts=["one"]),
        MeasureIdentity(**wrong, features=Colours()),
    ):
        with pytest.raises(InterpganError, match="'a' has 3 samples and 'before' 24"):
            step.run(blobs_named, quiet)


class Colours:
    """A feature net: what there is above black, of each half of a picture and colour."""

    name = "colours"

    def features(self, images):
        return torch.nn.functional.adaptive_avg_pool2d(images + 1, 4).flatten(1)


def test_a_face_is_the_sources_when_all_of_it_is(blobs_named):
    batch, source = pairs(blobs_named)
    all_of_it = ExchangeConcepts(source=source).run(batch, blobs_named)
    step = MeasureIdentity(
        before=batch, source=source, edits={"all": all_of_it, "none": batch}, features=Colours()
    )
    (table,) = step.run(blobs_named, quiet).tables
    found = {row[0]: row[1:] for row in table.rows}
    assert found["all"][:2] == (100, pytest.approx(1))
    assert found["none"][0] == 0 and found["none"][2] == pytest.approx(1)


class Bright(torch.nn.Module):
    def forward(self, images, labels):
        return images.mean((1, 2, 3))[:, None]


def test_realism_is_what_the_discriminator_says(blobs_named):
    batch, _ = pairs(blobs_named, 5)
    with pytest.raises(InterpganError, match="has no discriminator; load one"):
        MeasureRealism(batches={"a": batch}).run(blobs_named, quiet)
    blobs_named.discriminator = Bright()
    (table,) = MeasureRealism(batches={"all": batch, "one": batch[:1]}).run(blobs_named, quiet).tables
    means = blobs_named.images(batch).mean((1, 2, 3)).double()
    assert table.rows[0][:3] == ("all", 5, pytest.approx(float(means.mean()), abs=1e-6))
    assert table.rows[0][3] == pytest.approx(float(means.std()) / 5**0.5, abs=1e-6)
    assert table.rows[1][3] is None
