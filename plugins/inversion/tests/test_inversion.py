"""The operator `inversion`: it finds codes in every space of every family, alone or among others, killed or not."""

import numpy as np
import pytest
import torch

from interpgan_biggan import testing as biggan_files
from interpgan_core import FeatureNet, ImageSet, InterpganError, load_generator, to_uint8
from interpgan_core.testing import Stopped, conformance, stop_after, toy
from interpgan_inversion import resume
from interpgan_inversion.goal import Goal
from interpgan_inversion.invert import Invert
from interpgan_inversion.loss import Likeness
from interpgan_inversion.scale import Scale
from interpgan_inversion.search import Schedule, Search
from interpgan_pggan import testing as pggan_files
from interpgan_stylegan.testing import v1 as stylegan1_files
from interpgan_stylegan.testing import v2 as stylegan2_files
from interpgan_stylegan.testing import v3 as stylegan3_files

ToyGenerator = type(toy())
SIDE = 32
STRIPES = ImageSet(np.random.RandomState(0).randint(0, 256, (2, 3, SIDE, SIDE), dtype=np.uint8))

test_invert = conformance(Invert(pictures=STRIPES, steps=3, candidates=4, space="w+"))


class Coarse:
    """Features that are the picture at 4 pixels."""

    name = "coarse"

    def features(self, images):
        return torch.nn.functional.adaptive_avg_pool2d(images, 4).flatten(1)


def figures(report, column="PSNR, dB"):
    table = report["tables"][0]
    at = table["columns"].index(column)
    return {row[0]: row[at] for row in table["rows"]}


@pytest.mark.long
@pytest.mark.parametrize(("space", "least"), [("z", 28), ("w", 35), ("w+", 35), ("s", 35)])
def test_codes_of_generated_pictures_are_found(kit, tmp_path, space, least):
    generator = toy()
    pictures = kit.drawn(generator, [100, 101, 102], seeds=torch.tensor([100, 101, 102]))
    found, report = kit.run(Invert(pictures=pictures, space=space, steps=120), tmp_path, generator)
    assert found.space.name == space and found.seeds is None and not found.codes.requires_grad
    known = figures(report)
    assert list(known) == ["seed 100", "seed 101", "seed 102", "median"]
    assert known["median"] >= least, known
    # What the report shows is what one gets.
    drawn = to_uint8(generator.images(found)).transpose(0, 3, 1, 2).astype(float)
    error = np.square(drawn - pictures.pixels).mean((1, 2, 3)) / 255**2
    assert np.allclose(-10 * np.log10(error), list(known.values())[:3], atol=0.01)


def checkpoints(folder):
    torch.save({"generator_smooth": pggan_files.generator()}, folder / "pggan")
    torch.save({"generator_smooth": stylegan1_files.generator()}, folder / "stylegan1")
    torch.save(stylegan2_files.generator(), folder / "stylegan2")
    networks = {"G_ema": ("Generator", stylegan3_files.state("t"), {})}
    stylegan3_files.write_pickle(folder / "stylegan3", **networks)
    torch.save(biggan_files.ajbrock(), folder / "biggan")
    biggan_files.write_huggingface(folder / "biggan-deep")
    return folder


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    torch.manual_seed(0)
    folder = checkpoints(tmp_path_factory.mktemp("tiny"))
    return lambda name: load_generator(folder / name)


STEPS = {"stylegan3": 25, "biggan-deep": 25}  # the first ones, of the larger rate and noise, may lead away
FAMILIES = ("pggan", "stylegan1", "stylegan2", "stylegan3", "biggan", "biggan-deep")


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.long] if n in STEPS else []) for n in FAMILIES]
)
def test_every_space_of_every_family(kit, tmp_path, tiny, name):
    """Each search ends nearer to its pictures than it began, and what it finds belongs to the generator."""
    generator = tiny(name)
    pictures = kit.drawn(generator, [50, 51])
    for space in generator.spaces:
        step = Invert(pictures=pictures, space=space, steps=STEPS.get(name, 10), candidates=6)
        found, report = kit.run(step, tmp_path / space, generator)
        for row in report["tables"][1]["rows"]:
            assert row[-1] < row[1], (space, row)
        assert found.space is generator.spaces[space]
        assert generator.images(found).shape == (2, 3, *pictures.pixels.shape[2:])
        if generator.classes:
            assert torch.allclose(found.labels.sum(1), torch.ones(2), atol=1e-5)


@pytest.mark.long
def test_the_class_of_a_picture_is_found(kit, tmp_path):
    generator = ToyGenerator(classes=3)
    sample = generator.sample([100, 101, 102], torch.eye(3))
    pixels = to_uint8(generator.images(sample)).transpose(0, 3, 1, 2)
    found, _ = kit.run(Invert(pictures=ImageSet(pixels), space="z", steps=150), tmp_path, generator)
    assert found.labels.argmax(1).tolist() == [0, 1, 2]


@pytest.mark.long
def test_pictures_do_not_weigh_on_their_neighbours(kit, tmp_path):
    """Alone, or among others in any order: the same codes, but for the rounding of sums."""
    pictures = kit.drawn(toy(), range(100, 104))
    turned = ImageSet(pictures.pixels[::-1].copy())
    many, _ = kit.run(Invert(pictures=pictures, steps=15), tmp_path / "many")
    back, _ = kit.run(Invert(pictures=turned, steps=15), tmp_path / "back")
    alone, _ = kit.run(Invert(pictures=pictures, steps=15, batch_size=1), tmp_path / "alone")
    torch.testing.assert_close(many.codes, alone.codes, atol=2e-3, rtol=0)
    torch.testing.assert_close(many.codes, back.codes.flip(0), atol=2e-3, rtol=0)


@pytest.mark.long
def test_alone_the_bits_are_the_same_whatever_comes_before(kit, tmp_path):
    pictures = kit.drawn(toy(), range(100, 103))
    all_, _ = kit.run(Invert(pictures=pictures, steps=10, batch_size=1), tmp_path / "all")
    last, _ = kit.run(
        Invert(pictures=ImageSet(pictures.pixels[2:]), steps=10, batch_size=1), tmp_path / "last"
    )
    assert torch.equal(all_.codes[2:], last.codes)


@pytest.mark.long
def test_a_killed_run_goes_on_to_the_same_bits(kit, tmp_path, monkeypatch):
    step = Invert(pictures=kit.drawn(toy(), range(100, 103)), steps=10, batch_size=2)
    whole, report = kit.run(step, tmp_path / "whole")
    monkeypatch.setattr(resume, "SAVE_SECONDS", 0.0)
    for count in (4, 2):
        with pytest.raises(Stopped):
            kit.run(step, tmp_path / "parts", progress=stop_after(count + 1, "inverting"))
    parts, again = kit.run(step, tmp_path / "parts")
    assert torch.equal(whole.codes, parts.codes) and report == again


@pytest.mark.parametrize(("classes", "space"), [(0, "w"), (3, "z")])
def test_the_best_code_is_returned_not_the_last(classes, space):
    """After each step, while the rate is so high that many steps lead away; with classes, the best weights of these."""
    generator = ToyGenerator(classes=classes)
    labels = torch.eye(classes)[:1] if classes else None
    scale, likeness = Scale.of(generator, space), Likeness()
    start = generator.to_space(generator.sample([1], labels), space)
    target = likeness.features_of(generator.images(generator.sample([3], labels)))
    search = Search(generator, scale, start, likeness, Goal(target), Schedule(60, rate=3.0))
    seen = []
    for _ in range(30):
        seen.append(search.advance())
        found = likeness.features_of(generator.images(search.best(), 1))
        torch.testing.assert_close(
            likeness.loss(found, target), torch.tensor([min(seen)]), rtol=1e-4, atol=1e-6
        )
        assert float(search.losses) == pytest.approx(min(seen))
    assert sum(loss > min(seen[:i]) for i, loss in enumerate(seen) if i) > 5


def test_noise_comes_from_the_seed(kit, tmp_path):
    pictures = kit.drawn(toy(), [100])
    runs = [
        kit.run(Invert(pictures=pictures, steps=5, seed=seed), tmp_path / str(i))[0]
        for i, seed in enumerate((0, 0, 1))
    ]
    assert torch.equal(runs[0].codes, runs[1].codes) and not torch.equal(runs[0].codes, runs[2].codes)


def test_starts(kit, tmp_path):
    generator = toy()
    pictures = kit.drawn(generator, [100, 101])
    near = generator.sample([100, 101])
    _, report = kit.run(Invert(pictures=pictures, start=near, steps=1, space="w"), tmp_path / "codes")
    assert figures(report)["median"] > 20  # shaken a little
    step = Invert(pictures=pictures, start="mean", steps=1, noise=0, space="w+")
    found, _ = kit.run(step, tmp_path / "mean")
    assert torch.allclose(found.codes, generator.spaces["w+"].mean.expand(2, -1, -1), atol=1e-6)
    # A seed among the candidates is found as it is.
    step = Invert(pictures=kit.drawn(generator, [5]), steps=1, noise=0, candidates=9)
    found, _ = kit.run(step, tmp_path / "samples")
    assert torch.allclose(found.codes, generator.to_space(generator.sample([5]), "w+").codes, atol=1e-5)


def test_nets_are_terms_of_the_loss_and_columns_of_the_report(kit, tmp_path):
    net = Coarse()
    assert isinstance(net, FeatureNet)
    pictures = kit.drawn(toy(), [100, 101])
    step = Invert(pictures=pictures, steps=40, perceptual=net, identity=net, perceptual_weight=2)
    _, report = kit.run(step, tmp_path / "with")
    assert figures(report, "perceptual, coarse")["median"] < 0.05
    assert figures(report, "identity, coarse")["median"] > 0.95
    assert report["notes"][0] == (
        "The loss: mean squared difference of pixels, from -1 to 1; 2 times the perceptual distance by coarse, "
        "as a share; 0.1 times the identity term, 1 minus the cosine, by coarse."
    )
    _, report = kit.run(Invert(pictures=pictures, steps=1), tmp_path / "without")
    assert report["notes"][0].endswith("from -1 to 1; no perceptual term; no identity term.")


def test_a_pull_keeps_codes_near_the_mean(kit, tmp_path):
    generator = toy()
    pictures = kit.drawn(generator, [100])
    scale = Scale.of(generator, "w+")
    lengths = [
        float(
            scale.apart(
                kit.run(Invert(pictures=pictures, steps=60, pull=pull), tmp_path / str(pull))[0].codes
            ).norm()
        )
        for pull in (0.0, 1.0)
    ]
    assert lengths[1] < lengths[0] / 2


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"space": "v"}, "no space 'v'"),
        ({"start": "mean", "space": "z"}, "space z of this generator has no mean; leave start at samples"),
        ({"start": toy().sample([1])}, "1 codes cannot start 2 pictures; give one code a picture"),
        ({"pictures": ImageSet(np.zeros((1, 3, 8, 8), np.uint8))}, "have 8 pixels and the generator draws 32; make"),
    ],
)  # fmt: skip
def test_what_is_refused(kit, tmp_path, fields, message):
    step = Invert(**{"pictures": STRIPES, "steps": 3, "candidates": 2} | fields)
    with pytest.raises(InterpganError, match=message):
        kit.run(step, tmp_path)


def test_a_generator_that_draws_no_numbers(kit, tmp_path):
    broken = toy()
    broken.module.const.data.fill_(torch.nan)
    with pytest.raises(InterpganError, match="no loss of picture 0 was finite; lower the rate"):
        kit.run(Invert(pictures=STRIPES, steps=3, candidates=2), tmp_path, broken)


def test_random_noise_is_refused_in_words(kit, tmp_path):
    with pytest.raises(InterpganError, match="use const"):
        kit.run(Invert(pictures=STRIPES, steps=2, candidates=2), tmp_path, ToyGenerator(noise="random"))


def test_the_bar_shows_the_loss(kit, tmp_path):
    """Before the first step there is none; it is of the step before, and falls."""
    shown = []

    def watched(items, total=None, what=""):
        for item in items:
            shown.append(what() if callable(what) else what)
            yield item

    kit.run(Invert(pictures=STRIPES, steps=30, candidates=4, noise=0), tmp_path, progress=watched)
    words = [said.rpartition(" ") for said in shown if said.startswith("inverting")]
    assert {what for what, _, _ in words} == {"inverting pictures 1 to 2 of 2, loss"}
    losses = [float(loss) for _, _, loss in words]
    assert len(losses) == 30 and losses[0] != losses[0] and losses[-1] < losses[1]
