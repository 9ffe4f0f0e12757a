"""Which part of a person is where: as a segmenter finds it, or as the concepts of an interpretable layer show it."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from interpgan_core import (
    Control,
    Exchange,
    Generator,
    LatentBatch,
    Segmenter,
    controls_of,
    parts_of,
    to_uint8,
)
from interpgan_studio.document import Document, Step, operator_of

if TYPE_CHECKING:
    from torch import Tensor

FINE, FINEST = (
    4,
    32,
)  # parts are exchanged in maps of a share of the finest resolution, and so many positions at most


def segmenter_step(document: Document) -> str | None:
    """Id of the last step that makes a segmenter."""
    found = [step["id"] for step in document.steps if is_segmenter(step)]
    return found[-1] if found else None


def is_segmenter(step: Step) -> bool:
    """Does a step make a segmenter?"""
    (control,) = (c for c in _exchange() if c.wanted is Segmenter)
    return control.takes(operator_of(step).result())


@functools.cache
def _exchange() -> tuple[Control, ...]:
    return controls_of(Exchange)


def names(generator: Generator, segmenter: Segmenter | None) -> tuple[str, ...]:
    """The parts that can be pointed at."""
    if generator.concepts:
        return tuple(generator.concepts)
    return parts_of(segmenter) if segmenter is not None else ()


def maps(generator: Generator, batch: LatentBatch, segmenter: Segmenter | None) -> Iterator[Tensor]:
    """Of each sample the part that is at each position: (h, w) int64, positions in `names`."""
    import torch

    for one in batch.split(1):
        if not generator.concepts:
            assert segmenter is not None
            # As the file of the picture shows it.
            pixels = torch.from_numpy(to_uint8(generator.images(one))).permute(0, 3, 1, 2)
            with torch.no_grad():
                yield segmenter(pixels.float() / 127.5 - 1)[0]
            continue
        layers = list(dict.fromkeys(layer for layer, _ in generator.concepts.values()))
        found = generator.features(one, layers)
        size = max((found[layer].shape[2:] for layer in layers), key=lambda s: s[0])
        activity = [
            _activity(found[layer][0, list(units)], size) for layer, units in generator.concepts.values()
        ]
        yield torch.stack(activity).argmax(0)


def taking(document: Document, generator: Generator, part: str, source: str, layer: str) -> dict[str, Any]:
    """Parameters of the `exchange` that takes a part from another person."""
    if part in generator.concepts:
        return {"source": f"${source}", "concept": part}
    return {
        "source": f"${source}", "layer": layer, "parts": [part], "segmenter": f"${segmenter_step(document)}",
    }  # fmt: skip


def usual_layer(shapes: Mapping[str, tuple[int, int, int]]) -> str:
    """The layer that parts are exchanged in where nobody chooses.

    Args:
        shapes: of each layer the channels, height and width of its maps.

    Returns:
        The last layer of a quarter of the finest resolution, and of 32 positions at most: deep enough for the shape of
        a part, and early enough for the later layers to fit colours and seams.
    """
    sides = {layer: min(height, width) for layer, (_, height, width) in shapes.items()}
    most = min(max(sides.values()) // FINE, FINEST)
    side = max((side for side in sides.values() if side <= most), default=min(sides.values()))
    return [layer for layer in sides if sides[layer] == side][-1]


def _activity(maps: Tensor, size: Any) -> Tensor:
    """How active a concept is at each position, in shares of its own greatest activity."""
    from torch.nn import functional

    mean = maps.float().mean(0)
    mean = mean / mean.abs().amax().clamp(min=1e-8)
    grown: Tensor = functional.interpolate(mean[None, None], size=list(size), mode="bilinear")[0, 0]
    return grown
