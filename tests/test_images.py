from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from interpgan_core.errors import InterpganError
from interpgan_core.pictures import images

untimed = settings(deadline=None)  # the first example imports, and machines are shared


def pictures(min_side: int = 1, max_side: int = 9) -> st.SearchStrategy[np.ndarray]:
    sides = st.tuples(st.integers(min_side, max_side), st.integers(min_side, max_side))
    return sides.flatmap(lambda side: arrays(np.uint8, (*side, 3)))


def noise(side: int, seed: int = 0) -> np.ndarray:
    return np.random.RandomState(seed).randint(0, 256, (side, side, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("number", "level"),
    [
        (-9, 0),
        (-1, 0),
        (-127 / 127.5, 1),
        (-0.001, 127),
        (0, 128),
        (0.5, 191),
        (0.996, 254),
        (1, 255),
        (9, 255),
    ],
)
def test_a_number_becomes_the_level_that_the_field_gives_it(number: float, level: int) -> None:
    assert images.to_uint8(torch.full((1, 3, 1, 1), number)).tolist() == [[[[level] * 3]]]


@untimed
@given(
    arrays(np.float32, array_shapes(min_dims=3, max_dims=3, max_side=4), elements=st.floats(-4, 4, width=32))
)
def test_every_level_is_cut_not_rounded_and_channels_come_last(numbers: np.ndarray) -> None:
    colour = np.stack([numbers, -numbers, numbers / 2], axis=1)
    levels = images.to_uint8(torch.from_numpy(colour))
    assert levels.dtype == np.uint8
    for (n, c, y, x), number in np.ndenumerate(colour):
        exact = number * np.float32(127.5) + np.float32(128)
        assert levels[n, y, x, c] == int(min(max(exact, 0), 255))


@pytest.mark.parametrize("precision", [torch.float16, torch.bfloat16, torch.float64])
def test_any_precision_is_taken(precision: torch.dtype) -> None:
    steps = torch.tensor([-1, -0.5, 0, 0.5, 1], dtype=precision).reshape(1, 1, 1, 5)
    grey = images.to_uint8(steps.requires_grad_())
    assert grey.shape == (1, 1, 5, 3)
    assert grey[0, 0].tolist() == [[v] * 3 for v in (0, 64, 128, 191, 255)]


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_number_that_is_not_finite_says_that_the_edit_went_too_far(bad: float) -> None:
    picture = torch.zeros(2, 3, 4, 4)
    picture[1, 2, 3, 3] = bad
    with pytest.raises(InterpganError, match=r"the edit went too far.*lower the strength"):
        images.to_uint8(picture)


@pytest.mark.parametrize("shape", [(3, 4, 4), (1, 8, 8, 3), (1, 2, 4, 4)])
def test_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InterpganError, match=r"not \("):
        images.to_uint8(torch.zeros(shape))


def test_alpha_stays_or_is_set_on_white(tmp_path) -> None:
    picture = images.to_uint8(torch.tensor([-1.0, -1.0, -1.0, 0.0]).view(1, 4, 1, 1).expand(1, 4, 2, 2))
    assert picture.shape == (1, 2, 2, 4) and picture[0, 0, 0].tolist() == [0, 0, 0, 128]
    assert images.over_white(picture[0])[0, 0].tolist() == [127, 127, 127]
    images.save_picture(picture[0], tmp_path / "a.png")
    assert Image.open(tmp_path / "a.png").mode == "RGBA"


def test_sheets_are_no_larger_than_formats_hold() -> None:
    wide = np.zeros((200, 4, 100, 3), np.uint8)
    (one,) = images.sheet_pages(wide, 200)
    assert max(one.shape) <= images.SHEET and one.shape[0] == 2 * 6 - 2  # 200 columns go on below themselves
    tall = np.zeros((300, 100, 4, 3), np.uint8)
    pages = images.sheet_pages(tall, 1)
    assert len(pages) == 2 and all(max(page.shape) <= images.SHEET for page in pages)
    assert sum(page.shape[0] + 2 for page in pages) == 300 * 102
    small = np.zeros((6, 4, 4, 3), np.uint8)
    assert [page.tolist() for page in images.sheet_pages(small, 3)] == [
        images.contact_sheet(small, 3).tolist()
    ]


def test_a_png_keeps_every_pixel_and_its_words(tmp_path) -> None:
    picture = noise(20)
    images.save_picture(picture, tmp_path / "a.png", {"seed": "7", "title": "Lächeln 😀"})
    with Image.open(tmp_path / "a.png") as saved:
        assert (np.asarray(saved) == picture).all()
        assert saved.text == {"seed": "7", "title": "Lächeln 😀"}


@pytest.mark.parametrize("name", ["a.jpg", "a.JPEG", "a.webp"])
def test_the_ending_chooses_the_format(tmp_path, name: str) -> None:
    picture = np.asarray(Image.linear_gradient("L").convert("RGB"))
    images.save_picture(picture, tmp_path / name, {"seed": "7"})
    with Image.open(tmp_path / name) as saved:
        assert saved.format == ("WEBP" if name == "a.webp" else "JPEG")
        assert np.abs(np.asarray(saved).astype(int) - picture).mean() < 2


@pytest.mark.parametrize("ending", images.SAVE)
def test_the_same_picture_gives_the_same_bytes(tmp_path, ending: str) -> None:
    for name in ("a", "b"):
        images.save_picture(noise(32), tmp_path / (name + ending), {"seed": "7"})
    assert (tmp_path / f"a{ending}").read_bytes() == (tmp_path / f"b{ending}").read_bytes()


def test_an_unknown_ending_names_the_known_ones(tmp_path) -> None:
    with pytest.raises(InterpganError, match=r"'a\.gif'; end the name in \.png, \.jpg"):
        images.save_picture(noise(4), tmp_path / "a.gif")
    assert not list(tmp_path.iterdir())


@untimed
@given(st.integers(1, 7), st.integers(1, 4), st.integers(0, 3), st.integers(1, 5), st.integers(1, 5))
def test_a_grid_holds_each_picture_in_its_place(n: int, columns: int, gap: int, h: int, w: int) -> None:
    given_pictures = np.random.RandomState(0).randint(0, 255, (n, h, w, 3), dtype=np.uint8)
    sheet = images.contact_sheet(given_pictures, columns, gap)
    rows = (n + columns - 1) // columns
    assert sheet.shape == (rows * h + (rows - 1) * gap, columns * w + (columns - 1) * gap, 3)
    for i, picture in enumerate(given_pictures):
        y, x = i // columns * (h + gap), i % columns * (w + gap)
        assert (sheet[y : y + h, x : x + w] == picture).all()
        sheet[y : y + h, x : x + w] = 255
    assert (sheet == 255).all()


@untimed
@given(pictures(), st.integers(0, 2**32 - 1))
def test_a_difference_map_is_black_where_nothing_changed_and_does_not_care_which_is_first(a, seed) -> None:
    b = np.random.RandomState(seed).randint(0, 256, a.shape).astype(np.uint8)
    b[0, 0] = a[0, 0]
    assert not images.difference(a, a).any()
    assert not images.difference(a, b)[0, 0].any()
    assert (images.difference(a, b) == images.difference(b, a)).all()


def test_a_larger_change_is_lighter_up_to_the_full_scale() -> None:
    change = np.arange(256, dtype=np.uint8)[None, :, None].repeat(3, axis=2)
    colours = images.difference(np.zeros_like(change), change)[0]
    lightness = colours @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(lightness[: images.HEAT_FULL + 1]) > 0).all()
    assert (colours[images.HEAT_FULL :] == list(bytes.fromhex(images.HEAT[-1][1:]))).all()


def test_one_channel_counts_a_third() -> None:
    black, red, grey = (
        np.full((1, 1, 3), level, np.uint8) for level in ([0, 0, 0], [60, 0, 0], [20, 20, 20])
    )
    assert (images.difference(black, red) == images.difference(black, grey)).all()


def test_pictures_of_two_sizes_have_no_difference() -> None:
    with pytest.raises(InterpganError, match=r"\(4, 4\) and \(5, 5\) pixels"):
        images.difference(noise(4), noise(5))


@pytest.mark.parametrize(
    ("shape", "small"), [((64, 32), (16, 8)), ((32, 64), (8, 16)), ((9, 4), (9, 4)), ((900, 1), (16, 1))]
)
def test_a_thumbnail_keeps_the_proportions_and_never_grows(shape, small) -> None:
    picture = np.full((*shape, 3), 77, np.uint8)
    assert (images.thumbnail(picture, 16) == np.full((*small, 3), 77, np.uint8)).all()
