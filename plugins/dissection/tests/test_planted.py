"""The planted truth: unit j draws part j, and every way of finding it finds it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from interpgan_core import Ablate, Generator, Insert, LatentSpace, quiet, seeded_normal
from interpgan_dissection.ace import Places, Target, find_places, insertion_effect
from interpgan_dissection.dissect import Dissect
from interpgan_dissection.effect import MeasureEffect
from interpgan_dissection.rank import RankUnits

SIDE, PARTS = 24, ("wall", "box", "disc", "line")


class Paint(nn.Module):
    """Three units draw a part each, in red, green and blue on black; the others draw nothing."""

    def forward(self, maps):
        return 2 * maps[:, :3].clamp(0, 1) - 1


class Planted(Generator):
    """Unit 0 draws a box, unit 1 a disc, unit 2 a line, side by side; units 3 to 5 are noise between 0 and 1."""

    fingerprint = "planted"
    layers = ("units", "paint")

    def __init__(self):
        self.module = nn.Module()
        self.module.units, self.module.paint = nn.Identity(), Paint()
        self.spaces = {"z": LatentSpace("z", (6,))}

    def prior(self, seeds):
        return seeded_normal(seeds, (6,))

    def map(self, codes, source, target, labels):
        raise AssertionError("there is one space")

    def forward(self, batch):
        height = (batch.codes[:, :3].sigmoid() * (SIDE - 8)).long()[..., None, None] + 4
        y, x = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
        box = ((y - height[:, 0]).abs() <= 2) & ((x - 3).abs() <= 3)
        disc = (y - height[:, 1]) ** 2 + (x - 11) ** 2 <= 9
        line = (y == height[:, 2]) & (x >= 16)
        there = batch.codes[:, 3:, None, None] > -0.4  # two thirds have each
        noise = seeded_normal(batch.seeds.tolist(), (3, SIDE, SIDE), stream=1).sigmoid()
        maps = torch.stack([box, disc, line], 1) & there
        return self.module.paint(self.module.units(torch.cat([maps.float(), noise], 1)))


class Colours:
    """Finds the parts by their colours, and says how sure it is."""

    parts = PARTS

    def probabilities(self, images):
        corners = torch.tensor([[-1.0, -1, -1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
        distance = (images[:, None] - corners.view(1, 4, 3, 1, 1)).square().sum(2)
        return (-distance).softmax(1)

    def __call__(self, images):
        return self.probabilities(images).argmax(1)


def dissected(generator, segmenter):
    given = {"layer": "units", "seeds": "0-199", "shown": 0, "segmenter": segmenter}
    return Dissect(**given).run(generator, Path(), quiet)


@pytest.fixture(scope="module")
def planted():
    return dissected(Planted(), Colours())


def test_units_tell_what_they_draw(planted):
    assert planted.drawn().tolist() == [1, 2, 3, -1, -1, -1]
    for unit in range(3):
        assert planted.union[unit, unit + 1] == 1 and planted.ratio[unit, unit + 1] == pytest.approx(1)
        assert planted.best_union[unit, unit + 1] == 1 and planted.means[unit, unit + 1] == 1
    assert planted.best_union[3:, 1:].max() < 0.05 and planted.ratio[3:].max() < 0.01
    assert planted.shares.sum() == pytest.approx(1)
    table = planted.summary().tables[0]
    assert table.note.startswith("3 of 6 units (50 %) tell a part")
    assert {row[0]: row[2] for row in table.rows} == {"box": 1, "disc": 1, "line": 1, "wall": 0}


@pytest.mark.parametrize("part", PARTS[1:])
def test_the_unit_of_a_part_alone_removes_and_brings_it(planted, part):
    own = PARTS.index(part) - 1
    ranked = RankUnits(
        dissection=planted,
        part=part,
        by="ace",
        segmenter=Colours(),
        seeds="1000-1099",
        pairs=20,
        rounds=20,
        count=6,
    ).run(Planted(), quiet)
    assert ranked.units[0] == own and ranked.scores[0] == 1
    assert ranked.scores[1:].max() < 0.01
    assert ranked.title == f"{part}, by ace" and ranked.level("mean")[0] == 1
    for by in ("iou", "iqr"):
        first = RankUnits(dissection=planted, part=part, by=by, count=1).run(Planted(), quiet)
        assert first.units == (own,) and first.scores[0] == pytest.approx(1)


def test_a_selection_finds_the_unit_without_a_segmenter(tmp_path):
    generator = Planted()
    plain = dissected(generator, None)
    assert plain.parts == () and plain.drawn().tolist() == [-1] * 6
    assert "No segmenter looked" in plain.summary().notes[0]
    for unit, part in enumerate(PARTS[1:]):
        seed = next(
            s for s in range(50) if (Colours()(generator.images(generator.sample([s]))) == unit + 1).any()
        )
        samples = generator.sample([seed])
        inside = (Colours()(generator.images(samples))[0] == unit + 1).numpy().astype(np.uint8) * 255
        Image.fromarray(inside).save(tmp_path / f"{part}.png")
        ranked = RankUnits(
            dissection=plain, by="selection", samples=samples, region=tmp_path / f"{part}.png", count=3
        ).run(generator, quiet)
        assert ranked.units[0] == unit and ranked.scores[0] > 2 * ranked.scores[1]
        assert ranked.level("mean")[0] == 1


def test_removal_and_insertion_are_seen_in_the_curves(planted):
    generator = Planted()
    ranked = {"iou": RankUnits(dissection=planted, part="disc", count=6).run(generator, quiet)}
    fields = {
        "ranked": ranked,
        "segmenter": Colours(),
        "part": "disc",
        "seeds": "500-599",
        "samples": 20,
        "random": 2,
    }
    report = MeasureEffect(**fields, counts=(1, 2)).run(generator, quiet)
    rows = [row for row in report.tables[0].rows if row[0] == "iou"]
    assert rows[0][:4] == ("iou", 1, 100.0, 0.0)
    region = [0, 8 / SIDE, 1, 15 / SIDE]
    report = MeasureEffect(**fields, counts=(1,), action="insert", region=region).run(generator, quiet)
    row = next(row for row in report.tables[0].rows if row[0] == "iou")
    assert row[:5] == ("iou", 1, 100.0, 0.0, 0.0)


def test_removed_and_inserted_by_the_steps_of_the_core(planted):
    """What the curves measure is what a recipe does."""
    generator, colours = Planted(), Colours()
    disc = RankUnits(dissection=planted, part="disc", count=1).run(generator, quiet)
    batch = generator.sample(
        [s for s in range(40) if (colours(generator.images(generator.sample([s]))) == 2).any()]
    )
    gone = Ablate(ranked=disc, parts=["disc"], segmenter=colours).run(batch, generator)
    assert not (colours(generator.images(gone)) == 2).any()
    back = Insert(ranked=disc, region=[0.5, 0.5, 0.75, 0.75]).run(gone, generator)
    assert (colours(generator.images(back)) == 2)[:, 12:18, 12:18].all()


def test_inserting_is_read_where_it_is_done(planted):
    """The original code reads it at the place of the other sample of a pair: both numbers."""
    generator, colours = Planted(), Colours()
    target = Target("units", 2, len(PARTS), planted.means[:, 2])
    with torch.no_grad():
        present, free = find_places(generator, colours, target, range(1000, 1060), 12, 12, quiet)
        alpha = torch.eye(6)[1]
        ours = insertion_effect(generator, colours, target, free, alpha)
        there = Places(free.seeds, free.masks, present.masks[: len(free)])
        theirs = insertion_effect(generator, colours, target, there, alpha)
    assert float(ours.min()) > 0.8
    assert float(theirs.mean()) < 0.5 * float(ours.mean())
