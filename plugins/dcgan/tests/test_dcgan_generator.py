"""DCGAN as a generator, and its discriminator: against torch's own layers in a row."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch
from torch import nn

from interpgan_core import InterpganError, LatentBatch, load_generator
from interpgan_core.testing import conformance, plugin_conformance, roundings
from interpgan_dcgan.operators import LoadDCGAN
from interpgan_dcgan.testing import discriminator, generator


def write(folder, content):
    torch.save(content, Path(folder) / "net.pth")
    return Path(folder) / "net.pth"


def load(content=None, **options):
    with TemporaryDirectory() as folder:
        nets = {"netG": generator(), "netD": discriminator()} if content is None else content
        return load_generator(write(folder, nets), **options)


test_plugin = plugin_conformance(
    "dcgan",
    exempt={"licences-reach-the-report": "it fetches the weights; test_dcgan_models.py holds it there"},
)
test_conforms = conformance(load())
test_conforms_with_classes = conformance(load(classes=3))
test_conforms_at_28_pixels_in_grey = conformance(
    load(generator(1, widths=(16, 8), kernels=(7, 4, 4), bias=True))
)


def original(slope=0.0, ending=None):
    """The network of PyTorch's tutorial, in small."""
    act = (lambda: nn.LeakyReLU(slope)) if slope else nn.ReLU
    widths = (12, 16, 8, 6)
    layers = []
    for i in range(3):
        stride, padding = (2, 1) if i else (1, 0)
        layers += [nn.ConvTranspose2d(widths[i], widths[i + 1], 4, stride, padding, bias=False)]
        layers += [nn.BatchNorm2d(widths[i + 1]), act()]
    layers += [nn.ConvTranspose2d(6, 3, 4, 2, 1, bias=False), ending or nn.Tanh()]
    net = nn.ModuleDict({"main": nn.Sequential(*layers)})
    net.load_state_dict(generator())
    return net["main"].eval()


@pytest.fixture(scope="module")
def batch():
    return load().sample([1, 2, 3])


def test_images(batch):
    expected = original().double()(batch.codes.double()[:, :, None, None])
    assert (load().forward(batch) - expected).abs().max() < 1e-5
    exact = load()
    exact.module.double()
    found = exact.forward(LatentBatch(batch.codes.double(), batch.space))
    assert (found - expected).abs().max() < 1e-12


def test_a_sigmoid_at_the_end_and_leaky_relus(batch):
    z = batch.codes[:, :, None, None]
    found = load(sigmoid=True).forward(batch)
    torch.testing.assert_close(found, original(ending=nn.Sigmoid())(z) * 2 - 1, atol=1e-5, rtol=0)
    torch.testing.assert_close(load(slope=0.2).forward(batch), original(0.2)(z), atol=1e-5, rtol=0)
    prints = {load(**o).fingerprint for o in ({}, {"sigmoid": True}, {"slope": 0.2})}
    assert len(prints) == 3


def test_a_label_stands_behind_z():
    made, plain = load(classes=3), load()
    batch = made.sample([4, 5])
    assert batch.codes.shape == (2, 9) and batch.labels.shape == (2, 3)
    joined = LatentBatch(torch.cat([batch.codes, batch.labels], 1), plain.spaces["z"])
    assert torch.equal(made.forward(batch), plain.forward(joined))
    assert made.style_weight("z", 0).shape == (16 * 16, 9)
    with pytest.raises(InterpganError, match="has 3 classes; give the batch labels"):
        made.forward(LatentBatch(batch.codes, batch.space))


def test_style_weights_are_the_affine_map_before_the_first_relu(batch):
    made = load()
    weight = made.style_weight("z", 0)
    a, b = batch.codes[:1], batch.codes[1:2]
    first = lambda z: original()[:2](z[:, :, None, None]).flatten()  # noqa: E731
    torch.testing.assert_close(weight @ (a - b)[0], first(a) - first(b), atol=1e-5, rtol=1e-5)
    for space, layer in (("w", 0), ("z", 1)):
        with pytest.raises(InterpganError, match="takes a code in layer 0 alone, from z"):
            made.style_weight(space, layer)


def test_discriminator():
    layers = [nn.Conv2d(3, 6, 4, 2, 1, bias=False), nn.LeakyReLU(0.2)]
    for before, after in ((6, 8), (8, 16)):
        layers += [nn.Conv2d(before, after, 4, 2, 1, bias=False), nn.BatchNorm2d(after), nn.LeakyReLU(0.2)]
    layers += [nn.Conv2d(16, 1, 4, 1, 0, bias=False)]
    net = nn.ModuleDict({"main": nn.Sequential(*layers)})
    net.load_state_dict(discriminator())
    images = torch.randn(5, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    expected = net["main"].eval()(images).flatten(1)
    torch.testing.assert_close(load().discriminator(images), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_precision(precision, batch):
    found = load(precision=precision).images(batch)
    assert found.dtype == torch.float32
    assert 0 < roundings(found, load().images(batch), precision) < 8


def test_it_is_saved_with_its_discriminator_and_classes(tmp_path):
    made = load(classes=3, slope=0.2)
    made.class_names = ("red", "green", "blue")
    made.save(tmp_path)
    again = load_generator(tmp_path / "generator.safetensors")
    images = made.images(made.sample([1]))
    assert again.fingerprint == made.fingerprint and again.class_names == made.class_names
    assert torch.equal(again.images(again.sample([1])), images)
    assert torch.equal(again.discriminator(images), made.discriminator(images))
    with pytest.raises(InterpganError, match="leave out slope"):
        load_generator(tmp_path / "generator.safetensors", slope=0.1)


def test_the_step_of_a_recipe(tmp_path):
    path = write(tmp_path, generator())
    step = LoadDCGAN(weights=str(path), classes=2, slope=0.2)
    made = step.run("cpu")
    assert made.classes == 2 and made.fingerprint == load(slope=0.2).fingerprint
