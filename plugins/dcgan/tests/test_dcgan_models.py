"""The three trained networks, where their weights can be had."""

import html
import json

import pytest
import torch

from interpgan_core import InterpganError, load_generator, make_plan, run
from interpgan_core.testing import GENERATOR_CHECKS, Case
from interpgan_dcgan.models import MODELS

pytestmark = pytest.mark.network

# Fingerprint, and of seeds 0 to 63 the mean and the deviation of all pixels, as torch 2.13 draws them.
KNOWN = {
    "dcgan.digiface-64": ("4bc2a5e24e4716be", -0.302761, 0.446591),
    "dcgan.celeba-64": ("7da7e033bfd620b4", -0.107942, 0.598086),
    "dcgan.eyes-128": ("a44493562ef73765", -0.103352, 0.475306),
}


@pytest.fixture(scope="module")
def models():
    try:
        return {name: load_generator(name) for name in MODELS}
    except InterpganError as error:
        pytest.skip(f"the weights cannot be had here: {error}")


@pytest.mark.parametrize("name", MODELS)
def test_it_draws_what_was_looked_at(name, models):
    generator, (fingerprint, mean, deviation) = models[name], KNOWN[name]
    assert generator.fingerprint == fingerprint
    images = generator.images(generator.sample(range(64)), batch_size=16)
    size = MODELS[name].resolution
    assert images.shape == (64, 3, size, size)
    assert (images.mean() - mean).abs() < 1e-4 and (images.std() - deviation).abs() < 1e-4


@pytest.mark.parametrize("check", GENERATOR_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", MODELS)
def test_it_keeps_what_every_generator_promises(name, check, models, tmp_path):
    check(Case(models[name], models[name], tmp_path))


def test_the_eyes_have_eight_colours(models):
    eyes = models["dcgan.eyes-128"]
    assert eyes.classes == 8 and eyes.class_names[1] == "blue" and eyes.spaces["z"].shape == (100,)
    labels = torch.eye(8).repeat_interleave(32, 0)
    images = eyes.images(eyes.sample(list(range(32)) * 8, labels), batch_size=32).view(8, 32, 3, 128, 128)
    # Around the middle, blue eyes are the bluest, red ones the reddest, and those without colour have the least.
    red, green, blue = images[..., 40:88, 40:88].mean((1, 3, 4)).unbind(1)
    names = list(eyes.class_names)
    assert names[int((blue - (red + green) / 2).argmax())] == "blue"
    assert names[int((red - green).argmax())] in ("red", "amber", "brown")
    assert names[int((red - blue).abs().argmin())] == "grayscale"


@pytest.mark.parametrize("name", MODELS)
def test_its_licence_reaches_the_report(name, models, tmp_path):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        f"interpgan: 1\nsteps: [{{use: generator, weights: {name}}}, {{use: sample, seeds: 0}}]\n"
    )
    page = run(make_plan(recipe), tmp_path / "out", device="cpu")
    assert json.loads(page.with_name("run.json").read_text())["licences"] == [MODELS[name].licence]
    assert MODELS[name].licence in html.unescape(page.read_text())
