"""Layers: their feature maps, and the concepts that their filters draw."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from interpgan_core import Generator, InterpganError, LatentBatch, Progress, did_you_mean

if TYPE_CHECKING:
    from torch import Tensor

Filters = tuple[int, ...]
"""Their numbers in a layer: the units of a concept."""


def concepts_of(generator: Generator) -> dict[str, tuple[str, Filters]]:
    """name -> (layer, units).

    Raises:
        InterpganError: if the generator has no concepts.
    """
    if not generator.concepts:
        raise InterpganError(
            "this generator has no concepts; find some by interpretable.partition, and name them by "
            "interpretable.concepts in the step after it"
        )
    return dict(generator.concepts)


def units_of(generator: Generator, names: Sequence[str]) -> dict[str, Filters]:
    """layer -> units of some concepts together; of all concepts if `names` is empty.

    Raises:
        InterpganError: if there is no such concept.
    """
    known = concepts_of(generator)
    units: dict[str, Filters] = {}
    for name in names or known:
        if name not in known:
            raise InterpganError(f"there is no concept '{name}'" + did_you_mean(name, known))
        layer, own = known[name]
        units[layer] = (*units.get(layer, ()), *own)
    return units


def one_layer(generator: Generator) -> tuple[str, dict[str, Filters]]:
    """The layer of a generator's concepts, and the units of each.

    Raises:
        InterpganError: if it has none, or they are in several layers.
    """
    known = concepts_of(generator)
    layers = sorted({layer for layer, _ in known.values()})
    if len(layers) != 1:
        raise InterpganError(
            f"this generator's concepts are in the layers {', '.join(layers)}; name those of one partition"
        )
    return layers[0], {name: units for name, (_, units) in known.items()}


def maps_of(generator: Generator, batch: LatentBatch, layer: str) -> Tensor:
    """(n, c, h, w) float32 after the batch's edits, computed sample by sample, so that none depends on another."""
    return all_maps_of(generator, batch, [layer])[layer]


def all_maps_of(generator: Generator, batch: LatentBatch, layers: Sequence[str]) -> dict[str, Tensor]:
    """The same of several layers, in one pass."""
    import torch

    with torch.no_grad():
        each = [generator.features(one, layers) for one in batch.split(1)]
    return {layer: torch.cat([maps[layer].float() for maps in each]) for layer in layers}


def rectified_maps(generator: Generator, batch: LatentBatch, layer: str) -> Tensor:
    """The maps that concepts are found in: (n, m, h, w) float32, none below 0, without gradients."""
    import torch

    with torch.no_grad():
        return generator.features(batch, [layer])[layer].float().relu()


def iter_maps(
    generator: Generator, seeds: Sequence[int], layer: str, batch_size: int, progress: Progress
) -> Iterator[Tensor]:
    """`rectified_maps` of many samples, batch by batch.

    Raises:
        InterpganError: if there is no such layer.
    """
    generator.require_layer(layer)
    batches = generator.stream(seeds, batch_size)
    what = f"maps of layer {layer}, {len(seeds)} samples"
    for batch in progress(batches, total=-(-len(seeds) // batch_size), what=what):
        yield rectified_maps(generator, batch, layer)
