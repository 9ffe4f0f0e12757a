"""The encoder: its network against the package it began with, and what it finds of pictures that it never saw."""

import pytest
import torch

from interpgan_core import InterpganError, load_generator
from interpgan_core.testing import toy
from interpgan_faces.encoder import LoadEncoder
from interpgan_faces.encoder_network import CODE, SIDE, FaceEncoderNet

PARTS = {
    "_expand_conv": "expand.conv",
    "_bn0": "expand.norm",
    "_depthwise_conv": "depthwise.conv",
    "_bn1": "depthwise.norm",
    "_project_conv": "project.conv",
    "_bn2": "project.norm",
}


def renamed(name):
    """The name that a tensor of efficientnet-lite-pytorch has here."""
    first, *rest = name.split(".")
    if first in ("_conv_stem", "_bn0"):
        return ".".join(["stem", "conv" if first == "_conv_stem" else "norm", *rest])
    number, part, kind = rest
    return f"blocks.{number}.{PARTS[part]}.{kind}"


def test_the_body_is_efficientnet_lite0():
    package = pytest.importorskip("efficientnet_lite_pytorch")
    torch.manual_seed(0)
    original = package.EfficientNet.from_name("efficientnet-lite0").eval()
    state = {
        k: v for k, v in original.state_dict().items() if k.startswith(("_conv_stem", "_bn0", "_blocks"))
    }
    net = FaceEncoderNet().eval()
    missing, more = net.load_state_dict({renamed(k): v for k, v in state.items()}, strict=False)
    assert not more and {name.split(".")[0] for name in missing} == {"down", "up"}
    seen = []
    net.down.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    images = torch.rand(2, 3, SIDE, SIDE) * 2 - 1
    with torch.no_grad():
        assert net(images).shape == (2, CODE)
        x = original._swish(original._bn0(original._conv_stem(images)))
        maps = {}
        for block in original._blocks:
            x = block(x)
            maps[x.shape[2]] = x
    expected = torch.cat([maps[8].flatten(1), maps[4].flatten(1)], 1)
    assert torch.allclose(seen[0], expected, atol=1e-4 * float(expected.abs().max()))


def test_another_generator_is_refused():
    with pytest.raises(InterpganError, match=r"faces\.encoder knows StyleGAN 2 of FFHQ alone"):
        LoadEncoder().run(toy())


@pytest.mark.network
def test_codes_of_samples_that_it_never_saw():
    generator = load_generator("mobilestylegan.ffhq", resolution=512)
    batch = generator.to_space(generator.sample(range(600, 624)), "w")
    encoder = LoadEncoder().run(generator)
    with torch.no_grad():
        found = torch.cat([encoder.encode(part).codes for part in generator.iter_images(batch, 4)])
    mean = generator.spaces["w"].mean
    cosine = torch.nn.functional.cosine_similarity(found - mean, batch.codes - mean)
    assert cosine.median() > 0.74
    assert encoder.encode(generator.images(batch[:1])).space.name == "w"
