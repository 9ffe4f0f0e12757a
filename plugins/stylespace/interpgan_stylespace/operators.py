"""The operator `stylespace`."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from interpgan_core import Generator, InterpganError, Operator, Progress, Ranges, Seeds
from interpgan_stylespace.channels import (
    Channels,
    channel,
    channel_names,
    expected,
    find_channels,
    spread,
    style_space,
)


def _name(value: object) -> object:
    """YAML reads 6.10 as the number 6.1."""
    if not isinstance(value, str):
        raise InterpganError(f"write the channel in quotes, as '6.10'; {value!r} is read as a number")
    return value


ChannelName = Annotated[str, BeforeValidator(_name)]


class ChooseChannels(Operator):
    """Directions along single channels of S, by their names.

    Source: Wu et al., StyleSpace Analysis, CVPR 2021.
    """

    channels: Annotated[tuple[ChannelName, ...], Field(min_length=1)]
    """Names `layer.channel`, in quotes: the number of a synthesis layer, and of the channel among those that the layer
    has in S, from 0."""
    seeds: Seeds = "0-1023"
    """The samples that say how far each channel spreads, for edits in `unit: sigma`."""

    def check(self, generator: Generator) -> Channels:
        find_channels(self.channels, style_space(generator))
        return expected(generator, ())

    def run(self, generator: Generator, progress: Progress) -> Channels:
        space = style_space(generator)
        positions = find_channels(self.channels, space)
        _, deviation = spread(generator, Ranges(self.seeds), progress)
        names = channel_names(space)
        return Channels({names[i]: channel(i, space, float(deviation[i]), generator, {}) for i in positions})
