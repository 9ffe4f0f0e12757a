"""The operator, on a generator whose pictures are linear in its codes, and on the toy."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from pydantic import ValidationError
from torch import nn

from interpgan_core import (
    Direction,
    DirectionSet,
    Generator,
    InterpganError,
    LatentSpace,
    Shift,
    make_plan,
    quiet,
    run,
    seeded_normal,
)
from interpgan_core.testing import conformance, plugin_conformance, recipe_error, toy
from interpgan_resefa.operators import FindRegionDirections

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


class Halves:
    """Left and right; a third part that no picture has."""

    parts = ("left", "right", "nowhere")

    def __call__(self, images):
        columns = torch.arange(images.shape[3]) * 2 // images.shape[3]
        return columns.expand(len(images), *images.shape[2:])


LEFT = {"region": (0, 0, 1, 0.5)}
ONES = torch.ones(16)
PART = {"parts": ("left",), "segmenter": Halves()}

test_plugin = plugin_conformance("resefa")
test_box = conformance(FindRegionDirections(region=(0, 0, 0.5, 0.5), seeds="0-1", count=3), toy)
test_part = conformance(FindRegionDirections(**PART, seeds="0-1", count=3, space="z"), toy)
test_layers = conformance(FindRegionDirections(**LEFT, seeds="0-1", count=3, layers="1-2"), toy)
test_separately = conformance(
    FindRegionDirections(parts=("left", "right"), segmenter=Halves(), separately=True, seeds="0-1", count=2),
    toy,
)


class Painter(Generator):
    """Entry 0 of the code paints the left half, entry 1 the right, entry 2 both, entry 3 nothing."""

    fingerprint = "painter"

    def __init__(self):
        self.module = nn.Identity().eval()
        self.spaces = {"z": LatentSpace("z", (4,))}

    def prior(self, seeds):
        return seeded_normal(seeds, (4,))

    def map(self, codes, source, target, labels):
        return codes

    def forward(self, batch):
        left, right = batch.codes[:, 0] + batch.codes[:, 2], batch.codes[:, 1] + batch.codes[:, 2]
        columns = torch.stack([left, left, right, right], 1)[:, None, None]
        return columns.expand(-1, 3, 4, -1)


def found(generator=None, **parameters):
    return FindRegionDirections(**{"seeds": "0-2", "floor": 1e-9, **parameters}).run(
        generator or Painter(), quiet
    )


@pytest.mark.parametrize("where", [LEFT, PART])
def test_the_direction_of_a_half_leaves_the_other(where):
    """To change the left alone: entry 2 may help, if entry 1 takes back what it does on the right."""
    first = next(iter(found(**where).values()))
    right = first.vector[1] + first.vector[2]
    assert abs(float(right)) < 1e-6
    assert first.notes["outside"] < 1e-6 * first.notes["inside"]
    old = Painter().sample([5])
    new = Shift(direction=first, strength=1.0).run(old, Painter())
    change = Painter().forward(new) - Painter().forward(old)
    assert float(change[..., 2:].abs().max()) < 1e-6
    # The note is the change of the colours of a position together.
    assert float(change[..., :2].square().sum(1).mean().sqrt()) == pytest.approx(
        first.notes["inside"], rel=1e-5
    )


def test_a_picture_of_the_region_is_the_box(tmp_path):
    pixels = Image.new("L", (4, 4))
    pixels.paste(255, (0, 0, 2, 4))
    pixels.save(tmp_path / "left.png")
    of_box, of_picture = found(**LEFT), found(region=tmp_path / "left.png")
    for one, other in zip(of_box.values(), of_picture.values(), strict=True):
        assert torch.allclose(one.vector, other.vector)


def test_parts_separately_are_the_parts_one_by_one():
    both = found(parts=("left", "right"), segmenter=Halves(), separately=True)
    assert list(both) == [f"{part}.{i}" for part in ("left", "right") for i in range(4)]
    for part in ("left", "right"):
        alone = found(parts=(part,), segmenter=Halves())
        for i, direction in alone.items():
            assert torch.equal(direction.vector, both[f"{part}.{i}"].vector)


def test_within_a_set():
    """Among combinations of entries 1 and 2 the left is changed alone by one minus the other."""
    rows = torch.eye(4, dtype=torch.float64)
    within = DirectionSet({"a": Direction(rows[1], "z"), "b": Direction(rows[1] + rows[2], "z")})
    some = found(**LEFT, within=within)
    assert len(some) == 2
    assert some["0"].vector.abs().tolist() == pytest.approx([0, 0.5**0.5, 0.5**0.5, 0], abs=1e-6)


def test_only_the_chosen_layers_move():
    generator = toy()
    some = FindRegionDirections(**LEFT, layers="0-1", seeds="0-1", count=2).run(generator, quiet)
    first = some["0"]
    assert (first.space, first.layers) == ("w", "0-1")
    moved = Shift(direction=first, strength=1.0).run(generator.sample([3]), generator)
    before = generator.to_space(generator.sample([3]), "w+")
    assert moved.codes[0, 2:].equal(before.codes[0, 2:]) and not moved.codes[0, :2].equal(before.codes[0, :2])


def test_samples_of_a_step_in_place_of_seeds():
    generator = toy()
    seeds = FindRegionDirections(**LEFT, seeds="4-5", count=2).run(generator, quiet)
    samples = FindRegionDirections(**LEFT, samples=generator.sample([4, 5]), count=2).run(generator, quiet)
    for name in seeds:
        assert torch.equal(seeds[name].vector, samples[name].vector)


def test_large_pictures_are_reduced():
    """A checkerboard that changes everywhere, and as the mean of four pixels nowhere, counts only at full size."""

    class Checkerboard(Painter):
        def forward(self, batch):
            rows, columns = torch.arange(8)[:, None], torch.arange(8)
            board = ((rows + columns) % 2 * 2 - 1) * (columns < 4)
            return super().forward(batch).repeat_interleave(2, 2).repeat_interleave(2, 3) + (
                100 * batch.codes[:, 3, None, None, None] * board
            )

    full, reduced = (found(Checkerboard(), **LEFT, side=side, count=1)["0"].vector for side in (8, 4))
    assert abs(float(full[3])) > 0.9 and abs(float(reduced[3])) < 1e-6


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({}, "directions of which region"),
        ({**LEFT, "separately": True}, "a region is one"),
        ({**PART, "floor": 0.0}, "greater than 0"),
    ],
)
def test_what_is_refused_at_once(parameters, said):
    with pytest.raises(ValidationError, match=said):
        FindRegionDirections(**parameters)


def test_classes_of_samples_that_have_theirs():
    with pytest.raises(ValidationError, match="have their classes"):
        FindRegionDirections(**LEFT, samples=toy().sample([1]), classes=(0,))


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"region": (0, 0, 1, 1)}, "the region is the whole picture"),
        ({"region": (0, 0, 0.001, 1)}, "covers nothing"),
        ({**LEFT, "space": "q"}, "no space 'q'"),
        ({**LEFT, "space": "w+"}, "one vector a layer"),
        ({**LEFT, "layers": "0-9"}, "layers 0 to 5"),
        ({**LEFT, "classes": (1,)}, "no classes"),
        ({**LEFT, "within": DirectionSet({})}, "is empty"),
        (
            {**LEFT, "within": DirectionSet({"a": Direction(torch.ones(16), "w", generator="other")})},
            "another generator",
        ),
        (
            {**LEFT, "space": "z", "within": DirectionSet({"a": Direction(torch.ones(16), "w")})},
            "live in w, not z",
        ),
    ],
)
def test_what_the_check_refuses(parameters, said):
    with pytest.raises(InterpganError, match=said):
        FindRegionDirections(**parameters).check(toy())


def test_a_part_that_no_sample_has():
    with pytest.raises(InterpganError, match="none of 3 samples has nowhere"):
        found(parts=("nowhere",), segmenter=Halves())


def test_samples_without_the_part_are_left_out():
    class Now(Halves):
        def __call__(self, images):
            parts = super().__call__(images).clone()
            parts[images.mean((1, 2, 3)) < 0] = 1  # no left where it is dark
            return parts

    bright = [s for s in range(20) if Painter().forward(Painter().sample([s])).mean() >= 0]
    some = FindRegionDirections(parts=("left",), segmenter=Now(), seeds="0-19", floor=1e-3).run(
        Painter(), quiet
    )
    same = FindRegionDirections(**PART, seeds=",".join(map(str, bright)), floor=1e-3).run(Painter(), quiet)
    assert torch.allclose(some["0"].vector, same["0"].vector)


@pytest.mark.long
def test_the_recipe_of_the_readme(tmp_path):
    text = re.search(r"```yaml\n(interpgan: 1\n.*?)```", README, re.DOTALL)[1]
    (tmp_path / "recipe.yaml").write_text(text.replace("seeds: 0-7", "seeds: 0-1"))
    page = run(make_plan(tmp_path / "recipe.yaml"), tmp_path / "out", device="cpu")
    assert "eigenvalue" in page.read_text()


def test_a_region_that_is_missing_in_a_recipe(tmp_path):
    text = "interpgan: 1\nsteps:\n  - {use: generator, weights: toy}\n  - {use: resefa, count: 3}\n"
    assert "directions of which region?" in recipe_error(text, tmp_path)


def test_edits_of_the_samples_stay():
    """Directions of samples whose maps are edited are those of the edited pictures."""
    from interpgan_core import Ablate

    generator = toy()
    plain = generator.sample([4])
    edited = Ablate(layer="layers.3", units="0-7").run(plain, generator)
    some = FindRegionDirections(**LEFT, samples=edited, count=1).run(generator, quiet)
    other = FindRegionDirections(**LEFT, samples=replace(plain, edits=()), count=1).run(generator, quiet)
    assert not torch.equal(some["0"].vector, other["0"].vector)
