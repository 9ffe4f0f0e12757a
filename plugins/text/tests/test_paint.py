"""text.paint on the toy and on avatars: the region is drawn anew, and the rest stays."""

import json
from dataclasses import replace

import pytest
import torch
from PIL import Image

from interpgan_core import (
    Ablate,
    Direction,
    InterpganError,
    LatentBatch,
    Shift,
    SourceEdit,
    load_generator,
    quiet,
)
from interpgan_core.testing import conformance, run_operator, toy
from interpgan_text.canvas import Canvas, mask_at
from interpgan_text.net import of_images, of_texts
from interpgan_text.paint import PaintWords
from interpgan_text.search import descended, evolved
from interpgan_text.testing import Colours

NET = Colours()
BOX = (0.25, 0.25, 0.75, 0.75)
PAINT = PaintWords(net=NET, text="a red thing", region=BOX, steps=12)

test_paint = pytest.mark.long(
    conformance(PAINT.model_copy(update={"steps": 1, "first_layer": "layers.4"}), toy)
)


class Halves:
    """A segmenter: left and right, and a part that is nowhere."""

    parts = ("left", "right", "beard")

    def __call__(self, images):
        columns = torch.arange(images.shape[3]) * 2 // images.shape[3]
        return columns.expand(len(images), *images.shape[2:])


def similarity(images, region):
    with torch.no_grad():
        return of_images(NET, images * region) @ of_texts(NET, ["a red thing"])[0]


@pytest.fixture(scope="module")
def painted():
    generator = toy()
    batch = generator.sample([1, 2])
    return generator, batch, PAINT.run(batch, generator, progress=quiet)


def region(side=32):
    mask = torch.zeros(1, 1, side, side)
    mask[..., side // 4 : 3 * side // 4, side // 4 : 3 * side // 4] = 1
    return mask


def test_the_region_shows_the_text_and_the_rest_changes_less(painted):
    generator, batch, found = painted
    before, after = generator.images(batch), generator.images(found)
    assert (similarity(after, region()) > similarity(before, region()) + 0.1).all()
    change = (after - before).square().mean(1, keepdim=True)
    inside = (change * region()).sum((1, 2, 3)) / region().sum()
    outside = (change * (1 - region())).sum((1, 2, 3)) / (1 - region()).sum()
    assert (outside < inside / 4).all()


def test_codes_stay_and_layers_are_edited(painted):
    _, batch, found = painted
    assert torch.equal(found.codes, batch.codes)
    assert [edit.layer for edit in found.edits] == [f"layers.{k}" for k in range(1, 6)]
    weight = found.edits[-1].weight
    assert torch.equal(weight, region().expand(2, 1, 32, 32))


def test_what_was_searched_is_what_is_drawn():
    """The edits make the picture that the search saw, after earlier edits too."""
    generator = toy()
    edit = Ablate(layer="layers.2", units="0-3")
    sample, other = edit.run(generator.sample([1]), generator), generator.sample([5])
    canvas = Canvas(generator, sample, region(), ("layers.1", "layers.3"))
    maps = canvas.maps(other)
    edits = [
        replace(
            sample.edits[0],
            layer=name,
            units=tuple(range(16)),
            value=theirs,
            weight=mask_at(region(), theirs.shape[2:]),
        )
        for name, (_, theirs) in maps.items()
    ]
    drawn = generator.images(replace(sample, edits=(*sample.edits, *edits)))
    torch.testing.assert_close(drawn, canvas.images(other), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(drawn, generator.images(sample), atol=0.01)


def test_maps_of_others_that_a_sample_has_stay_in_it():
    """As after an exchange: its own code in the region draws what is there."""
    generator = toy()
    edit = SourceEdit(("layers.1", "layers.2"), generator.sample([5]), torch.ones(1, 1, 1, 1))
    sample = replace(generator.sample([1]), edits=(edit,))
    canvas = Canvas(generator, sample, torch.zeros(1, 1, 32, 32), ("layers.3",))
    drawn = canvas.images(generator.sample([2]))
    torch.testing.assert_close(drawn, generator.images(sample), rtol=0, atol=1e-5)


def test_the_whole_picture_is_the_other_codes():
    """Where everything is in the region, from the first layer on, the other code draws."""
    generator = toy()
    canvas = Canvas(generator, generator.sample([1]), torch.ones(1, 1, 32, 32), generator.layers)
    others = generator.sample([5, 6])
    torch.testing.assert_close(canvas.images(others), generator.images(others, 2), rtol=1e-4, atol=1e-5)


def test_each_sample_has_its_own_edit_and_is_painted_alone_as_among_others(painted):
    generator, batch, found = painted
    alone = PAINT.run(batch[1], generator, progress=quiet)
    for ours, theirs in zip(found[1].edits, alone.edits, strict=True):
        torch.testing.assert_close(ours.value, theirs.value, rtol=1e-4, atol=1e-4)


def test_later_steps_and_files_take_what_was_painted(painted, tmp_path):
    generator, _, found = painted
    found.save(tmp_path)
    again = LatentBatch.load(tmp_path, generator)
    assert torch.equal(generator.images(again), generator.images(found))
    moved = Shift(direction=Direction(torch.eye(16)[0], "w"), strength=2.0).run(found, generator)
    assert len(moved.edits) == len(found.edits)
    assert not torch.equal(generator.images(moved), generator.images(found))


def test_the_gradient_paints_too_and_twice_alike():
    generator = toy()
    batch = generator.sample([1])
    edit = PAINT.model_copy(update={"method": "gradient", "steps": 20})
    once, twice = (edit.run(batch, generator, progress=quiet) for _ in range(2))
    after = generator.images(once)
    assert similarity(after, region()) > similarity(generator.images(batch), region()) + 0.1
    assert all(torch.equal(a.value, b.value) for a, b in zip(once.edits, twice.edits, strict=True))
    assert not any(edit.value.requires_grad for edit in once.edits)


def test_codes_of_any_space_are_painted():
    generator = toy()
    for name in ("w", "s"):
        batch = replace(generator.to_space(generator.sample([1]), name), seeds=None)
        found = PAINT.model_copy(update={"steps": 3}).run(batch, generator, progress=quiet)
        assert found.space.name == name and found.edits


def test_a_picture_or_parts_say_where(tmp_path):
    generator = toy()
    batch = generator.sample([1])
    white = Image.new("L", (32, 32))
    white.paste(255, (0, 0, 16, 32))
    white.save(tmp_path / "left.png")
    steps = {"net": NET, "text": "a red thing", "steps": 2}
    found = [
        PaintWords(**steps, region=tmp_path / "left.png").run(batch, generator, progress=quiet),
        PaintWords(**steps, parts=("left",), segmenter=Halves()).run(batch, generator, progress=quiet),
    ]
    for edit, other in zip(found[0].edits, found[1].edits, strict=True):
        torch.testing.assert_close(edit.weight, other.weight)


def test_the_report_says_what_was_reached(tmp_path):
    run_operator(PAINT.model_copy(update={"steps": 3}), tmp_path, generator=toy(), batch=toy().sample([1, 2]))
    table = json.loads((tmp_path / "result/report.json").read_text())["tables"][0]
    assert [row[0] for row in table["rows"]] == ["seed 1", "seed 2"]
    assert all(after > before for _, before, after, _, _ in table["rows"])


def test_a_code_that_drives_one_layer_leaves_one_edit():
    """Later layers of a PGGAN make the same of the same maps."""
    generator = load_generator("avatars.pggan")
    edit = PaintWords(net=NET, text="a red thing", region=BOX, steps=1)
    assert [e.layer for e in edit.run(generator.sample([1]), generator, progress=quiet).edits] == ["layer2"]


def test_draws_are_tried_first():
    generator = toy()
    batch = generator.sample([3])
    close = [
        similarity(
            generator.images(
                PAINT.model_copy(update={"steps": 1, "draws": n}).run(batch, generator, progress=quiet)
            ),
            region(),
        )
        for n in (0, 64)
    ]
    assert close[1] > close[0]


def test_searches_find_the_middle_and_are_repeated():
    def bowl(x):
        return (x - 0.5).square().sum(1)

    start = torch.zeros(6)
    found = evolved(bowl, start, 40, seed=3)
    assert float(bowl(found[None])) < 0.05
    assert torch.equal(found, evolved(bowl, start, 40, seed=3))
    assert not torch.equal(found, evolved(bowl, start, 40, seed=4))
    assert float(bowl(descended(bowl, start, 60, 0.1)[None])) < 0.01


def test_what_is_refused():
    generator = toy()
    batch = generator.sample([1])
    with pytest.raises(InterpganError, match="the segmenter finds no beard in seed 1; leave the sample out"):
        PaintWords(net=NET, text="red", parts=("beard",), segmenter=Halves()).run(
            batch, generator, progress=quiet
        )
    with pytest.raises(ValueError, match="say where to paint: a 'region', or 'parts'"):
        PaintWords(net=NET, text="red")
    with pytest.raises(InterpganError, match=r"layer layers\.1 lies before layer layers\.3"):
        PAINT.model_copy(update={"first_layer": "layers.3", "last_layer": "layers.1"}).check(batch, generator)
    with pytest.raises(InterpganError, match=r"no layer 'layers\.9'"):
        PAINT.model_copy(update={"first_layer": "layers.9"}).check(batch, generator)
    with pytest.raises(InterpganError, match="a loss is not finite; give a smaller"):
        evolved(lambda x: x.sum(1) / 0, torch.ones(2), 1)

    class Frozen(Colours):
        def embed_images(self, images):
            return super().embed_images(images.detach())

    PaintWords(net=Frozen(), text="red", region=BOX).check(batch, generator)
    with pytest.raises(InterpganError, match="have no gradient to the picture"):
        PaintWords(net=Frozen(), text="red", region=BOX, method="gradient").check(batch, generator)
