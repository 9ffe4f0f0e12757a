"""A generator whose concepts are known, and a segmenter that finds them."""

import pytest
import torch
from torch import nn

from interpgan_core import Generator, LatentSpace, quiet, seeded_normal
from interpgan_interpretable.adaptation.adapt import AdaptLayer
from interpgan_interpretable.partition.find import FindPartition

CENTRES = ((3, 3), (3, 12), (12, 8))  # of 16 x 16


def blob(y, x, scale=1):
    grid = (torch.arange(16.0 * scale) + 0.5) / scale - 0.5
    return torch.exp(-((grid[:, None] - y) ** 2 + (grid - x) ** 2) / 8)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.drawing = nn.Identity()

    def forward(self, maps):
        drawn = self.drawing(maps)
        colours = sum(drawn[:, i : i + 3] for i in (0, 3, 6, 9)) / 4 - 1
        return nn.functional.interpolate(colours, scale_factor=2.0)


class Blobs(Generator):
    """Twelve filters that draw three blobs, four each, of a brightness that the code sets; filter 12 is silent.

    Images have 32 pixels, and each blob its own colour.
    """

    fingerprint = "three-blobs"
    layers = ("drawing",)

    def __init__(self):
        self.module = Net()
        self.spaces = {"z": LatentSpace("z", (3,))}
        self.blobs = torch.stack([blob(y, x) for y, x in CENTRES])

    def prior(self, seeds):
        return seeded_normal(seeds, (3,))

    def map(self, codes, source, target, labels):
        raise AssertionError("there is one space")

    def forward(self, batch):
        drawn = self.blobs * (0.5 + 1.5 * batch.codes.sigmoid())[..., None, None]
        silent = -torch.ones(len(batch), 1, 16, 16)
        return self.module(torch.cat([drawn.repeat(1, 4, 1, 1), silent], 1))


class Places:
    """A segmenter that knows where each blob is, whatever the image shows."""

    parts = ("nothing", "one", "two", "three")

    def __call__(self, images):
        blobs = torch.stack([blob(y, x, scale=2) for y, x in CENTRES])
        strongest, which = blobs.max(0)
        return torch.where(strongest > 0.1, which + 1, 0).expand(len(images), -1, -1)

    def save(self, folder):
        pass


@pytest.fixture(scope="session")
def blobs():
    """`blobs()` makes the generator."""
    return Blobs


@pytest.fixture(scope="session")
def places():
    """The segmenter."""
    return Places()


@pytest.fixture
def world(blobs):
    """The generator with the concepts that a partition finds."""
    plain = blobs()
    partition = FindPartition(layer="drawing", concepts=3, seeds="0-49").run(plain, quiet)
    return plain.with_concepts(partition.concepts)


@pytest.fixture
def numbered(blobs):
    """The generator with concepts "0", "1", "2", one a blob."""
    return blobs().with_concepts({str(i): ("drawing", tuple(range(i, 12, 3))) for i in range(3)})


@pytest.fixture(scope="session")
def adapted(blobs):
    """Three blobs and what is around them, with filters behind the layer; some seconds, so once for all tests."""
    step = AdaptLayer(layer="drawing", concepts=6, filters=24, seeds="0-29", steps=120, rate=0.02)
    return step.run(blobs(), progress=quiet)
