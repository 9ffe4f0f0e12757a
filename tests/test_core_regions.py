"""Where an operator works: a box, a picture, or parts; what they cover."""

import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import ValidationError

from interpgan_core import InRegion, InterpganError
from interpgan_core.operators.fields import Reference


class Halves:
    parts = ("left", "right")

    def __call__(self, images):
        columns = torch.arange(images.shape[3]) * 2 // images.shape[3]
        return columns.expand(len(images), *images.shape[2:])


IMAGES = torch.zeros(2, 3, 4, 4)


def test_a_box_covers_its_share_of_rows_and_columns():
    mask = InRegion(region=[0.25, 0, 0.75, 0.5]).mask(IMAGES, (4, 8))
    expected = torch.zeros(1, 1, 4, 8)
    expected[0, 0, 1:3, :4] = 1
    assert torch.equal(mask, expected)
    whole = InRegion(region=(0, 0.5, 1, 1.0)).mask(IMAGES, (3, 5))
    assert whole.shape == (1, 1, 3, 5) and whole[0, 0, 0].tolist() == [0, 0, 1, 1, 1]


def test_a_picture_covers_what_is_bright(tmp_path):
    """All of what is white, and of what is grey its share."""
    Image.fromarray(np.array([[255, 255, 51, 0]], np.uint8)).save(tmp_path / "here.png")
    mask = InRegion(region=tmp_path / "here.png").mask(IMAGES, (1, 2))
    torch.testing.assert_close(mask, torch.tensor([[[[1.0, 0.1]]]]))


def test_parts_are_found_in_each_picture():
    found = InRegion(parts=["right"], segmenter=Halves()).mask(IMAGES, (1, 2))
    assert found.tolist() == [[[[0, 1]]]] * 2


def test_where_nothing_is_said_it_is_everywhere():
    assert torch.equal(InRegion().mask(IMAGES, (2, 3)), torch.ones(1, 1, 2, 3))
    assert InRegion().everywhere
    assert not InRegion(region=[0, 0, 1, 1]).everywhere
    assert not InRegion(parts=["left"], segmenter=Halves()).everywhere


def test_a_region_that_covers_nothing_is_refused():
    with pytest.raises(InterpganError, match="the region covers nothing of maps of 2 x 3; make it larger"):
        InRegion(region=[0, 0, 0.1, 1]).mask(IMAGES, (2, 3))


@pytest.mark.parametrize(
    "region",
    [
        *([0, 0, 1], [0, 0, 1, 1, 1], [0, 0, 1, "1"], [False, 0, 1, 1], [0, 0, 1, True], 5, []),
        *(
            [-0.1, 0, 1, 1],
            [0, 0, 1, 1.1],
            [0.5, 0, 0.5, 1],
            [0, 0.5, 1, 0.5],
            [0.6, 0, 0.5, 1],
            [0, 0.6, 1, 0.5],
        ),
    ],
)
def test_what_is_no_region(region):
    with pytest.raises(ValidationError, match=r"a region is \[top, left, bottom, right\], from 0 to 1"):
        InRegion(region=region)


def test_an_editor_knows_what_a_region_is():
    """The schema says what the check takes."""
    kinds = InRegion.model_json_schema()["properties"]["region"]["anyOf"][:2]
    share = {"type": "number", "minimum": 0, "maximum": 1}
    assert kinds == [{"type": "array", "items": share, "minItems": 4, "maxItems": 4}, {"type": "string"}]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"parts": ["left"]}, "parts are found by a segmenter; name its step in 'segmenter'"),
        ({"segmenter": Halves()}, "a segmenter finds parts; name them in 'parts'"),
        ({"parts": ["left"], "segmenter": Halves(), "region": [0, 0, 1, 1]}, "name either a region or parts"),
        (
            {"parts": ["lift"], "segmenter": Halves()},
            "the segmenter knows no part 'lift'; did you mean 'left'",
        ),
    ],
)
def test_parts_and_their_segmenter_go_together(fields, message):
    with pytest.raises(ValidationError, match=message):
        InRegion(**fields)


def test_parts_of_a_step_that_has_not_run_are_not_looked_up_yet():
    later = InRegion(parts=["anything"], segmenter=Reference("found", "", Halves))
    assert isinstance(later.segmenter, Reference)
