"""What people try: each picture's face is found where it is, or a sentence says what to do."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from interpgan_core import Shift, load_generator, make_plan, run
from interpgan_faces.directions import LoadDirections

pytestmark = pytest.mark.network

GREY, DARK, BLUE = (90, 100, 110), (15, 15, 18), (150, 190, 215)
PORTRAIT = Image.open(Path(__file__).with_name("astronaut.jpg")).convert("RGB")


@pytest.fixture
def align(tmp_path, finder):
    """Cuts the faces of a picture out; what was found, and what was said."""

    def cut(picture: Image.Image, resolution: int = 128, **fields):
        picture.save(tmp_path / "odd.png")
        more = "".join(f", {name}: {value}" for name, value in fields.items())
        (tmp_path / "recipe.yaml").write_text(
            "interpgan: 1\nsteps:\n  - {use: faces.landmarks, id: points}\n"
            f"  - {{use: inversion.align, id: me, pictures: odd.png, landmarks: $points, "
            f"resolution: {resolution}{more}}}\n"
        )
        said: list[str] = []
        run(make_plan(tmp_path / "recipe.yaml"), tmp_path / "out", device="cpu", notice=said.append)
        return said

    return cut


@pytest.fixture
def points(finder):
    """The points of the only face of the portrait."""
    (found,) = finder.landmarks(tensor(PORTRAIT))
    return found.numpy()


def tensor(picture: Image.Image) -> torch.Tensor:
    pixels = np.array(picture.convert("RGB"))
    return torch.from_numpy(pixels).permute(2, 0, 1).float() / 127.5 - 1


def away(found: torch.Tensor, true: np.ndarray) -> float:
    """Mean distance of the points, over the distance of the eyes."""
    return float(np.linalg.norm(found.numpy() - true, axis=1).mean() / np.linalg.norm(true[1] - true[0]))


def of_scikit_image(name: str) -> Image.Image:
    package = find_spec("skimage")
    if package is None or package.origin is None:
        pytest.skip("pip install scikit-image for its pictures")
    return Image.open(Path(package.origin).parent / "data" / name)


def landscape() -> Image.Image:
    """Sky, sun, two hills and a house."""
    picture = Image.new("RGB", (400, 300), (135, 185, 235))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((300, 30, 350, 80), fill=(255, 240, 180))
    draw.ellipse((-100, 170, 260, 420), fill=(70, 130, 60))
    draw.ellipse((150, 190, 520, 460), fill=(90, 150, 70))
    draw.rectangle((180, 150, 230, 200), fill=(190, 160, 130))
    draw.polygon([(172, 150), (205, 120), (238, 150)], fill=(150, 60, 50))
    return picture


def drawing() -> Image.Image:
    """A face in black lines."""
    picture = Image.new("RGB", (300, 300), "white")
    draw = ImageDraw.Draw(picture)
    draw.ellipse((50, 40, 250, 270), outline="black", width=4)
    for x in (95, 175):
        draw.ellipse((x, 110, x + 30, 130), fill="black")
    draw.line((150, 140, 140, 185, 155, 190), fill="black", width=3)
    draw.arc((105, 180, 195, 235), 10, 170, fill="black", width=4)
    return picture


def avatar() -> Image.Image:
    generator = load_generator("avatars.stylegan2")
    (image,) = generator.images(generator.sample([0]))
    pixels = ((image.clamp(-1, 1) + 1) * 127.5).byte().permute(1, 2, 0).numpy()
    return Image.fromarray(pixels).resize((256, 256))


NOTHING = {
    "cat": lambda: of_scikit_image("chelsea.png"),
    "rocket": lambda: of_scikit_image("rocket.jpg"),
    "landscape": landscape,
    "drawing": drawing,
    "avatar": avatar,
    "half a face": lambda: PORTRAIT.crop((150, 0, 320, 280)),
}


@pytest.mark.parametrize("name", NOTHING)
def test_where_there_is_no_face_the_step_says_what_to_do(align, name):
    picture = NOTHING[name]()
    with pytest.raises(Exception, match=r"no face is found in odd\.png; cut the face out yourself"):
        align(picture)


def test_of_two_faces_the_larger_is_taken_and_that_is_said(align, finder):
    both = Image.new("RGB", (640, 280), GREY)
    both.paste(PORTRAIT, (0, 0))
    both.paste(PORTRAIT.resize((240, 210)), (360, 60))
    (said,) = align(both)
    assert "odd.png shows 2 faces; the largest is taken; faces: all takes each" in said
    assert finder.landmarks(tensor(both))[0, 2, 0] < 320
    assert not align(both, faces="all")


def test_a_face_of_30_pixels_is_found_and_said_to_be_small(align, finder, points):
    share = 30 / (2.2 * np.linalg.norm(points[1] - points[0]))
    small = PORTRAIT.resize([round(n * share) for n in PORTRAIT.size], Image.Resampling.LANCZOS)
    scene = Image.new("RGB", (400, 300), GREY)
    scene.paste(small, (150, 100))
    (found,) = finder.landmarks(tensor(scene))
    assert away(found, points * share + [150, 100]) < 0.15
    (said,) = align(scene, resolution=256)
    assert "a face should have 256 pixels with what is around it, and that of odd.png has" in said
    assert "take a larger picture of it" in said


def test_sunglasses_hide_nothing_that_matters(align, finder, points):
    right, left = points[:2]
    apart = np.linalg.norm(left - right)
    worn = PORTRAIT.copy()
    draw = ImageDraw.Draw(worn)
    for x, y in (right, left):
        draw.ellipse((x - 0.36 * apart, y - 0.28 * apart, x + 0.36 * apart, y + 0.32 * apart), fill=DARK)
    draw.line([tuple(right), tuple(left)], fill=DARK, width=5)
    (found,) = finder.landmarks(tensor(worn))
    assert away(found, points) < 0.15 and not align(worn)


def test_a_mask_leaves_a_face(align, finder, points):
    (xr, yr), (xl, _), (xn, yn), (xa, ya), (xb, yb) = points
    apart = xl - xr
    top, low = yn - 0.15 * apart, max(ya, yb) + 0.3 * apart
    corners = [(xr - 0.35 * apart, top), (xn, yn - 0.35 * apart), (xl + 0.35 * apart, top)]
    corners += [(xb + 0.4 * apart, low), (xn, low + 0.35 * apart), (xa - 0.4 * apart, low)]
    worn = PORTRAIT.copy()
    ImageDraw.Draw(worn).polygon(corners, fill=BLUE)
    (found,) = finder.landmarks(tensor(worn))
    assert away(found, points) < 0.2 and yr < found[2, 1] and not align(worn)


def test_a_profile_is_found(align, finder):
    """A generated face turned until one eye is at the rim: the points of the far side are guessed."""
    generator = load_generator("mobilestylegan.ffhq", resolution=512)
    codes = generator.to_space(generator.sample([5]), "w")
    pose = LoadDirections().run(generator)["pose"]
    (image,) = generator.images(Shift(direction=pose, strength=7.0).run(codes, generator)).clamp(-1, 1)
    (found,) = finder.landmarks(image)
    assert found[2, 0] > found[1, 0]  # the nose is beyond the far eye
    assert not align(Image.fromarray(((image + 1) * 127.5).byte().permute(1, 2, 0).numpy()))


def test_what_is_hardly_a_face_is_none(finder):
    """Of a torn picture the nets are a little sure; what they find there is left out."""
    noise = torch.rand(3, 24, 24, generator=torch.Generator().manual_seed(3)) * 2 - 1
    torn = torch.nn.functional.interpolate(noise[None], size=240, mode="bilinear")[0]
    assert not len(finder.landmarks(torn))
