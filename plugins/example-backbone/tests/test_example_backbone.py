from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch
from torch import nn

from interpgan_core import InterpganError, load_generator
from interpgan_core.plugin import Checkpoint
from interpgan_core.testing import conformance, plugin_conformance
from interpgan_example_backbone.backbone import backbone


def original(channels=3):
    """The generator of PyTorch-GAN, in small, as if it had been trained."""
    torch.manual_seed(0)
    network = nn.Module()
    network.l1 = nn.Sequential(nn.Linear(10, 16 * 4**2))
    network.conv_blocks = nn.Sequential(
        *(nn.BatchNorm2d(16), nn.Upsample(scale_factor=2)),
        *(
            nn.Conv2d(16, 16, 3, 1, 1),
            nn.BatchNorm2d(16, 0.8),
            nn.LeakyReLU(0.2),
            nn.Upsample(scale_factor=2),
        ),
        *(nn.Conv2d(16, 8, 3, 1, 1), nn.BatchNorm2d(8, 0.8), nn.LeakyReLU(0.2)),
        *(nn.Conv2d(8, channels, 3, 1, 1), nn.Tanh()),
    )
    draw(network, torch.randn(64, 10))  # gives the norms their statistics
    return network.eval()


def draw(network, z):
    return network.conv_blocks(network.l1(z).view(-1, 16, 4, 4))


def load(network, **options):
    with TemporaryDirectory() as folder:
        torch.save(network.state_dict(), Path(folder, "generator.pth"))
        return load_generator(Path(folder, "generator.pth"), **options)


test_plugin = plugin_conformance("example_backbone")
test_a_file = conformance(load(original()))
test_the_named_model = conformance(load_generator("example_backbone.random"))


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_are_those_of_the_original(channels):
    network = original(channels)
    generator = load(network)
    batch = generator.sample([1, 2])
    assert torch.equal(generator.forward(batch), draw(network, batch.codes))
    assert generator.images(batch).shape == (2, 3, 16, 16)


def test_a_discriminator_is_not_taken_for_one(tmp_path):
    network = nn.Sequential(nn.Conv2d(3, 8, 4), nn.LeakyReLU(), nn.Conv2d(8, 16, 4), nn.BatchNorm2d(16))
    torch.save(nn.ModuleDict({"model": network}).state_dict(), tmp_path / "discriminator.pth")
    assert not backbone.recognises(Checkpoint(tmp_path / "discriminator.pth"))


def test_what_is_wrong_is_said():
    with pytest.raises(InterpganError, match="draws 16 pixels only"):
        load(original(), resolution=64)
    damaged = original()
    damaged.conv_blocks[6] = nn.Identity()
    with pytest.raises(InterpganError, match="it is damaged, or from a variant of"):
        load(damaged)
