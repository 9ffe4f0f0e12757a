"""Generators, extractors and pictures so simple that every figure is known in advance."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from interpgan_core import Generator, ImageSet, LatentSpace, quiet, seeded_normal

SIZE = 12


class Plain(Generator):
    """Pictures of 2 x 2 pixels that are their codes: standard normal numbers, times `gain`, plus `shift`."""

    layers = ()
    fingerprint = "plain"

    def __init__(self, gain=0.2, shift=0.0):
        self.module = torch.nn.Identity()
        self.spaces = {name: LatentSpace(name, (SIZE,)) for name in ("z", "w")}
        self.gain, self.shift = gain, shift

    def prior(self, seeds):
        return seeded_normal(seeds, (SIZE,))

    def map(self, codes, source, target, labels):
        return codes

    def forward(self, batch):
        return (batch.codes * self.gain + self.shift).view(-1, 3, 2, 2)


class Flat:
    """Features that are the pixels."""

    name = "pixels"

    def features(self, images):
        return images.flatten(1)


def picture_set(pictures, **known):
    """Pictures (n, 3, r, r) float in [-1, 1] as an ImageSet; rounded as the files of a generator are."""
    pixels = (np.asarray(pictures) * 127.5 + 128).clip(0, 255).astype(np.uint8)
    return ImageSet(pixels, **known)


def drawn(generator, seeds):
    """A generator's own pictures, as an ImageSet."""
    return picture_set(generator.images(generator.sample(seeds), len(seeds)))


def values(report, table=0):
    """A table of two columns as a dict."""
    return dict(report.tables[table].rows)


@pytest.fixture(scope="session")
def kit():
    return SimpleNamespace(
        Plain=Plain,
        Flat=Flat,
        picture_set=picture_set,
        drawn=drawn,
        values=values,
        quiet=quiet,
    )
