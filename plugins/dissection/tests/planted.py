"""A generator whose units draw known parts, and a segmenter that finds them exactly."""

import torch
from torch import nn

from interpgan_core import Generator, LatentSpace, seeded_normal

SIDE, PARTS = 24, ("wall", "box", "disc", "line")


class Paint(nn.Module):
    """Three units draw a part each, in red, green and blue on black; the others draw nothing."""

    def forward(self, maps):
        return 2 * maps[:, :3].clamp(0, 1) - 1


class Planted(Generator):
    """Unit 0 draws a box, unit 1 a disc, unit 2 a line, side by side; units 3 to 5 are noise between 0 and 1."""

    fingerprint = "planted"
    layers = ("units", "paint")

    def __init__(self):
        self.module = nn.Module()
        self.module.units, self.module.paint = nn.Identity(), Paint()
        self.spaces = {"z": LatentSpace("z", (6,))}

    def prior(self, seeds):
        return seeded_normal(seeds, (6,))

    def map(self, codes, source, target, labels):
        raise AssertionError("there is one space")

    def forward(self, batch):
        height = (batch.codes[:, :3].sigmoid() * (SIDE - 8)).long()[..., None, None] + 4
        y, x = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
        box = ((y - height[:, 0]).abs() <= 2) & ((x - 3).abs() <= 3)
        disc = (y - height[:, 1]) ** 2 + (x - 11) ** 2 <= 9
        line = (y == height[:, 2]) & (x >= 16)
        there = batch.codes[:, 3:, None, None] > -0.4  # two thirds have each
        noise = seeded_normal(batch.seeds.tolist(), (3, SIDE, SIDE), stream=1).sigmoid()
        maps = torch.stack([box, disc, line], 1) & there
        return self.module.paint(self.module.units(torch.cat([maps.float(), noise], 1)))


class Colours:
    """Finds the parts by their colours, and says how sure it is."""

    parts = PARTS

    def probabilities(self, images):
        corners = torch.tensor([[-1.0, -1, -1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
        distance = (images[:, None] - corners.view(1, 4, 3, 1, 1)).square().sum(2)
        return (-distance).softmax(1)

    def __call__(self, images):
        return self.probabilities(images).argmax(1)
