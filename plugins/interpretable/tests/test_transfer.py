"""Transfer of parts, identity and realism: measures of an exchange."""

import pytest
import torch

from interpgan_core import InterpganError, quiet
from interpgan_interpretable.edits.exchange import ExchangeConcepts
from interpgan_interpretable.measures.identity import MeasureIdentity
from interpgan_interpretable.measures.realism import MeasureRealism
from interpgan_interpretable.measures.transfer import MeasureTransfer, accuracy, cut_out, random_choices


def pairs(generator, count=24):
    return generator.sample(range(count)), generator.sample(range(100, 100 + count))


def test_an_exchanged_part_is_recognised(numbered, places):
    """An exchanged blob has its source's brightness: the source is found; with another blob exchanged, it is not."""
    batch, source = pairs(numbered)
    edits = {
        name: ExchangeConcepts(source=source, concepts=[concept]).run(batch, numbered)
        for name, concept in (("right", "0"), ("wrong", "1"))
    }
    step = MeasureTransfer(before=batch, source=source, edits=edits, segmenter=places, parts=["one"])
    (table,) = step.run(numbered, quiet).tables
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


def test_a_part_lies_in_the_middle_with_colours_from_0_to_1():
    image, mask = torch.zeros(1, 3, 3, 5), torch.zeros(1, 1, 3, 5)
    image[0, :, 0, 1], mask[0, 0, 0, 1] = torch.tensor([-9.0, 0.5, 9.0]), 1.0
    (found,) = cut_out(image, mask)
    expected = torch.zeros(4, 3, 5)
    expected[:, 1, 2] = torch.tensor([0.0, 0.75, 1.0, 1.0])
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(cut_out(image, 0.5 * mask)[0], 0.5 * expected, atol=1e-5, rtol=0)
    assert not cut_out(image, 0 * mask).any()


class Dot:
    """Finds a part of so many pixels in every picture."""

    parts = ("rest", "dot")

    def __init__(self, pixels):
        self.pixels = pixels

    def __call__(self, images):
        found = torch.zeros(len(images), *images.shape[2:], dtype=torch.int64)
        found[:, 0, : self.pixels] = 1
        return found


def test_a_part_of_fewer_than_four_pixels_is_not_shown(numbered):
    batch, source = pairs(numbered, 4)
    given = {"before": batch, "source": source, "edits": {"a": batch}, "parts": ["dot"]}
    (table,) = MeasureTransfer(**given, segmenter=Dot(4)).run(numbered, quiet).tables
    assert table.note == "4 questions of four choices; chance gives 25 %."
    with pytest.raises(InterpganError, match="0 of the sources show dot, and 4 are needed"):
        MeasureTransfer(**given, segmenter=Dot(3)).run(numbered, quiet)


def test_every_question_has_its_own_source_and_three_others():
    choices = random_choices(9, 3)
    assert torch.equal(choices[:, 0], torch.arange(9))
    assert all(len(set(row)) == 4 for row in choices.tolist())
    assert torch.equal(choices, random_choices(9, 3))
    assert not torch.equal(choices, random_choices(9, 4))


def test_accuracy_shares_ties():
    sources = torch.zeros(4, 4, 2, 2)
    assert accuracy(sources, sources, random_choices(4, 0)) == 0.25
    sources = torch.arange(4.0).view(4, 1, 1, 1).expand(4, 4, 2, 2)
    assert accuracy(sources, sources, random_choices(4, 0)) == 1
    assert accuracy(sources.flip(0), sources, random_choices(4, 0)) == 0


def test_too_few_sources_show_the_part(numbered, places):
    batch, source = pairs(numbered, 3)
    step = MeasureTransfer(before=batch, source=source, edits={"a": batch}, segmenter=places, parts=["one"])
    with pytest.raises(InterpganError, match="3 of the sources show one, and 4 are needed; give more"):
        step.run(numbered, quiet)


def test_batches_of_other_sizes(numbered, places):
    batch, source = pairs(numbered)
    wrong = {"before": batch, "source": source, "edits": {"a": batch[:3]}}
    for step in (
        MeasureTransfer(**wrong, segmenter=places, parts=["one"]),
        MeasureIdentity(**wrong, features=Colours()),
    ):
        with pytest.raises(
            InterpganError, match="'a' has 3 samples and 'before' 24; give batches of the same"
        ):
            step.run(numbered, quiet)


class Colours:
    """A feature net: brightness by region and colour."""

    name = "colours"

    def features(self, images):
        return torch.nn.functional.adaptive_avg_pool2d(images + 1, 4).flatten(1)


def test_a_face_is_the_sources_when_all_of_it_is(numbered):
    batch, source = pairs(numbered)
    all_of_it = ExchangeConcepts(source=source).run(batch, numbered)
    step = MeasureIdentity(
        before=batch, source=source, edits={"all": all_of_it, "none": batch}, features=Colours()
    )
    (table,) = step.run(numbered, quiet).tables
    found = {row[0]: row[1:] for row in table.rows}
    assert found["all"][:2] == (100, pytest.approx(1))
    assert found["none"][0] == 0 and found["none"][2] == pytest.approx(1)


class Brightness(torch.nn.Module):
    def forward(self, images, labels):
        return images.mean((1, 2, 3))[:, None]


def test_realism_is_the_mean_logit(numbered):
    batch, _ = pairs(numbered, 5)
    with pytest.raises(InterpganError, match="no discriminator; load one"):
        MeasureRealism(batches={"a": batch}).run(numbered, quiet)
    numbered.discriminator = Brightness()
    (table,) = MeasureRealism(batches={"all": batch, "one": batch[:1]}).run(numbered, quiet).tables
    means = numbered.images(batch).mean((1, 2, 3)).double()
    assert table.rows[0][:3] == ("all", 5, pytest.approx(float(means.mean()), abs=1e-6))
    assert table.rows[0][3] == pytest.approx(float(means.std()) / 5**0.5, abs=1e-6)
    assert table.rows[1][3] is None
