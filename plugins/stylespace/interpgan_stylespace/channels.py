"""Channels of S: their names, how far samples spread along each, and directions along one of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from math import ceil
from typing import TYPE_CHECKING, Any

from interpgan_core import (
    Direction,
    DirectionSet,
    Generator,
    InterpganError,
    LatentSpace,
    Progress,
    Ranges,
    did_you_mean,
)

if TYPE_CHECKING:
    from torch import Tensor

STILL = 1e-6  # a standard deviation below this share of the median: the channel is the same in all samples
MAP_AT_ONCE = 64


def style_space(generator: Generator) -> LatentSpace:
    """The space S of a generator.

    Raises:
        InterpganError: if it has none.
    """
    space = generator.spaces.get("s")
    if space is None or space.layer_of is None or len(space.shape) != 1:
        raise InterpganError(
            f"this generator has no space s, whose channels style the layers (it has {', '.join(generator.spaces)}); "
            "take a StyleGAN, or find directions by sefa, ganspace or resefa"
        )
    return space


def channel_names(space: LatentSpace) -> list[str]:
    """`layer.channel` of every entry of S: a layer's channels count from 0, in the order of the code."""
    assert space.layer_of is not None
    seen: dict[int, int] = {}
    names = []
    for layer in space.layer_of.tolist():
        names.append(f"{layer}.{seen.get(layer, 0)}")
        seen[layer] = seen.get(layer, 0) + 1
    return names


def find_channels(names: Iterable[str], space: LatentSpace) -> list[int]:
    """Positions of channels in a code of S.

    Raises:
        InterpganError: if there is no such channel.
    """
    known = {name: i for i, name in enumerate(channel_names(space))}
    found = []
    for name in names:
        if name not in known:
            layer = name.partition(".")[0]
            count = sum(1 for other in known if other.partition(".")[0] == layer)
            hint = f"; layer {layer} has channels 0 to {count - 1}" if count else did_you_mean(name, known)
            raise InterpganError(f"there is no channel '{name}' in s{hint}")
        found.append(known[name])
    return found


def spread(generator: Generator, seeds: Ranges, progress: Progress) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of every channel over samples, which are drawn in a stream.

    Returns:
        (d,) float64 each, on the CPU; the deviation is 0 where a channel is the same in all samples.
    """
    import torch

    blocks = generator.stream(seeds, MAP_AT_ONCE, "s")
    origin, count = None, 0
    total = ceil(len(seeds) / MAP_AT_ONCE)
    for batch in progress(blocks, total=total, what=f"measuring channels of {len(seeds)} samples"):
        codes = batch.codes.double()
        if origin is None:  # near the mean, so that little cancels
            origin = codes.mean(0)
            first, second = torch.zeros_like(origin), torch.zeros_like(origin)
        first, second = first + (codes - origin).sum(0), second + (codes - origin).square().sum(0)
        count += len(codes)
    assert origin is not None
    deviation = ((second - first.square() / count).clamp_min(0) / max(count - 1, 1)).sqrt()
    deviation = torch.where(deviation > STILL * deviation.median(), deviation, 0.0)
    return (origin + first / count).cpu(), deviation.cpu()


class Channels(DirectionSet):
    """Directions along single channels, named `layer.channel`.

    A channel that was found for a part or an attribute also answers to that name: `$found.eyes` is the first of them,
    and points to more of the attribute. Its note `of` says which: name -> 1 or -1, the sign of more.
    """

    def __getitem__(self, name: str) -> Direction:
        """A channel by its name, or the best one of a part or an attribute."""
        if name not in self._movers:
            for direction in self._movers.values():
                sign = direction.notes.get("of", {}).get(name)
                if sign is not None:
                    notes = {**direction.notes, "attribute": name}
                    return replace(
                        direction, vector=sign * direction.vector, bias=sign * direction.bias, notes=notes
                    )
            named = {word for d in self._movers.values() for word in d.notes.get("of", {})}
            if not name[:1].isdecimal() and named:
                raise InterpganError(f"no channel was found for '{name}'" + did_you_mean(name, sorted(named)))
        return super().__getitem__(name)


def channel(
    position: int, space: LatentSpace, deviation: float, generator: Generator, notes: Mapping[str, Any]
) -> Direction:
    """The direction along one channel of S.

    Args:
        position: in a code of S.
        space: S.
        deviation: standard deviation of the channel over samples, for edits in `unit: sigma`.
        generator: whose S.
        notes: what else is known.
    """
    import torch

    vector = torch.zeros(space.shape)
    vector[position] = 1
    mean = 0.0 if space.mean is None else float(space.mean[position])
    return Direction(
        vector, space.name, -mean, generator=generator.fingerprint, notes={**notes, "sigma": deviation}
    )


def expected(generator: Generator, found_for: Iterable[str]) -> Channels:
    """What a step's `check` returns before it is known which channels are found: all of them.

    Args:
        generator: whose channels.
        found_for: parts or attributes that channels will be found for.
    """
    space = style_space(generator)
    names = channel_names(space)
    stands = channel(0, space, 1.0, generator, {"of": dict.fromkeys(found_for, 1)})
    return Channels(dict.fromkeys(names, stands))
