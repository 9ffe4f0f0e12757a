"""`inversion.pivotal`: pictures come nearer, the generator is kept, and a killed run ends in the same bytes."""

import numpy as np
import pytest
import torch
from PIL import Image

from interpgan_biggan import testing as biggan_files
from interpgan_core import (
    Direction,
    ImageSet,
    InterpganError,
    Shift,
    load_generator,
    make_plan,
    run,
    to_uint8,
)
from interpgan_core.testing import Stopped, stop_after, toy
from interpgan_inversion import resume
from interpgan_inversion.pivotal import Tune
from interpgan_pggan import testing as pggan_files
from interpgan_stylegan.testing import v1 as stylegan1_files
from interpgan_stylegan.testing import v2 as stylegan2_files
from interpgan_stylegan.testing import v3 as stylegan3_files


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    torch.save({"generator_smooth": pggan_files.generator()}, folder / "pggan")
    torch.save(stylegan2_files.generator(), folder / "stylegan2")
    torch.save(biggan_files.ajbrock(), folder / "biggan")
    torch.save({"generator_smooth": stylegan1_files.generator()}, folder / "stylegan1")
    torch.save(stylegan3_files.state("t"), folder / "stylegan3")
    return lambda name: load_generator(folder / name)


def case(kit, generator, space=None):
    """Two pivots, and pictures near theirs."""
    batch = generator.to_space(generator.sample([1, 2]), space or next(iter(generator.spaces)))
    pixels = kit.drawn(generator, [1, 2]).pixels.copy()
    pixels[:, :, 2:6, 2:6] = 250
    return batch, ImageSet(pixels)


@pytest.mark.long
@pytest.mark.parametrize("name", ["pggan", "stylegan1", "stylegan2", "stylegan3", "biggan"])
def test_pictures_come_nearer_and_the_generator_is_kept(kit, tmp_path, tiny, name):
    generator = tiny(name)
    before = {k: t.clone() for k, t in generator.module.state_dict().items()}
    batch, pictures = case(kit, generator)
    step = Tune(pictures=pictures, steps=25, rate=6e-3)
    tuned, report = kit.run(step, tmp_path, generator, batch=batch)

    def error(of):
        return float((of.images(batch) - pictures.images([0, 1])).square().mean())

    assert error(tuned) < error(generator) / 1.2
    assert all(torch.equal(before[k], t) for k, t in generator.module.state_dict().items())
    assert not any(p.requires_grad for p in tuned.module.parameters())
    assert tuned.notes["parent"] == generator.fingerprint != tuned.fingerprint
    direction = Direction(
        torch.ones(batch.space.shape[-1]), batch.space.name, generator=generator.fingerprint
    )
    assert len(Shift(direction=direction, strength=1.0).run(batch, tuned)) == 2
    assert tuned.shares_codes(generator.fingerprint) and not generator.shares_codes(tuned.fingerprint)
    tuned.save(tmp_path / "result")
    again = load_generator(tmp_path / "result/generator.safetensors")
    assert again.fingerprint == tuned.fingerprint and again.notes == tuned.notes
    assert torch.equal(again.images(batch), tuned.images(batch))
    assert report["strips"][0]["pictures"][1]["caption"] == "tuned"
    assert f"its parent, {generator.fingerprint}" in report["notes"][2]


@pytest.mark.long
def test_a_mask_says_where_pictures_are_to_be_like_the_originals(kit, tmp_path, tiny):
    """What is black in it stays nearer to what the parent draws."""
    generator = tiny("stylegan2")
    batch, pictures = case(kit, generator)
    side = pictures.size[0]
    white = np.zeros((side, side), np.uint8)
    white[:, : side // 2] = 255
    Image.fromarray(white).save(tmp_path / "mask.png")
    before, wanted = generator.images(batch), 1 - generator.images(batch).clamp(-1, 1)
    pictures = ImageSet(to_uint8(wanted).transpose(0, 3, 1, 2))
    moved = []
    for mask in (None, tmp_path / "mask.png"):
        step = Tune(pictures=pictures, steps=25, rate=6e-3, mask=mask)
        tuned, report = kit.run(step, tmp_path / str(mask is None), generator, batch=batch)
        change = (tuned.images(batch) - before).square()
        moved.append(float(change[..., side // 2 :].mean() / change[..., : side // 2].mean()))
    assert moved[1] < moved[0] / 2
    assert "Only what is white in the mask had to be like the pictures." in report["notes"]


@pytest.mark.long
def test_a_killed_run_goes_on_to_the_same_bytes(kit, tmp_path, tiny, monkeypatch):
    generator = tiny("stylegan2")
    batch, pictures = case(kit, generator, "w")
    step = Tune(pictures=pictures, steps=12, batch_size=1, locality=1.0)
    whole, report = kit.run(step, tmp_path / "whole", generator, batch=batch)
    monkeypatch.setattr(resume, "SAVE_SECONDS", 0.0)
    for _ in range(2):
        with pytest.raises(Stopped):
            kit.run(step, tmp_path / "parts", generator, progress=stop_after(5), batch=batch)
    parts, again = kit.run(step, tmp_path / "parts", generator, batch=batch)
    assert whole.fingerprint == parts.fingerprint and report == again


@pytest.mark.long
def test_locality_keeps_the_rest(kit, tmp_path, tiny):
    """Samples change less, at the price of the pivots."""
    generator = tiny("stylegan2")
    batch, pictures = case(kit, generator, "w")
    others = generator.to_space(generator.sample(range(50, 60)), "w")
    moved = []
    for locality in (0.0, 20.0):
        step = Tune(pictures=pictures, steps=25, rate=6e-3, locality=locality)
        tuned, _ = kit.run(step, tmp_path / str(locality), generator, batch=batch)
        moved.append(float((tuned.images(others) - generator.images(others)).square().mean()))
    assert moved[1] < moved[0] / 2


def test_what_is_refused(kit, tmp_path, tiny):
    generator = tiny("stylegan2")
    batch, pictures = case(kit, generator)
    with pytest.raises(
        InterpganError, match="1 codes are no pivots of 2 pictures; invert the same pictures first"
    ):
        kit.run(Tune(pictures=pictures), tmp_path, generator, batch=batch[0])
    batch, pictures = case(kit, toy())
    with pytest.raises(InterpganError, match="a ToyGenerator cannot be saved"):
        kit.run(Tune(pictures=pictures, steps=1), tmp_path / "toy", toy(), batch=batch)


def test_a_generator_that_cannot_be_saved_is_refused_before_anything_runs(tmp_path):
    """The inversion before it may take minutes; the toy is known as soon as it is loaded."""
    Image.new("RGB", (32, 32), "red").save(tmp_path / "red.png")
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        "interpgan: 1\nsteps:\n  - {use: generator, weights: toy}\n  - {use: inversion, pictures: red.png}\n"
        "  - {use: inversion.pivotal, pictures: red.png}\n"
    )
    done = []
    with pytest.raises(
        InterpganError, match=r"recipe\.yaml:5:5: inversion\.pivotal: a ToyGenerator cannot be saved"
    ):
        run(make_plan(recipe), tmp_path / "out", device="cpu", after_step=done.append)
    assert done == []
