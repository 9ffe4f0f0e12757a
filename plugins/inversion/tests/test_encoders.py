"""Encoders: they learn, are kept, start a search, and keep it where they would look."""

import numpy as np
import pytest
import torch
from PIL import Image

from interpgan_core import ImageSet, InterpganError, LatentBatch, load_generator
from interpgan_core.testing import Stopped, conformance, stop_after, toy
from interpgan_inversion import resume
from interpgan_inversion.encode import Encode, LoadEncoder
from interpgan_inversion.encoder import Encoder, shipped_files
from interpgan_inversion.indomain import InvertInDomain
from interpgan_inversion.invert import Invert
from interpgan_inversion.scale import Scale
from interpgan_inversion.similarity import psnr
from interpgan_inversion.train_encoder import TrainEncoder

STRIPES = ImageSet(np.random.RandomState(0).randint(0, 256, (2, 3, 32, 32), dtype=np.uint8))
SHORT = TrainEncoder(steps=3, batch_size=4, width=8, space="w")

test_train = conformance(SHORT, toy)


@pytest.fixture(scope="module")
def trained(kit, tmp_path_factory):
    step = TrainEncoder(space="w", steps=150, batch_size=16, width=16, rate=3e-3)
    return kit.run(step, tmp_path_factory.mktemp("encoder"))[0]


def outside(encoder, batch):
    """How far codes are from those that the encoder finds in their pictures, in deviations."""
    again = encoder.encode(toy().images(batch))
    return float((encoder.scale.apart(again.codes) - encoder.scale.apart(batch.codes)).square().mean())


@pytest.mark.long
def test_an_encoder_learns(trained):
    assert trained.figures["cosine of the codes of samples, median"] > 0.5
    assert trained.summary().tables[0].rows[0][0] == "cosine of the codes of samples, median"


@pytest.mark.long
def test_an_encoder_is_kept(trained, tmp_path):
    trained.save(tmp_path)
    again = Encoder.load(tmp_path, toy())
    images = STRIPES.images([0, 1])
    assert torch.equal(again.encode(images).codes, trained.encode(images).codes)
    with pytest.raises(InterpganError, match="belongs to a generator; load that first"):
        Encoder.load(tmp_path)
    file = tmp_path / "encoder.safetensors"
    assert torch.equal(LoadEncoder(file=file).run(toy()).encode(images).codes, again.encode(images).codes)
    with pytest.raises(InterpganError, match="was trained on another generator"):
        LoadEncoder(file=file).run(type(toy())(classes=2))


@pytest.mark.long
def test_an_encoder_learns_from_pictures_too(kit, tmp_path):
    """Brighter pictures than the generator's: the encoder that has seen such ones comes nearer."""
    pixels = kit.drawn(toy(), range(200)).pixels
    bright = ImageSet((255 - (255 - pixels.astype(int)) // 2).astype(np.uint8))
    figure = "PSNR of pictures, dB, median"
    step = TrainEncoder(
        space="w", steps=60, batch_size=16, width=8, rate=5e-3, pictures=bright, picture_weight=5
    )
    taught, _ = kit.run(step, tmp_path / "taught")
    alone, _ = kit.run(step.model_copy(update={"pictures": None}), tmp_path / "alone")
    images = bright.images(slice(175, None))  # one in eight is held out
    found = toy().images(alone.encode(images)).clamp(-1, 1)
    assert taught.figures[figure] > float(psnr(found, images).median()) + 0.5
    small = ImageSet(pixels[:, :, :16, :16])
    with pytest.raises(InterpganError, match="have 16 pixels and the generator draws 32"):
        kit.run(TrainEncoder(pictures=small), tmp_path / "small")


@pytest.mark.long
def test_shipped_encoders_are_their_generators_own(kit, tmp_path):
    """All three models have one that comes near unseen samples, and finds most of their codes."""
    for path in shipped_files():
        generator = load_generator(path.stem)
        encoder = LoadEncoder().run(generator)
        batch = generator.sample(range(100, 116))
        images = generator.images(batch, 8).clamp(-1, 1)
        found = encoder.encode(images)
        again = generator.images(found, 8).clamp(-1, 1)
        assert float(psnr(again, images).median()) > 15
        assert encoder.figures["PSNR of pictures, dB, median"] > 15
    assert [path.stem for path in shipped_files()] == ["avatars.biggan", "avatars.pggan", "avatars.stylegan2"]


def test_a_killed_training_ends_in_the_same_bits(kit, tmp_path, monkeypatch):
    whole, _ = kit.run(SHORT, tmp_path / "whole")
    monkeypatch.setattr(resume, "SAVE_SECONDS", 0.0)
    with pytest.raises(Stopped):
        kit.run(SHORT, tmp_path / "parts", progress=stop_after(1))
    parts, _ = kit.run(SHORT, tmp_path / "parts")
    for name, tensor in whole.net.state_dict().items():
        assert torch.equal(tensor, parts.net.state_dict()[name]), name


@pytest.mark.long
def test_classes_are_learned_too(kit, tmp_path):
    generator = type(toy())(classes=3)
    step = TrainEncoder(steps=60, width=8, space="z", picture_weight=0, rate=3e-3)
    encoder, _ = kit.run(step, tmp_path, generator)
    assert encoder.figures["share of right classes of samples"] > 0.5
    found = encoder.encode(STRIPES.images([0, 1]))
    assert found.labels.shape == (2, 3) and torch.equal(found.labels.sum(1), torch.ones(2))


@pytest.mark.long
def test_encode_and_go_on_from_there(kit, tmp_path, trained):
    pictures = kit.drawn(toy(), [100, 101])
    found, report = kit.run(Encode(pictures=pictures, encoder=trained), tmp_path / "encoded")
    assert report["strips"][0]["pictures"][1]["caption"] == "encoded"
    step = Invert(pictures=pictures, start=found, steps=40)
    _, after = kit.run(step, tmp_path / "inverted")
    assert after["tables"][0]["rows"][-1][1] > report["tables"][0]["rows"][-1][1] + 3


def test_the_generators_own_encoder(kit, tmp_path):
    class Owner(type(toy())):
        def encode(self, images):
            return LatentBatch(images.new_zeros(len(images), 16), self.spaces["w"])

    found, _ = kit.run(Encode(pictures=STRIPES), tmp_path, Owner())
    assert found.space.name == "w" and not found.codes.any()
    with pytest.raises(InterpganError, match=r"no encoder comes with .*; train one by inversion\.encoder"):
        kit.run(Encode(pictures=STRIPES), tmp_path, toy())


@pytest.mark.long
def test_an_encoder_of_another_generator(kit, tmp_path, trained):
    for step in (
        Encode(pictures=STRIPES, encoder=trained),
        InvertInDomain(pictures=STRIPES, encoder=trained),
    ):
        with pytest.raises(InterpganError, match="this encoder was trained on another generator"):
            kit.run(step, tmp_path, type(toy())(classes=2))


@pytest.mark.long
def test_codes_stay_in_the_domain(kit, tmp_path, trained):
    """Noise is in nobody's domain: the weight decides whether its codes go there all the same."""
    found = {}
    for weight in (0.0, 1.0):
        step = InvertInDomain(pictures=STRIPES, encoder=trained, domain_weight=weight)
        found[weight], report = kit.run(step, tmp_path / str(weight))
        assert f"{weight:g} times the mean squared difference between a code" in report["notes"][1]
    assert outside(trained, found[1.0]) < outside(trained, found[0.0]) / 2


@pytest.mark.long
def test_with_a_mask_only_what_is_white_counts(kit, tmp_path, trained):
    generator, seeds = toy(), [100]
    pictures = kit.drawn(generator, seeds)
    pasted = pictures.pixels.copy()
    pasted[:, :, :, 16:] = 255 - pasted[:, :, :, 16:]
    mask = Image.new("L", (64, 64))
    mask.paste(255, (0, 0, 32, 64))
    mask.save(tmp_path / "left.png")
    Image.new("L", (64, 64)).save(tmp_path / "black.png")

    def left(mask):
        step = InvertInDomain(pictures=ImageSet(pasted), encoder=trained, mask=mask, domain_weight=0.001)
        found, _ = kit.run(step, tmp_path / str(mask and mask.stem))
        return float((generator.images(found) - pictures.images([0]))[..., :16].square().mean())

    assert left(tmp_path / "left.png") < left(None) / 2
    with pytest.raises(InterpganError, match=r"black\.png is black all over; make white what has to be like"):
        left(tmp_path / "black.png")


def test_scales_are_deviations():
    generator = toy()
    scale = Scale.of(generator, "w")
    codes = generator.to_space(generator.sample(range(500)), "w").codes
    apart = scale.apart(codes)
    assert (apart.std(0) - 1).abs().max() < 0.15
    torch.testing.assert_close(scale.codes(apart), codes)
