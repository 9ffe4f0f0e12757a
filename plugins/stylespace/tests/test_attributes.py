"""Channels by attribute, by gradients and by examples, and disentanglement, on codes whose effects are known."""

import re
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from interpgan_core import (
    Generator,
    InterpganError,
    LatentSpace,
    make_plan,
    quiet,
    run,
    seeded_normal,
)
from interpgan_core.testing import conformance, toy
from interpgan_stylespace.attributes import RankByAttribute
from interpgan_stylespace.dci import MeasureDisentanglement

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


class Colours:
    """The red and the green of a picture."""

    names: tuple[str, ...] = ("red", "green")

    def __call__(self, images):
        return images.mean((2, 3))[:, :2]


class Deaf(Colours):
    def __call__(self, images):
        return super().__call__(images.detach())


class Painter(Generator):
    """Channel 0 lowers red, 1 raises green and a little red, 2 goes along with 0 and paints nothing."""

    fingerprint = "painter"

    def __init__(self):
        self.module = nn.Identity().eval()
        self.spaces = {"z": LatentSpace("z", (2,)), "s": LatentSpace("s", (3,), torch.tensor([0, 0, 1]))}

    def prior(self, seeds):
        return seeded_normal(seeds, (2,))

    def map(self, codes, source, target, labels):
        if source == target:
            return codes
        return torch.stack([2 * codes[:, 0], codes[:, 1], 2 * codes[:, 0]], 1)

    def forward(self, batch):
        s = self.to_space(batch, "s").codes
        colours = torch.stack([-s[:, 0] + 0.5 * s[:, 1], s[:, 1], 0 * s[:, 2]], 1)
        return colours[:, :, None, None].expand(-1, -1, 2, 2)


test_by_gradient = conformance(RankByAttribute(scorer=Colours(), seeds="0-19", count=2), toy)
test_by_examples = conformance(
    RankByAttribute(positives={"red": toy().sample([1, 2, 3])}, seeds="0-19", count=2), toy
)
test_dci = conformance(MeasureDisentanglement(scorer=Colours(), seeds="0-19"), toy)


def test_the_channel_that_makes_it_and_not_the_one_that_goes_along():
    found = RankByAttribute(scorer=Colours(), seeds="0-99", count=3).run(Painter(), quiet)
    assert found["red"].vector.tolist() == [-1, 0, 0] and found["green"].vector.tolist() == [0, 1, 0]
    assert "1.0" not in found
    first = found["0.0"].notes["ranked"]["red"]
    assert first["rank"] == 0 and first["selectivity"] == pytest.approx(1)


def test_examples_find_both():
    """What goes along with an attribute cannot be told from what makes it by examples."""
    generator = Painter()
    codes = generator.to_space(generator.sample(range(2000)), "s").codes
    reddest = (-codes[:, 0] + 0.5 * codes[:, 1]).topk(20).indices.tolist()
    found = RankByAttribute(positives={"red": generator.sample(reddest)}, seeds="0-999", count=2).run(
        generator, quiet
    )
    assert set(found) == {"0.0", "1.0"}
    assert found["red"].vector.sum() == -1
    rows = found.summary().tables[0].rows
    assert [row[0] for row in rows] == ["red", "red"] and rows[0][2] == "-"


def test_a_scorer_without_gradients():
    for step in (RankByAttribute(scorer=Deaf()), MeasureDisentanglement(scorer=Deaf())):
        with pytest.raises(InterpganError, match="no gradient to the picture; choose samples"):
            step.check(toy())


def test_what_is_refused():
    with pytest.raises(ValidationError, match="either a scorer or positives"):
        RankByAttribute()
    with pytest.raises(InterpganError, match="1 positive examples"):
        RankByAttribute(positives={"red": toy().sample([1])}, seeds="0-9").run(toy(), quiet)


def test_the_table_of_spaces():
    report = MeasureDisentanglement(scorer=Colours(), seeds="0-99").run(Painter(), quiet)
    rows = {row[0]: row for row in report.tables[0].rows}
    assert set(rows) == {"z", "s"} and rows["s"][1] == 3
    assert rows["s"][5] == pytest.approx(1)  # green has one channel


@pytest.mark.long
def test_the_recipe_of_the_readme(tmp_path):
    text = re.search(r"```yaml\n(.*?)```", README, re.DOTALL)[1]
    (tmp_path / "recipe.yaml").write_text(
        text.replace("parts: [eyes, mouth], seeds: 0-3", "parts: [eyes], seeds: 0-1, layers: 5-6")
    )
    page = run(make_plan(tmp_path / "recipe.yaml"), tmp_path / "out", device="cpu")
    assert "Channels of each part" in page.read_text()
