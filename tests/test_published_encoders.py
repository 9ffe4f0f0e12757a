"""The file of a published encoder is two things: an encoder, and the generator that it was trained for."""

import re
import sys

import pytest
import torch
from processes import output, python

from interpgan_core import InterpganError, LatentBatch, load_generator
from interpgan_core.loading.inspection import inspect
from interpgan_inversion import testing
from interpgan_inversion.encode import LoadEncoder
from interpgan_inversion.published.network import Plan, StyleEncoder
from interpgan_stylegan.testing import v1, v2
from interpgan_stylegan.v2.conversion import convert

E4E = {"encoder_type": "Encoder4Editing", "stylegan_size": 16, "start_from_latent_avg": True}


def decoder(**widths):
    """A generator in rosinality's layout, and the mean of its w."""
    state = convert(v2.generator(**widths), "rosinality")
    return state, state.pop("latent_avg")


def write(path, content):
    torch.save(content, path)
    return path


@pytest.fixture
def both(tmp_path):
    state, mean = decoder()
    encoder = testing.style_encoder(testing.plan(6, v2.W))
    return write(tmp_path / "e4e.pt", testing.published(encoder, state, mean.expand(6, -1).clone(), **E4E))


@pytest.mark.long
def test_one_file_encodes_and_draws(both):
    generator = load_generator(both)
    assert torch.equal(generator.spaces["w"].mean, decoder()[1])
    encoder = LoadEncoder(file=both).run(generator)
    with torch.no_grad():
        batch = encoder.encode(torch.rand(2, 3, 16, 16))
    assert batch.space.name == "w+" and generator.images(batch).shape == (2, 3, 16, 16)
    facts = inspect(both)
    assert facts["family"] == "StyleGAN 2" and facts["layout"] == "rosinality" and facts["loads"] == "yes"
    assert facts["encoder"] == "e4e, 6 codes of 10 numbers"
    assert not any("not read" in fact for fact in facts.values())


@pytest.mark.long
def test_what_a_training_leaves_beside_both(both, tmp_path):
    content = torch.load(both, weights_only=True)
    judge = {"state_dict": {"mlp.0.weight": torch.ones(4, 4), "mlp.0.bias": torch.ones(4)}}
    more = {
        "global_step": 100,
        "optimizer": {"state": {0: {"exp_avg": torch.ones(3)}}, "param_groups": [{"lr": 0.1}]},
        "best_val_loss": 0.1,
        "discriminator_state_dict": judge["state_dict"],
        "discriminator_optimizer_state_dict": {"state": {}, "param_groups": []},
    }
    path = write(tmp_path / "training.pt", {**content, **more})
    assert load_generator(path).fingerprint == load_generator(both).fingerprint
    assert inspect(path)["encoder"] == inspect(both)["encoder"]
    found = LoadEncoder(file=path).run(load_generator(path))
    with torch.no_grad():
        images = torch.rand(1, 3, 16, 16)
        expected = LoadEncoder(file=both).run(load_generator(both)).encode(images).codes
        assert torch.equal(found.encode(images).codes, expected)


def test_another_generator_is_told_where_the_encoders_own_is(both, tmp_path):
    state, mean = decoder()
    other = write(tmp_path / "other.pt", {"g_ema": state, "latent_avg": -mean})
    with pytest.raises(
        InterpganError, match=r"of another W, .*stands in the same file: \{use: generator, weights: e4e\.pt"
    ):
        LoadEncoder(file=both).run(load_generator(other))
    state, mean = decoder(widths=(8, 6, 4, 4))
    larger = write(tmp_path / "larger.pt", {"g_ema": state, "latent_avg": mean})
    with pytest.raises(
        InterpganError, match=r"e4e, 6 codes of 10 numbers, and this generator is one of 8 layers"
    ):
        LoadEncoder(file=both).run(load_generator(larger))
    first = write(tmp_path / "first.pth", {"generator_smooth": v1.generator()})
    with pytest.raises(InterpganError, match=r"for StyleGAN 2, and this generator is StyleGAN 1, with z"):
        LoadEncoder(file=both).run(load_generator(first))


def test_a_tuned_generator_is_still_its_own(both, tmp_path):
    generator = load_generator(both)
    encoder = LoadEncoder(file=both).run(generator)
    generator.save(tmp_path)
    again = load_generator(tmp_path / "generator.safetensors")
    encoder.check(again)


def test_an_encoder_of_idinvert_and_a_stylegan_1(tmp_path):
    generator = load_generator(write(tmp_path / "g.pth", v1.interfacegan(v1.generator(layered=True))))
    assert "w" not in generator.spaces
    codes, size = generator.spaces["w+"].shape
    path = write(tmp_path / "styleganinv_ffhq256_encoder.pth", testing.idinvert(codes, size))
    encoder = LoadEncoder(file=path).run(generator)
    assert generator.images(encoder.encode(torch.rand(1, 3, 32, 32))).shape[0] == 1
    facts = inspect(path)
    assert facts["family"] == "an encoder, without a generator" and facts["encoder"].startswith("IDInvert")
    path = write(tmp_path / "other.pth", testing.idinvert(codes + 2, size))
    with pytest.raises(InterpganError, match=rf"IDInvert, {codes + 2} codes of .* is one of {codes} layers"):
        LoadEncoder(file=path).run(generator)


def test_a_damaged_encoder_beside_a_generator_is_said_to_be(both, tmp_path):
    content = torch.load(both, weights_only=True)
    del content["state_dict"]["encoder.styles.2.linear.bias"]
    facts = inspect(write(tmp_path / "e4e.pt", content))
    assert facts["family"] == "StyleGAN 2" and facts["loads"] == "yes"
    assert re.search(
        r"^one that cannot be loaded as it stands: .* lacks styles\.2\.linear\.bias", facts["encoder"]
    )


@pytest.mark.network
def test_eighteen_codes_are_mobilestylegans_twenty_three(tmp_path):
    """Its W is that of StyleGAN2-FFHQ; each of its codes drives a layer of StyleGAN 2."""
    generator = load_generator("mobilestylegan.ffhq", resolution=512)
    mean = generator.spaces["w"].mean
    options = {"encoder_type": "BackboneEncoderUsingLastLayerIntoWPlus", "output_size": 1024}
    made_of = testing.plan(18, 512, "flat")
    path = write(
        tmp_path / "psp.pt", testing.published(testing.style_encoder(made_of), None, mean, **options)
    )
    encoder = LoadEncoder(file=path).run(generator)
    codes = encoder.raw(torch.rand(1, 3, 256, 256))[-1]
    numbers = generator.spaces["w+"].layer_of.flatten()
    assert torch.equal(encoder.batch(codes).codes, codes[:, numbers]) and len(numbers) == 23
    drawn = generator.images(LatentBatch(codes[:, numbers] * 0.1 + 0.9 * mean, generator.spaces["w+"]))
    assert drawn.shape == (1, 3, 512, 512)
    other = write(
        tmp_path / "other.pt", testing.published(testing.style_encoder(made_of), None, -mean, **options)
    )
    with pytest.raises(
        InterpganError, match=r"pSp, 18 codes of 512 numbers, of another W, .* <MobileStyleGAN"
    ):
        LoadEncoder(file=other).run(generator)


STAGES = ((64, 3), (128, 4), (256, 14), (512, 3))
WIDTHS = tuple(width for width, units in STAGES for _ in range(units))
WHOLE = Plan(
    "IR-SE50",
    3,
    (64, *WIDTHS),
    tuple(width // 16 for width in WIDTHS),
    18,
    512,
    (4,) * 3 + (5,) * 4 + (6,) * 11,
    pyramid=True,
    added=True,
)
MEASURE = """
import sys
from pathlib import Path
from interpgan_core import load_generator
from interpgan_core.plugin import Checkpoint
from interpgan_inversion.published.files import find

def most():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))

def encoder(path):
    return find(Checkpoint(Path(path))).network()

def generator(path):
    return load_generator(path).module

what = {"encoder": encoder, "generator": generator}[sys.argv[1]]
what(sys.argv[2])  # what the libraries take
before = most()
used = sum(t.numel() * t.element_size() for t in what(sys.argv[3]).state_dict().values())
print((most() - before) / used, used)
"""


@pytest.fixture(scope="module")
def gigabyte(tmp_path_factory):
    """e4e of StyleGAN2-FFHQ in full size, beside a generator of 85 MB; zeros take no memory here."""
    with torch.device("meta"):
        shapes = {name: t.shape for name, t in StyleEncoder(WHOLE).state_dict().items()}
    encoder = {name: torch.zeros(shape) for name, shape in shapes.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(v2, "W", 512)
        state, mean = decoder(widths=(512,) * 5)
    content = testing.published(encoder, state, mean, encoder_type="Encoder4Editing", stylegan_size=1024)
    path = write(tmp_path_factory.mktemp("large") / "e4e_ffhq_encode.pt", content)
    yield path
    path.unlink()


@pytest.mark.slow
@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="only Linux says how much memory a process took"
)
@pytest.mark.parametrize("what", ["encoder", "generator"])
def test_loading_a_gigabyte_takes_what_is_used_of_it(what, gigabyte, both):
    assert gigabyte.stat().st_size > 1.1e9
    peak, used = map(float, output(python(MEASURE, what, both, gigabyte)).split())
    assert used > (1e9 if what == "encoder" else 8e7)
    assert peak <= 1.3, f"{peak:.2f} times the tensors used"
