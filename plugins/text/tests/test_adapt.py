"""text.adapt on a tiny StyleGAN 2 and a tiny PGGAN: pictures go the way of the texts, and the generator is kept."""

import json

import pytest
import torch

from interpgan_core import Direction, InterpganError, Shift, load_generator
from interpgan_core.testing import Stopped, conformance, run_operator, stop_after, toy
from interpgan_pggan import testing as pggan_files
from interpgan_stylegan.testing import v2 as stylegan2_files
from interpgan_text import adapting
from interpgan_text.adapt import AdaptGenerator
from interpgan_text.adapting import Goal, importance, moved, spread, weights_of_layers
from interpgan_text.net import of_images, of_texts, toward
from interpgan_text.testing import Colours

NET = Colours()
ADAPT = AdaptGenerator(net=NET, text="a red thing", neutral="a thing", steps=10, least_diversity=0.0)
GOAL = Goal(NET, toward(NET, ["a red thing"], "a thing")[0], of_texts(NET, ["a red thing"])[0])


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    torch.save(stylegan2_files.generator(), folder / "stylegan2")
    torch.save({"generator_smooth": pggan_files.generator()}, folder / "pggan")
    return folder


@pytest.fixture(scope="module")
def stylegan2(files):
    return load_generator(files / "stylegan2")


def tiny():
    """A generator of this process, for the conformance kit."""
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        torch.save(stylegan2_files.generator(), Path(folder, "stylegan2"))
        return load_generator(Path(folder, "stylegan2"))


test_adapt = pytest.mark.long(
    conformance(
        ADAPT.model_copy(update={"steps": 2, "batch_size": 1, "layers": 1}),
        tiny,
        {
            "result-survives-saving": "the kit compares generators by their fingerprints; a test below saves one"
        },
    )
)


def redness(generator):
    with torch.no_grad():
        return of_images(NET, generator.images(generator.sample(range(20)), 20)) @ GOAL.way


@pytest.mark.long
@pytest.mark.parametrize("name", ["stylegan2", "pggan"])
def test_pictures_go_the_way_of_the_texts(files, name, tmp_path):
    generator = load_generator(files / name)
    before = {k: t.clone() for k, t in generator.module.state_dict().items()}
    adapted = run_operator(ADAPT.model_copy(update={"steps": 25}), tmp_path, generator=generator)
    assert (redness(adapted) > redness(generator)).float().mean() >= 0.9
    assert redness(adapted).mean() > redness(generator).mean() + 0.05
    assert all(torch.equal(before[k], t) for k, t in generator.module.state_dict().items())
    assert not any(p.requires_grad for p in (*generator.module.parameters(), *adapted.module.parameters()))


def test_the_generator_is_kept_and_takes_codes_and_directions_of_its_parent(stylegan2, tmp_path):
    adapted = run_operator(ADAPT.model_copy(update={"steps": 3}), tmp_path, generator=stylegan2)
    assert adapted.notes["parent"] == stylegan2.fingerprint != adapted.fingerprint
    assert adapted.notes["adapted"] == "text.adapt, 'a thing' to 'a red thing', 3 steps"
    direction = Direction(torch.ones(stylegan2.spaces["w"].shape), "w", generator=stylegan2.fingerprint)
    batch = stylegan2.sample([1])
    assert len(Shift(direction=direction, strength=1.0).run(batch, adapted)) == 1
    adapted.save(tmp_path)
    again = load_generator(tmp_path / "generator.safetensors")
    assert again.fingerprint == adapted.fingerprint
    assert torch.equal(again.images(batch), adapted.images(batch))


@pytest.mark.long
def test_a_killed_run_goes_on_to_the_same_weights(stylegan2, tmp_path, monkeypatch):
    edit = ADAPT.model_copy(update={"steps": 11, "batch_size": 2})
    whole = run_operator(edit, tmp_path / "whole", generator=stylegan2)
    monkeypatch.setattr(adapting, "SAVE_SECONDS", 0.0)
    for _ in range(2):
        with pytest.raises(Stopped):
            run_operator(edit, tmp_path / "parts", stop_after(4), generator=stylegan2)
    parts = run_operator(edit, tmp_path / "parts", generator=stylegan2)
    assert whole.fingerprint == parts.fingerprint
    reports = [(tmp_path / name / "result/report.json").read_text() for name in ("whole", "parts")]
    assert reports[0] == reports[1]
    tables = json.loads(reports[0])["tables"]
    assert [row[0] for row in tables[0]["rows"]] == [10, 11]


@pytest.mark.long
def test_a_killed_run_of_a_generator_that_arranges_its_weights(tmp_path, monkeypatch):
    """At the first look its kernels change their order in memory, and sums round by that."""
    monkeypatch.setattr(adapting, "LOOK_STEPS", 1)
    generator = load_generator("avatars.stylegan2")
    edit = ADAPT.model_copy(update={"steps": 3, "batch_size": 1, "least_diversity": 0.0})
    whole = run_operator(edit, tmp_path / "whole", generator=generator)
    monkeypatch.setattr(adapting, "SAVE_SECONDS", 0.0)
    with pytest.raises(Stopped):
        run_operator(edit, tmp_path / "parts", stop_after(2), generator=generator)
    parts = run_operator(edit, tmp_path / "parts", generator=generator)
    assert whole.fingerprint == parts.fingerprint


@pytest.mark.parametrize("name", ["stylegan2", "pggan"])
def test_weights_have_one_layer_each(files, name):
    """The style of a layer is its own; the mapping and what makes the picture are no layer's."""
    generator = load_generator(files / name)
    owner = {id(p): layer for layer, own in weights_of_layers(generator).items() for p in own}
    found = {n: owner.get(id(p)) for n, p in generator.module.named_parameters() if p.ndim > 1}
    assert set(owner.values()) == set(generator.layers)
    for weight, layer in found.items():
        if layer is None:
            assert any(part in weight for part in ("mapping", "torgb", "output"))
        elif not weight.endswith(".const"):
            assert weight.startswith(f"{layer}.")


def test_the_layers_that_matter_to_the_text_are_trained(stylegan2, tmp_path):
    """As many as were asked for; a layer whose style changes nothing matters nothing."""
    weights = weights_of_layers(stylegan2)
    stylegan2.module.requires_grad_(False)
    matter = importance(stylegan2, GOAL, weights)
    assert set(matter) == set(weights) and max(matter.values()) > 0
    run_operator(ADAPT.model_copy(update={"steps": 5, "layers": 2}), tmp_path, generator=stylegan2)
    rows = json.loads((tmp_path / "result/report.json").read_text())["tables"][1]["rows"]
    trained = [layer for layer, steps in rows if steps]
    assert trained == [name for name in matter if name in sorted(matter, key=lambda n: -matter[n])[:2]]


def test_samples_that_become_alike_are_an_error_with_advice(stylegan2, tmp_path, monkeypatch):
    monkeypatch.setattr(adapting, "spread", lambda of: 1.0 if of is stylegan2 else next(later))
    edit = ADAPT.model_copy(update={"steps": 3, "batch_size": 1, "least_diversity": 0.4})
    monkeypatch.setattr(adapting, "LOOK_STEPS", 1)
    later = iter([0.8, 0.5, 0.3])
    with pytest.raises(
        InterpganError,
        match=r"alike: after 3 of 3 steps their diversity is 0\.30 of what it was, .* give steps: 2, a smaller 'rate'",
    ):
        run_operator(edit, tmp_path, generator=stylegan2)


def test_pictures_are_moved_aside():
    images = torch.arange(20.0).expand(1, 3, 20, 20)
    found = {float(moved(images, seed)[0, 0, 0, 10]) for seed in range(20)}
    assert found == {8.0, 9.0, 10.0, 11.0, 12.0}
    assert spread(toy()) > 0


def test_what_is_refused(stylegan2, tmp_path):
    with pytest.raises(InterpganError, match="a ToyGenerator cannot be saved"):
        ADAPT.check(toy())
    with pytest.raises(InterpganError, match="99 layers shall be trained, and this generator has"):
        ADAPT.model_copy(update={"layers": 99}).check(stylegan2)
    with pytest.raises(InterpganError, match="mean the same to colours"):
        ADAPT.model_copy(update={"text": "thing"}).check(stylegan2)
