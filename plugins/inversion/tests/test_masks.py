"""Where pictures have to be like the originals, and what is said of pictures that a generator does not draw."""

import numpy as np
import pytest
import torch
from PIL import Image

from interpgan_core import Cutouts, ImageSet, InterpganError, Remark, Square, quiet
from interpgan_core.testing import toy
from interpgan_inversion.invert import Invert
from interpgan_inversion.masks import AROUND, mask_of
from interpgan_inversion.unlike import ENOUGH, MOST, missed

SIDE = 32


class Coarse:
    """Features that are the picture at 4 pixels."""

    name = "coarse"

    def features(self, images):
        return torch.nn.functional.adaptive_avg_pool2d(images, 4).flatten(1)


@pytest.fixture
def left(tmp_path):
    """A mask whose left half counts."""
    pixels = np.zeros((SIDE, SIDE, 3), np.uint8)
    pixels[:, :16] = 255
    Image.fromarray(pixels).save(tmp_path / "left.png")
    return tmp_path / "left.png"


def with_noise(pictures, where):
    pixels = np.array(pictures.pixels)
    pixels[..., where] = 255 - pixels[..., where]
    return pixels


@pytest.mark.long
@pytest.mark.parametrize("net", [None, Coarse()])
def test_what_the_mask_leaves_out_does_not_matter(kit, tmp_path, left, net):
    """Pixels and nets alike: the same bits, whatever stands there."""
    plain = kit.drawn(toy(), [100, 101])
    other = ImageSet(with_noise(plain, slice(16, None)))
    codes = [
        kit.run(Invert(pictures=p, mask=left, steps=12, perceptual=net), tmp_path / name)[0].codes
        for name, p in (("plain", plain), ("other", other))
    ]
    assert torch.equal(*codes)
    changed = ImageSet(with_noise(plain, slice(8, 16)))
    step = Invert(pictures=changed, mask=left, steps=12, perceptual=net)
    assert not torch.equal(codes[0], kit.run(step, tmp_path / "changed")[0].codes)


def test_what_was_mirrored_at_borders_does_not_matter(kit, tmp_path):
    """Without any parameter: the set says what its photographs show."""
    plain = kit.drawn(toy(), [100])
    original = np.zeros((SIDE, SIDE, 3), np.uint8)
    square = Square(24, 16, 16, 0)  # its right quarter lies outside
    cut = [
        Cutouts(p, originals=[original], squares=[square], sources=[0])
        for p in (plain.pixels, with_noise(plain, slice(24, None)))
    ]
    assert mask_of(None, cut[0], "crop", tmp_path, quiet)[0, 0].sum() == 24 * SIDE
    found = [kit.run(Invert(pictures=p, steps=8), tmp_path / str(i)) for i, p in enumerate(cut)]
    assert torch.equal(found[0][0].codes, found[1][0].codes)
    assert "What is mirrored at the borders of photographs had no weight." in found[0][1]["notes"]


def test_the_ellipse_of_a_face(tmp_path):
    pictures = ImageSet(np.zeros((2, 3, 512, 512), np.uint8))
    mask = mask_of("face", pictures, "crop", tmp_path, quiet)
    assert mask.shape == (2, 1, 512, 512) and mask.unique().tolist() == pytest.approx([AROUND, 1])
    row, column = (mask[0, 0] == 1).any(1), (mask[0, 0] == 1).any(0)
    assert abs(int(column.sum()) - 410) <= 1 and abs(int(row.sum()) - 502) <= 1  # of 205 and 250 pixels
    assert mask[0, 0, 256, 256] == 1 and torch.equal(mask[0], mask[0].flip(2))


@pytest.mark.long
def test_a_face_is_nearer_inside(kit, tmp_path):
    """Of pictures that the codes cannot meet, what weighs more is met better."""
    noise = ImageSet(np.random.RandomState(0).randint(0, 256, (1, 3, SIDE, SIDE), dtype=np.uint8))
    generator, inside = toy(), mask_of("face", noise, "crop", tmp_path, quiet) == 1
    errors = []
    for name, mask in (("plain", None), ("face", "face")):
        step = Invert(pictures=noise, mask=mask, steps=80)
        with pytest.warns(Remark):
            found, report = kit.run(step, tmp_path / name)
        error = (generator.images(found) - noise.images([0])).square().mean(1, keepdim=True)
        errors.append(float(error[inside].mean()))
    assert (
        errors[1] < errors[0]
        and "Around the ellipse of the face, pixels had 0.1 of its weight." in report["notes"]
    )


def test_a_black_mask_is_refused(kit, tmp_path):
    Image.fromarray(np.zeros((SIDE, SIDE, 3), np.uint8)).save(tmp_path / "black.png")
    step = Invert(pictures=kit.drawn(toy(), [1]), mask=tmp_path / "black.png", steps=1)
    with pytest.raises(
        InterpganError, match="is black all over; make white what has to be like the pictures"
    ):
        kit.run(step, tmp_path / "run")


def test_codes_of_w_start_a_search_in_w_plus(kit, tmp_path):
    """As an encoder gives them."""
    generator = toy()
    pictures = kit.drawn(generator, [100, 101])
    start = generator.to_space(generator.sample([100, 101]), "w")
    found, _ = kit.run(Invert(pictures=pictures, start=start, steps=1, noise=0), tmp_path)
    assert found.space.name == "w+"
    torch.testing.assert_close(found.codes, generator.to_space(start, "w+").codes)


def test_missed():
    target = torch.randn(2, 3, 8, 8)
    mean = target.mean((2, 3), keepdim=True).expand_as(target)
    torch.testing.assert_close(missed(target, target), torch.zeros(2))
    torch.testing.assert_close(missed(mean, target), torch.ones(2))
    pale = target / 100
    torch.testing.assert_close(missed(pale + 0.2**0.5, pale), torch.ones(2))
    half = torch.zeros(2, 1, 8, 8)
    half[..., :4] = 1
    found = target.clone()
    found[..., 4:] = 9
    torch.testing.assert_close(missed(found, target, half), torch.zeros(2))


@pytest.mark.long
def test_pictures_that_the_generator_does_not_draw_are_named(kit, tmp_path, recwarn):
    generator = toy()
    own = kit.drawn(generator, [100, 101, 102])
    kit.run(Invert(pictures=own, steps=120), tmp_path / "own")
    foreign = ImageSet(np.random.RandomState(0).randint(0, 256, (1, 3, SIDE, SIDE), dtype=np.uint8))
    kit.run(Invert(pictures=foreign, steps=ENOUGH - 1), tmp_path / "short")
    assert not [w for w in recwarn if w.category is Remark]
    noise = np.random.RandomState(0).randint(0, 256, (1, 3, SIDE, SIDE), dtype=np.uint8)
    both = ImageSet(np.concatenate([own.pixels[:1], noise]), notes={"pictures": ["own.png", "noise.png"]})
    with pytest.warns(
        Remark, match=rf"has not met noise\.png \(.*below {MOST:.0%}; cut faces out with inversion\.align"
    ):
        kit.run(Invert(pictures=both, steps=120), tmp_path / "both")
