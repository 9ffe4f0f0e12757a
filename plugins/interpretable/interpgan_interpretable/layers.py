"""Feature maps of a layer, and the units of concepts in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from interpgan_core import Generator, InterpganError, LatentBatch, Progress, did_you_mean

if TYPE_CHECKING:
    from torch import Tensor

Units = tuple[int, ...]


def concepts_of(generator: Generator) -> dict[str, tuple[str, Units]]:
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


def one_layer(generator: Generator) -> tuple[str, dict[str, Units]]:
    """The layer of a generator's concepts, and the units of each.

    Raises:
        InterpganError: if it has none, or they lie in several layers.
    """
    known = concepts_of(generator)
    layers = sorted({layer for layer, _ in known.values()})
    if len(layers) != 1:
        raise InterpganError(
            f"this generator's concepts lie in the layers {', '.join(layers)}; name those of one partition"
        )
    return layers[0], {name: units for name, (_, units) in known.items()}


def units_by_layer(generator: Generator, names: Sequence[str]) -> dict[str, Units]:
    """layer -> units of some concepts together; of all where none is named.

    Raises:
        InterpganError: if there is no such concept.
    """
    known = concepts_of(generator)
    units: dict[str, Units] = {}
    for name in names or known:
        if name not in known:
            raise InterpganError(f"there is no concept '{name}'" + did_you_mean(name, known))
        layer, own = known[name]
        units[layer] = (*units.get(layer, ()), *own)
    return units


def maps_of(generator: Generator, batch: LatentBatch, layer: str) -> Tensor:
    """(n, c, h, w) float32 with the batch's edits, sample by sample: none depends on its neighbours."""
    import torch

    with torch.no_grad():
        return torch.cat([generator.features(one, [layer])[layer].float() for one in batch.split(1)])


def rectified_maps(generator: Generator, batch: LatentBatch, layer: str) -> Tensor:
    """The maps that concepts are found in: (n, m, h, w) float32, none below 0, without gradients."""
    import torch

    with torch.no_grad():
        return generator.features(batch, [layer])[layer].float().relu()


def stream_maps(
    generator: Generator, seeds: Sequence[int], layer: str, batch_size: int, progress: Progress
) -> Iterator[Tensor]:
    """`rectified_maps` of many samples, block after block.

    Raises:
        InterpganError: if there is no such layer.
    """
    generator.require_layer(layer)
    parts = generator.stream(seeds, batch_size)
    what = f"reading layer {layer}, {len(seeds)} samples"
    for batch in progress(parts, total=-(-len(seeds) // batch_size), what=what):
        yield rectified_maps(generator, batch, layer)
