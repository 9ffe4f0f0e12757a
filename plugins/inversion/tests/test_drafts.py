"""Large generators: drafts fitted to samples, searches that begin with them, killed or not, and their memory."""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch

from interpgan_core import ImageSet, load_generator, quiet, to_uint8
from interpgan_core.testing import Stopped, stop_after, toy
from interpgan_inversion import draft as drafts
from interpgan_inversion import goal as goals
from interpgan_inversion import resume
from interpgan_inversion import search as searches
from interpgan_inversion.draft import Draft
from interpgan_inversion.goal import Goal
from interpgan_inversion.invert import Invert
from interpgan_inversion.loss import Likeness
from interpgan_inversion.pivotal import Tune
from interpgan_inversion.scale import Scale
from interpgan_inversion.search import Schedule, Search
from interpgan_inversion.tuning import Tuning

SIDE = 64


@pytest.fixture(scope="module")
def avatars():
    return load_generator("avatars.stylegan2")


def count_as_large(patch, folder):
    """Pictures of 64 pixels, and of the toy's 32, count as large; drafts are kept in a folder."""
    patch.setenv("INTERPGAN_CACHE", str(folder / "cache"))
    for module in (drafts, goals):
        patch.setattr(module, "LARGE", 32)
    patch.setattr(drafts, "SHARE", 2)


@pytest.fixture
def large(monkeypatch, tmp_path):
    count_as_large(monkeypatch, tmp_path)


@pytest.fixture(scope="module")
def fitted(avatars, tmp_path_factory):
    """A draft, and the folder of the cache that keeps it."""
    folder = tmp_path_factory.mktemp("drafts")
    with pytest.MonkeyPatch.context() as patch:
        count_as_large(patch, folder)
        return Draft.of(avatars, Scale.of(avatars, "w+"), (SIDE, SIDE), quiet), folder


@pytest.fixture
def draft(large, fitted, tmp_path):
    """The same one for every test, each with a cache of its own that has it."""
    shutil.copytree(fitted[1] / "cache", tmp_path / "cache")
    return fitted[0]


def whole(generator):
    """Counts the samples that pass the whole network."""
    passed = []
    last = generator.module.get_submodule(generator.layers[-1])
    return passed, last.register_forward_hook(lambda _m, _i, out: passed.append(len(out)))


@pytest.mark.long
@torch.no_grad()
def test_a_fitted_draft_is_kept(avatars, draft, tmp_path, monkeypatch):
    """The next one takes one sample; one that is damaged, or of other weights, is fitted again."""
    scale = Scale.of(avatars, "w+")
    (kept,) = tmp_path.glob("cache/drafts/*")
    passed, hook = whole(avatars)
    again = Draft.of(avatars, scale, (SIDE, SIDE), quiet)
    assert torch.equal(again.weight, draft.weight) and again.psnr == draft.psnr
    assert sum(passed) == 2  # one for the shapes of the layers
    kept.write_bytes(kept.read_bytes()[:-1])
    again = Draft.of(avatars, scale, (SIDE, SIDE), quiet)
    assert torch.equal(again.weight, draft.weight) and again.psnr == draft.psnr
    hook.remove()
    monkeypatch.setattr(drafts, "TRUNCATION", 0.5)
    other = Draft.of(avatars, scale, (SIDE, SIDE), quiet)
    assert not torch.equal(other.weight, draft.weight) and len(list(kept.parent.iterdir())) == 2


@torch.no_grad()
def test_a_draft_is_the_small_picture(avatars, draft):
    """On samples that it has not seen, far nearer than the mean picture; at the last layer of half the side."""
    assert (
        draft.size == (32, 32)
        and draft.layer
        == [layer for layer, (_, side, _) in avatars.layer_shapes().items() if side == 32].pop()
    )
    batch = avatars.sample(range(900, 916))
    small = draft.shrunk(avatars.images(batch, 16))
    passed, hook = whole(avatars)
    found = draft.images(avatars, batch)
    hook.remove()
    assert found.shape == (16, 3, 32, 32) and not passed
    error, spread = (found - small).square().mean(), (small - small.mean(0)).square().mean()
    assert error < spread / 5, (error, spread)
    assert abs(-10 * float((error / 4).log10()) - draft.psnr) < 3


@torch.no_grad()
def test_each_picture_gets_a_draft_that_is_fitted_to_it(avatars, draft):
    """Nearer to what its code draws than that of the samples, and no nearer for the others of the batch."""
    batch = avatars.sample([901, 902])
    small = draft.shrunk(avatars.images(batch, 2))
    both, alone = draft.refitted(avatars, batch), draft.refitted(avatars, batch[:1])
    torch.testing.assert_close(both.across[:1], alone.across, rtol=1e-4, atol=0.1)
    errors = [(d.images(avatars, batch) - small).square().mean((1, 2, 3)) for d in (draft, both)]
    assert (errors[1] < errors[0] / 1.5).all(), errors


def test_small_pictures_get_none(avatars):
    assert Draft.of(avatars, Scale.of(avatars, "w+"), (SIDE, SIDE), quiet) is None


def test_a_poor_draft_is_not_used(large, monkeypatch, avatars):
    monkeypatch.setattr(drafts, "LEAST", 60.0)
    assert Draft.of(avatars, Scale.of(avatars, "w+"), (SIDE, SIDE), quiet) is None


def test_without_a_layer_of_the_size_there_is_none(large, monkeypatch, avatars):
    monkeypatch.setattr(drafts, "FINEST", 3)
    assert Draft.of(avatars, Scale.of(avatars, "w+"), (SIDE, SIDE), quiet) is None


def test_layers_behind_the_draft_keep_their_codes(avatars, draft):
    originals = avatars.images(avatars.sample([5]))
    scale, likeness = Scale.of(avatars, "w+"), Likeness()
    start = avatars.to_space(avatars.sample([6]), "w+")
    goal = Goal(likeness.features_of(draft.shrunk(originals)), draft=draft)
    search = Search(avatars, scale, start, likeness, goal, Schedule(6, draft_steps=6), draft=goal)
    for _ in range(6):
        search.advance()
    number = avatars.layer_number(draft.layer)
    behind = torch.tensor([int(n) > number + 1 for n in scale.space.layer_of[:, 0]])
    assert behind.any() and not behind.all()
    moved = (search.best().codes - start.codes).abs().amax((0, 2))
    assert (moved[behind] < 1e-5).all() and (moved[0] > 1e-3).all()


@pytest.mark.long
def test_a_search_with_drafts_comes_as_near_with_a_fraction_of_the_whole_pictures(
    avatars, draft, kit, tmp_path
):
    """60 steps, half of them on drafts: all but as near as 60 steps on whole ones."""
    pictures = kit.drawn(avatars, [300, 301])
    losses, passes = [], []
    for name, drafted in (("whole", 0), ("drafted", 30)):
        passed, hook = whole(avatars)
        step = Invert(pictures=pictures, steps=60, draft_steps=drafted, start="mean")
        found, _ = kit.run(step, tmp_path / name, avatars)
        hook.remove()
        passes.append(sum(passed))
        error = avatars.images(found) - pictures.images([0, 1])
        losses.append(float(error.square().mean()))
    start = avatars.images(avatars.to_space(avatars.sample([0]), "w")) - pictures.images([0, 1])
    assert losses[1] < 1.5 * losses[0] < 0.1 * float(start.square().mean()), losses
    assert passes[1] < 0.75 * passes[0], passes  # the draft's samples among them


@pytest.mark.long
@pytest.mark.parametrize("steps", [6, 7])
def test_at_most_five_sixths_of_the_steps_see_drafts(draft, avatars, kit, tmp_path, steps):
    """Of a search and of a tuning, however many were asked for: the last ones see whole pictures."""
    pictures = kit.drawn(avatars, [300])
    search = Invert(pictures=pictures, steps=steps, draft_steps=40, start="mean")
    batch, report = kit.run(search, tmp_path / "search", avatars)
    assert "The first 5 steps saw drafts of 32 pixels" in " ".join(report["notes"])
    _, report = kit.run(
        Tune(pictures=pictures, steps=steps, draft_steps=40), tmp_path / "tune", avatars, batch=batch
    )
    assert "the first 5 on drafts" in " ".join(report["notes"])


def test_the_losses_of_drafts_are_forgotten(avatars, draft):
    """What is returned is the best of the whole pictures, however low a draft's loss was."""
    originals = avatars.images(avatars.sample([5]))
    scale, likeness = Scale.of(avatars, "w+"), Likeness()
    start = avatars.to_space(avatars.sample([6]), "w+")
    small = Goal(likeness.features_of(draft.shrunk(originals)), draft=draft)
    search = Search(
        avatars,
        scale,
        start,
        likeness,
        Goal(likeness.features_of(originals)),
        Schedule(8, draft_steps=6),
        draft=small,
    )
    for _ in range(6):
        search.advance()
    search.losses[:] = -1
    for _ in range(2):
        search.advance()
    found = likeness.features_of(avatars.images(search.best()))
    torch.testing.assert_close(likeness.loss(found, search.goal.targets), search.losses)


@pytest.mark.long
def test_a_killed_run_with_drafts_goes_on_to_the_same_bits(draft, avatars, kit, tmp_path, monkeypatch):
    """Stopped among the drafts, which are fitted again at steps 3 and 6, before the whole pictures, and among these."""
    monkeypatch.setattr(searches, "REFIT", 3)
    step = Invert(pictures=kit.drawn(avatars, [300, 301]), steps=14, draft_steps=7, candidates=4)
    all_, report = kit.run(step, tmp_path / "all", avatars)
    assert "saw drafts of 32 pixels" in " ".join(report["notes"])
    monkeypatch.setattr(resume, "SAVE_SECONDS", 0.0)
    for count in (3, 2, 1):
        with pytest.raises(Stopped):
            kit.run(step, tmp_path / "parts", avatars, progress=stop_after(count + 1, "inverting"))
    parts, again = kit.run(step, tmp_path / "parts", avatars)
    assert torch.equal(all_.codes, parts.codes) and report == again


@pytest.mark.long
def test_large_pictures_are_taken_one_by_one(monkeypatch, kit, tmp_path):
    """The memory of one, and the codes of all together, but for the rounding of sums."""
    step = Invert(pictures=kit.drawn(toy(), range(100, 103)), steps=20, draft_steps=0, candidates=8)
    together, _ = kit.run(step, tmp_path / "together")
    monkeypatch.setattr(goals, "LARGE", 32)
    generator = toy()
    passed, hook = whole(generator)
    singly, _ = kit.run(step, tmp_path / "singly", generator)
    hook.remove()
    torch.testing.assert_close(singly.codes, together.codes, atol=2e-3, rtol=0)
    assert passed.count(1) >= 60


def tuned(avatars, draft, drafted, steps=24):
    """The tuning of one picture after all steps, and how many samples passed the whole network."""
    pivot = avatars.to_space(avatars.sample([6]), "w+")
    pixels = to_uint8(avatars.images(avatars.sample([5]))).transpose(0, 3, 1, 2)
    with TemporaryDirectory() as scratch:
        schedule = Schedule(steps, 3e-3, draft_steps=drafted)
        tuning = Tuning(
            avatars, pivot, ImageSet(pixels), None, Likeness(), schedule, 1, 0.0, Path(scratch), draft
        )
    passed, hook = whole(tuning.generator)
    for _ in range(steps):
        tuning.advance()
    hook.remove()
    error = tuning.generator.images(pivot) - ImageSet(pixels).images([0])
    return tuning, float(error.detach().square().mean()), sum(passed)


@pytest.mark.long
def test_a_tuning_with_drafts_comes_nearly_as_near_with_a_fraction_of_the_whole_pictures(avatars, draft):
    start = avatars.images(avatars.sample([6])) - avatars.images(avatars.sample([5]))
    _, plain, passes = tuned(avatars, draft, 0)
    _, drafted, fewer = tuned(avatars, draft, 18)
    assert passes == 24 and fewer == 6 + 2  # at steps 0 and 10 drafts are fitted to what is really drawn
    assert drafted < 2 * plain < 0.5 * float(start.square().mean()), (plain, drafted)


@pytest.mark.long
def test_drafts_tune_the_layers_up_to_theirs(avatars, draft):
    tuning, *_ = tuned(avatars, draft, 4, steps=4)
    before = avatars.module.state_dict()
    moved = {k for k, t in tuning.generator.module.state_dict().items() if not torch.equal(t, before[k])}
    number = avatars.layer_number(draft.layer)
    layers = [avatars.layer_number(name) for name in avatars.layers if any(k.startswith(name) for k in moved)]
    assert layers and max(layers) == number < avatars.layer_number(avatars.layers[-1])


@pytest.mark.long
def test_a_killed_tuning_with_drafts_goes_on_to_the_same_bytes(draft, avatars, kit, tmp_path, monkeypatch):
    """Stopped among the drafts, between two fits, and among the whole pictures."""
    step = Tune(pictures=kit.drawn(avatars, [300]), steps=14, draft_steps=11)
    batch = avatars.to_space(avatars.sample([6]), "w+")
    whole_, report = kit.run(step, tmp_path / "whole", avatars, batch=batch)
    assert "the first 11 on drafts" in report["notes"][1]
    monkeypatch.setattr(resume, "SAVE_SECONDS", 0.0)
    for count in (4, 6, 2):
        with pytest.raises(Stopped):
            kit.run(step, tmp_path / "parts", avatars, progress=stop_after(count, "tuning"), batch=batch)
    parts, again = kit.run(step, tmp_path / "parts", avatars, batch=batch)
    assert whole_.fingerprint == parts.fingerprint and report == again
