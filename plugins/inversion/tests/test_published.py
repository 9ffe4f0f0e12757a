"""Published encoders: what their files are, whether they fit a generator, and what they make of pictures."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import adaptive_avg_pool2d

from interpgan_core import ImageSet, InterpganError, LatentBatch, load_generator, write_safetensors
from interpgan_core.plugin import Checkpoint
from interpgan_core.testing import conformance, recipe_error, toy
from interpgan_inversion import testing
from interpgan_inversion.encode import Encode, LoadEncoder
from interpgan_inversion.encoder import ImageEncoder
from interpgan_inversion.indomain import InvertInDomain
from interpgan_inversion.published.describe import describe
from interpgan_inversion.published.files import find

CODES, SIZE = 6, 16  # of the toy's w+


def written(path, made_of=None, mean="own", seed=0, **options):
    """A file for the toy generator."""
    made_of = made_of or testing.plan(CODES, SIZE)
    mean = toy().spaces["w"].mean if isinstance(mean, str) else mean
    torch.save(testing.published(testing.style_encoder(made_of, seed), None, mean, **options), path)
    return path


E4E = {"encoder_type": "Encoder4Editing", "stylegan_size": 16, "start_from_latent_avg": True}
PSP = {"encoder_type": "GradualStyleEncoder", "output_size": 16, "start_from_latent_avg": True}
RESTYLE = {"output_size": 16, "n_iters_per_batch": 3, "start_from_latent_avg": True}
FILES = {
    "e4e": (testing.plan(6, 16), E4E, "e4e, 6 codes of 16 numbers"),
    "e4e of people": (
        testing.plan(6, 16),
        E4E | {"dataset_type": "ffhq_encode"},
        "e4e (ffhq_encode), 6 codes of 16 numbers",
    ),
    "e4e, one code": (
        testing.plan(1, 16),
        E4E | {"encoder_type": "SingleStyleCodeEncoder"},
        "e4e, one code of 16 numbers",
    ),
    "e4e without its type": (testing.plan(6, 16), {"stylegan_size": 16}, "e4e, 6 codes of 16 numbers"),
    "pSp": (testing.plan(6, 16, "psp"), PSP, "pSp, 6 codes of 16 numbers"),
    "pSp without its type": (testing.plan(6, 16, "psp"), {"output_size": 16}, "pSp, 6 codes of 16 numbers"),
    "pSp into W": (
        testing.plan(1, 16),
        PSP | {"encoder_type": "BackboneEncoderUsingLastLayerIntoW"},
        "pSp, one code of 16 numbers",
    ),
    "pSp into W+ at once": (
        testing.plan(6, 16, "flat"),
        PSP | {"encoder_type": "BackboneEncoderUsingLastLayerIntoWPlus"},
        "pSp, 6 codes of 16 numbers",
    ),
    "ReStyle": (
        testing.plan(6, 16, "backbone", 6),
        RESTYLE | {"encoder_type": "BackboneEncoder"},
        "ReStyle of pSp, IR-SE50, 6 codes of 16 numbers",
    ),
    "ReStyle of e4e": (
        testing.plan(6, 16, "progressive", 6),
        RESTYLE | {"encoder_type": "ProgressiveBackboneEncoder"},
        "ReStyle of e4e, IR-SE50, 6 codes of 16 numbers",
    ),
    "ReStyle, ResNet": (
        testing.plan(6, 16, "backbone", 6, "ResNet-34"),
        RESTYLE | {"encoder_type": "ResNetBackboneEncoder"},
        "ReStyle of pSp, ResNet-34, 6 codes of 16 numbers",
    ),
}


FOLDER = TemporaryDirectory()
FILE = written(Path(FOLDER.name, "net.pt"), **E4E)
STRIPES = ImageSet(np.random.RandomState(0).randint(0, 256, (2, 3, 32, 32), dtype=np.uint8))
LOADED = LoadEncoder(file=FILE).run(toy())
NOT_KEPT = "nothing of it is kept: it is loaded again"

test_load = conformance(
    LoadEncoder(file=FILE),
    toy,
    exempt=dict.fromkeys(("same-parameters-same-result", "global-randomness-does-not-matter"), NOT_KEPT),
)
test_encode = conformance(Encode(pictures=STRIPES, encoder=LOADED), toy)
test_indomain = pytest.mark.long(conformance(InvertInDomain(pictures=STRIPES, encoder=LOADED, steps=2), toy))


@pytest.mark.long
@pytest.mark.parametrize("name", FILES)
def test_what_a_file_is(name, tmp_path):
    made_of, options, words = FILES[name]
    path = written(tmp_path / "net.pt", made_of, **options)
    found = find(Checkpoint(path))
    assert found.in_words == words
    encoder = LoadEncoder(file=path).run(toy())
    assert isinstance(encoder, ImageEncoder)
    assert encoder.space.name == ("w" if "one code" in words else "w+")
    images = torch.rand(2, 3, 32, 32) * 2 - 1
    with torch.no_grad():
        batch = encoder.encode(images)
        assert torch.equal(batch.codes, encoder.encode(images).codes)
        alone = encoder.encode(images[1:]).codes[0]
        assert torch.allclose(batch.codes[1], alone, rtol=1e-3, atol=1e-3)  # but for rounding, of every look
    assert batch.codes.shape == (2, *encoder.space.shape) and batch.seeds is None
    assert toy().images(batch).shape == (2, 3, 32, 32)
    facts = describe(Checkpoint(path))
    assert facts["encoder"] == words and facts["its pictures"].startswith("256 px, aligned")
    assert ("it looks" in facts) == ("ReStyle" in words)
    assert facts["a recipe takes it by"] == "{use: inversion.load-encoder, file: net.pt}"
    report = encoder.summary().tables[0]
    assert ("encoder", words) in report.rows


def test_codes_of_e4e_are_added_to_the_first_and_those_of_psp_are_not(tmp_path):
    images = torch.rand(1, 3, 256, 256)
    codes = {}
    for kind in ("e4e", "psp"):
        path = written(tmp_path / f"{kind}.pt", mean=None)
        codes[kind] = LoadEncoder(file=path, kind=kind).run(toy()).encode(images).codes
    first = codes["psp"][:, :1]
    assert torch.allclose(codes["e4e"][:, 1:], codes["psp"][:, 1:] + first, atol=1e-6)
    assert torch.equal(codes["e4e"][:, :1], first)


@pytest.mark.parametrize("shape", [(16,), (1, 16), (6, 16)])
def test_the_mean_code_in_all_its_shapes(shape, tmp_path):
    own = toy().spaces["w"].mean
    path = written(tmp_path / "net.pt", mean=own.expand(shape).clone(), **E4E)
    found = find(Checkpoint(path))
    assert torch.equal(found.mean, own) and found.adds_mean
    bare = written(tmp_path / "bare.pt", mean=None, **(E4E | {"start_from_latent_avg": False}))
    images = torch.rand(1, 3, 256, 256)
    added = LoadEncoder(file=path).run(toy()).encode(images).codes
    assert torch.allclose(added, LoadEncoder(file=bare).run(toy()).encode(images).codes + own, atol=1e-6)


def test_a_mean_that_the_file_lacks_is_the_generators(tmp_path):
    path = written(tmp_path / "net.pt", mean=None, **E4E)
    encoder = LoadEncoder(file=path).run(toy())
    assert torch.equal(encoder.mean, toy().spaces["w"].mean)
    assert describe(Checkpoint(path))["its mean code"] == "not in the file; the generator's takes its place"


def test_one_code_with_a_mean_for_each_layer(tmp_path):
    mean = toy().spaces["w"].mean + 0.01 * torch.arange(6.0)[:, None]
    path = written(tmp_path / "net.pt", testing.plan(1, 16), mean, **(E4E | {"encoder_type": "WEncoder"}))
    encoder = LoadEncoder(file=path).run(toy())
    codes = encoder.encode(torch.rand(1, 3, 64, 64)).codes
    assert encoder.space.name == "w+"
    assert torch.allclose(codes[0, 1:] - codes[0, :1], mean[1:] - mean[0], atol=1e-6)


def test_restyle_looks_again_at_what_its_codes_draw(tmp_path):
    made_of, options, _ = FILES["ReStyle of e4e"]
    path = written(tmp_path / "net.pt", made_of, **options)
    generator = toy()
    images = torch.rand(2, 3, 256, 256)
    encoder = LoadEncoder(file=path, iterations=2).run(generator)
    assert LoadEncoder(file=path).run(generator).iterations == 3  # as the file says
    with torch.no_grad():
        mean = generator.spaces["w"].mean.expand(1, 6, 16)
        drawn = adaptive_avg_pool2d(generator.images(LatentBatch(mean, generator.spaces["w+"])), 256)
        codes = mean + encoder.net(torch.cat([images, drawn.expand(2, -1, -1, -1)], 1))
        drawn = adaptive_avg_pool2d(generator.images(LatentBatch(codes, generator.spaces["w+"])), 256)
        codes = codes + encoder.net(torch.cat([images, drawn], 1))
        assert torch.allclose(encoder.encode(images).codes, codes, atol=1e-5)


def test_pictures_are_brought_to_the_encoders_size(tmp_path):
    path = written(tmp_path / "net.pt", **E4E)
    encoder = LoadEncoder(file=path).run(toy())
    large = torch.rand(1, 3, 64, 64).repeat_interleave(16, 2).repeat_interleave(16, 3)
    assert encoder.seen(large).shape == (1, 3, 256, 256)
    small = encoder.seen(large[:, :, ::16, ::16])
    assert small.shape == (1, 3, 256, 256)


def test_of_cars_the_middle_is_seen(tmp_path):
    path = written(tmp_path / "net.pt", **(E4E | {"dataset_type": "cars_encode"}))
    encoder = LoadEncoder(file=path).run(toy())
    assert find(Checkpoint(path)).pictures.startswith("cars, 192 x 256 px")
    square = torch.linspace(-1, 1, 256)[:, None].expand(1, 3, 256, 256).clone()
    assert torch.equal(encoder.seen(square), square[:, :, 32:224])
    assert encoder.encode(square).codes.shape == (1, 6, 16)
    cartoons = written(tmp_path / "cartoons.pt", **(E4E | {"dataset_type": "cartoon_encode"}))
    assert find(Checkpoint(cartoons)).picture == (256, 256)


def test_sketches_are_grey_from_0_to_1(tmp_path):
    path = written(tmp_path / "net.pt", testing.plan(6, 16, "psp", 1), **PSP)
    encoder = LoadEncoder(file=path).run(toy())
    seen = encoder.seen(torch.full((1, 3, 32, 32), -1.0))
    assert seen.shape == (1, 1, 256, 256) and not seen.any()
    assert torch.allclose(encoder.seen(torch.ones(1, 3, 32, 32)), torch.ones(()))
    assert find(Checkpoint(path)).pictures.startswith("sketches")


def test_the_first_codes_where_its_generator_takes_fewer(tmp_path):
    """As of e4e's cars of 512 pixels, whose file has the heads of 1024."""
    path = written(tmp_path / "net.pt", testing.plan(8, 16), **E4E)
    found = find(Checkpoint(path))
    assert (found.codes, found.used) == (8, 6)
    assert describe(Checkpoint(path))["its codes"] == "the first 6 are used"
    encoder = LoadEncoder(file=path).run(toy())
    codes = encoder.raw(torch.rand(1, 3, 256, 256))[-1]
    assert torch.equal(encoder.batch(codes).codes, codes[:, :6])


def test_a_numbering_of_its_own(tmp_path):
    """As of MobileStyleGAN: 9 codes for layers 0 to 5, of an encoder of 8."""
    generator = toy()
    layers = torch.tensor([0, 1, 1, 2, 3, 3, 4, 5, 5])
    wide = replace(generator.spaces["w+"], shape=(9, 16), layer_of=layers[:, None], mean=None)
    generator.spaces = {**generator.spaces, "w+": wide}
    path = written(tmp_path / "net.pt", testing.plan(8, 16), **(E4E | {"stylegan_size": 32}))
    encoder = LoadEncoder(file=path).run(generator)
    codes = encoder.raw(torch.rand(1, 3, 256, 256))[-1]
    assert torch.equal(encoder.batch(codes).codes, codes[:, layers])
    with pytest.raises(
        InterpganError, match="was loaded for a generator with other layers; load it behind this one"
    ):
        LoadEncoder(file=written(tmp_path / "six.pt", **E4E)).run(toy()).check(generator)


def test_an_idinvert_encoder_and_its_generator(tmp_path):
    torch.save(testing.idinvert(CODES, SIZE), tmp_path / "net.pth")
    found = find(Checkpoint(tmp_path / "net.pth"))
    assert found.in_words == "IDInvert, 6 codes of 16 numbers" and found.picture == (16, 16)
    generator = toy()
    generator.codes_of = "StyleGAN 1"
    encoder = LoadEncoder(file=tmp_path / "net.pth").run(generator)
    assert encoder.encode(torch.rand(2, 3, 64, 64)).codes.shape == (2, 6, 16)
    assert describe(Checkpoint(tmp_path / "net.pth"))["encoder"] == "IDInvert, 6 codes of 16 numbers"
    with pytest.raises(
        InterpganError, match="holds the encoder of IDInvert, which is of one kind; leave kind out"
    ):
        LoadEncoder(file=tmp_path / "net.pth", kind="psp").run(generator)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"size": 12},
            r"an encoder, e4e, 6 codes of 12 numbers, and this generator is one whose codes have 16 numbers",
        ),
        (
            {"codes": 8, "side": 32},
            r"an encoder, e4e, 8 codes of 16 numbers, and this generator is one of 6 layers",
        ),
        (
            {"codes": 4, "side": 8},
            r"an encoder, e4e, 4 codes of 16 numbers, and this generator is one of 6 layers",
        ),
        (
            {"mean": -1},
            r"of another W, and this generator is <ToyGenerator .*: the cosine of their mean codes is -1\.00",
        ),
    ],
)
def test_what_does_not_fit_names_both(change, said, tmp_path):
    codes, size = change.get("codes", 6), change.get("size", 16)
    mean = change.get("mean", 1) * toy().spaces["w"].mean
    mean = mean if size == 16 else torch.ones(size)
    options = E4E | {"stylegan_size": change.get("side", 16)}
    path = written(tmp_path / "net.pt", testing.plan(codes, size), mean, **options)
    for load in (LoadEncoder(file=path).check, LoadEncoder(file=path).run):
        with pytest.raises(InterpganError, match=said):
            load(toy())


def test_a_generator_of_another_family_is_named(tmp_path):
    path = written(tmp_path / "net.pt", **E4E)
    with pytest.raises(
        InterpganError,
        match=r"6 codes of 16 numbers, for StyleGAN 2, and this generator is PGGAN, with z \(128,\); take",
    ):
        LoadEncoder(file=path).run(load_generator("avatars.pggan"))


REFUSED = {
    "no type": ({"mean": None}, {}, r"does not say whether .* e4e or as pSp .*; say kind: e4e or kind: psp"),
    "an unknown type": (
        {"encoder_type": "MyEncoder"},
        {},
        "holds an encoder of type 'MyEncoder', not one of Encoder4Edit",
    ),
    "kind, though the file says another": (E4E, {"kind": "psp"}, "makes codes as e4e does; leave kind out"),
    "iterations of one that looks once": (
        E4E,
        {"iterations": 3},
        "holds an encoder of e4e, which looks at a picture once",
    ),
    "heads of a type that has none": (
        E4E | {"encoder_type": "SingleStyleCodeEncoder"},
        {},
        "which has no heads, and has heads",
    ),
    "the type of another body": (
        RESTYLE | {"encoder_type": "ResNetBackboneEncoder"},
        {},
        "says that it is a ResNetBackboneEncoder, and its tensors are those of IR-SE50",
    ),
    "fewer codes than its pictures take": (
        E4E | {"stylegan_size": 1024},
        {},
        "gives 6 codes, and .* 1024 px, which take 18",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_files_and_fields_that_contradict_each_other(name, tmp_path):
    options, fields, said = REFUSED[name]
    path = written(tmp_path / "net.pt", **{k: v for k, v in options.items() if k != "mean"})
    with pytest.raises(InterpganError, match=said):
        LoadEncoder(file=path, **fields).run(toy())


def test_label_maps_are_no_pictures(tmp_path):
    path = written(tmp_path / "net.pt", testing.plan(6, 16, "psp", 19), **PSP)
    with pytest.raises(
        InterpganError, match=r"an encoder of label maps of 19 classes, not of pictures; take one"
    ):
        LoadEncoder(file=path).run(toy())


def test_kind_and_iterations_are_for_published_files(tmp_path):
    write_safetensors(tmp_path / "own.safetensors", {"a": torch.ones(1)}, "encoder", {})
    for fields in ({}, {"file": tmp_path / "own.safetensors"}):
        with pytest.raises(InterpganError, match=r"'kind' is for published encoders, .* leave it out"):
            LoadEncoder(kind="e4e", **fields).run(toy())
        with pytest.raises(InterpganError, match="'iterations' is for published encoders"):
            LoadEncoder(iterations=2, **fields).run(toy())


def test_files_without_an_encoder(tmp_path):
    face = {n: t for n, t in testing.style_encoder(testing.plan(1, 16)).items() if not n.startswith("linear")}
    hyper = {"state_dict": {"hypernet.conv1.weight": torch.ones(2, 6, 7, 7)}}
    for name, content, said in (
        ("face.pth", face, "IR-SE50 without heads, a net that knows faces again"),
        ("hyper.pt", hyper, "a hypernetwork of HyperStyle, which is not supported"),
        (
            "other.pt",
            {"a": torch.ones(2)},
            r"no encoder that is known here: name one of e4e, pSp, ReStyle or IDInvert",
        ),
    ):
        torch.save(content, tmp_path / name)
        with pytest.raises(InterpganError, match=said):
            LoadEncoder(file=tmp_path / name).run(toy())


def test_an_encoder_is_no_generator(tmp_path):
    path = written(tmp_path / "net.pt", **E4E)
    with pytest.raises(
        InterpganError, match=r"holds no generator, but an encoder: e4e, 6 codes of 16 numbers; see"
    ):
        load_generator(path)


def test_numbers_that_are_not_finite_are_said(tmp_path):
    state = testing.style_encoder(testing.plan(1, 16))
    state["linear.bias"] = torch.full((16,), torch.nan)
    torch.save(testing.published(state, None, toy().spaces["w"].mean, **PSP), tmp_path / "net.pt")
    with pytest.raises(InterpganError, match="gives codes that are not finite"):
        LoadEncoder(file=tmp_path / "net.pt").run(toy()).encode(torch.rand(1, 3, 32, 32))


def test_a_photograph_is_encoded_and_searched_for_in_the_domain(kit, tmp_path):
    path = written(tmp_path / "net.pt", **E4E)
    Image.fromarray(np.random.RandomState(0).randint(0, 256, (40, 50, 3), np.uint8)).save(tmp_path / "me.png")
    encoder = LoadEncoder(file=path).run(toy())
    batch, report = kit.run(Encode(pictures=tmp_path / "me.png", encoder=encoder), tmp_path / "encoded")
    assert report["notes"][1] == (
        "The encoder: e4e, 6 codes of 16 numbers; its pictures: 256 px, aligned as those that it was trained on "
        "(faces as those of FFHQ: inversion.align)."
    )
    assert batch.space.name == "w+" and report["strips"][0]["pictures"][1]["caption"] == "encoded"
    step = InvertInDomain(pictures=tmp_path / "me.png", encoder=encoder, steps=4)
    found, _ = kit.run(step, tmp_path / "found")
    assert found.space.name == "w+" and not torch.equal(found.codes, batch.codes)


def test_many_pictures_pass_in_small_lots(kit, tmp_path):
    path = written(tmp_path / "net.pt", **E4E)
    encoder = LoadEncoder(file=path).run(toy())
    sizes = []
    encoder.net.register_forward_pre_hook(lambda _m, inputs: sizes.append(len(inputs[0])))
    batch, _ = kit.run(Encode(pictures=kit.drawn(toy(), range(11)), encoder=encoder), tmp_path / "encoded")
    assert sizes == [8, 3] and len(batch) == 11


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("kind: e5e", "'kind' of inversion.load-encoder must be 'e4e' or 'psp', not 'e5e'"),
        ("iterations: 0", "'iterations' of inversion.load-encoder must be at least 1, not 0"),
        ("iterations: often", "'iterations' of inversion.load-encoder must be a whole number, not 'often'"),
        ("flie: a.pt", "inversion.load-encoder has no parameter 'flie'; did you mean 'file'?"),
        ("file: lost.pt", "there is no file lost.pt"),
    ],
)
def test_fields_that_are_wrong_are_said_at_once(field, said, tmp_path):
    steps = f"  - {{use: generator, weights: toy}}\n  - {{use: inversion.load-encoder, {field}}}\n"
    recipe = f"interpgan: 1\nsteps:\n{steps}"
    assert said in recipe_error(recipe, tmp_path).replace(f"{tmp_path}/", "")
