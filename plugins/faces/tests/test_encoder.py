"""The encoder: its network against the package it began with, and what it finds of pictures that it never saw."""

import pytest
import torch

from interpgan_core import InterpganError, load_generator
from interpgan_core.testing import toy
from interpgan_faces.efficientnet import EfficientNetLite0
from interpgan_faces.encoder import LoadEncoder


def test_the_body_is_efficientnet_lite0():
    package = pytest.importorskip("efficientnet_lite_pytorch")
    torch.manual_seed(0)
    original = package.EfficientNet.from_name("efficientnet-lite0").eval()
    net = EfficientNetLite0(original.state_dict())
    images = torch.rand(2, 3, 64, 64) * 2 - 1
    expected = {}
    with torch.no_grad():
        x = original._swish(original._bn0(original._conv_stem(images)))
        for block in original._blocks:
            x = block(x)
            expected[x.shape[2]] = x
        found = net(images)
    assert [m.shape[1:] for m in found] == [(16, 32, 32), (24, 16, 16), (40, 8, 8), (112, 4, 4), (320, 2, 2)]
    for maps in found:
        wanted = expected[maps.shape[2]]
        torch.testing.assert_close(maps, wanted, rtol=0, atol=1e-4 * float(wanted.abs().max()))


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
    assert cosine.median() > 0.8
    assert encoder.encode(generator.images(batch[:1])).space.name == "w"
