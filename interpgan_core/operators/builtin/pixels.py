"""How a batch becomes files of pictures: what `render` and `pictures` share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from interpgan_core.generators.generator import Generator
from interpgan_core.generators.latents import LatentBatch
from interpgan_core.generators.memory import check_batch_size
from interpgan_core.pictures import images

if TYPE_CHECKING:
    from interpgan_core.pictures.images import Pixels


Format = Literal["png", "jpg", "webp"]


BatchSize = Annotated[int, Field(ge=1)]


MARK = {"Software": "interpgan", "Comment": "Made by a generative adversarial network; not a photograph."}


def check_pixels(generator: Generator, batch_size: int, count: int) -> None:
    """Check that `pixels_of` has the memory for so many samples."""
    if generator.device.type != "cpu":
        check_batch_size(generator, batch_size, count)


def pixels_of(
    generator: Generator, batch: LatentBatch, batch_size: int, alpha: bool = False
) -> Iterator[Pixels]:
    """Pictures of a batch one by one, (h, w, 3) uint8, or (h, w, 4) if the generator has alpha and it is wanted."""
    # Convolutions of another batch size may round another way.
    at_once = 1 if generator.device.type == "cpu" else batch_size
    for part in generator.iter_images(batch, at_once, alpha):
        yield from images.to_uint8(part)
