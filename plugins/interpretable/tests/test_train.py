"""`interpretable.train`: of each family, stopped and resumed, and when it stops by itself."""

import json

import numpy as np
import pytest
import torch

from interpgan_core import ImageSet, InterpganError, load_generator, quiet
from interpgan_core.plugin import rectify
from interpgan_core.testing import Stopped, run_operator, stop_after
from interpgan_interpretable.training.anchor import NeighbourExchange
from interpgan_interpretable.training.energy_model import EnergyModel
from interpgan_interpretable.training.regroup import renumbered
from interpgan_interpretable.training.settings import LayerSettings
from interpgan_interpretable.training.train import TrainInterpretable
from interpgan_interpretable.training.trainer import LayerTrainer
from interpgan_training.job import TrainingJob
from interpgan_training.operators import Train
from interpgan_training.trainer import Settings, family_of

SMALL = {
    "stylegan2": {"family": "stylegan2", "widths": [8, 8, 8], "z": 8, "w": 8, "mapping": 2},
    "pggan": {"family": "pggan", "widths": [8, 8, 8], "z": 8, "phase_kimg": 0.02},
    "biggan": {"family": "biggan", "widths": [8, 8, 8], "chunk": 4, "embedding": 4},
}
LAYER = {"stylegan2": "synthesis.b8.conv1", "pggan": "layer3", "biggan": "blocks.0"}


EACH = [pytest.param(family, marks=[] if family == "pggan" else pytest.mark.long) for family in SMALL]


@pytest.fixture(scope="module")
def data():
    """64 pictures of two kinds: a light square in the upper or the lower half, on a dark ground."""
    random = np.random.RandomState(0)
    pixels = random.randint(0, 60, size=(64, 3, 16, 16)).astype(np.uint8)
    kinds = np.arange(64) % 2
    for i, kind in enumerate(kinds):
        y, x = (1 + random.randint(3)) + 8 * kind, 1 + random.randint(8)
        pixels[i, :, y : y + 4, x : x + 6] = random.randint(150, 255, size=(3, 1, 1))
    return ImageSet(pixels, classes=torch.from_numpy(kinds), class_names=("upper", "lower"))


@pytest.fixture(scope="module")
def parents(data, tmp_path_factory):
    """A generator of each family that has begun to learn."""
    made = {}
    for family, settings in SMALL.items():
        step = Train(data=data, architecture=settings, kimg=0.16, batch_size=8)
        made[family] = run_operator(step, tmp_path_factory.mktemp("parent"))
    return made


def trained(data, parent, folder, family, progress=quiet, **more):
    """Train; `more` are parameters of the operator or of its `training`."""
    layer = {"concepts": 3, "interval": 2, "regroup_samples": 32, "regroup_interval": 3}
    layer |= {name: more.pop(name) for name in LayerSettings.model_fields if name in more}
    known = {"data": data, "layer": LAYER[family], "kimg": 0.08, "batch_size": 8, "training": layer}
    made = run_operator(TrainInterpretable(**(known | more)), folder, progress, generator=parent)
    made.save(folder / "result")
    return made


@pytest.mark.long
@pytest.mark.parametrize("family", EACH)
def test_what_was_trained_is_saved_and_loaded_with_its_concepts(data, parents, tmp_path, family):
    made = trained(data, parents[family], tmp_path, family, licence="ours")
    again = load_generator(tmp_path / "result/generator.safetensors")
    batch = made.sample([1, 2, 3])
    assert torch.equal(made.images(batch), again.images(again.sample([1, 2, 3])))
    assert again.fingerprint == made.fingerprint != parents[family].fingerprint
    assert again.concepts == made.concepts
    layer = LAYER[family]
    assert again.rectified == (layer,)
    assert float(again.features(batch, [layer])[layer].min()) == 0
    units = [unit for of, own in again.concepts.values() for unit in own if of == layer]
    assert len(units) == len(set(units)) > 0
    model = EnergyModel.of(again)
    assert torch.equal(model.weights, EnergyModel.of(made).weights)
    assert float(model.weights.abs().max()) > 0
    for own in again.concepts.values():  # a concept is a group of the model
        assert len(set(model.groups[list(own[1])].tolist())) == 1
    assert again.licence == "ours"
    assert again.notes["parent"] == parents[family].fingerprint
    assert again.notes["training"]["more"]["training"]["concepts"] == 3
    assert again.discriminator is not None


@pytest.mark.long
@pytest.mark.parametrize("family", EACH)
def test_a_stopped_training_ends_in_the_same_bytes(data, parents, tmp_path, family, monkeypatch):
    whole = trained(data, parents[family], tmp_path / "whole", family)
    monkeypatch.setattr("interpgan_training.job.SAVE_SECONDS", 0.0)
    for pictures in (14, 22):
        with pytest.raises(Stopped):
            trained(data, parents[family], tmp_path / "parts", family, stop_after(pictures))
    trained(data, parents[family], tmp_path / "parts", family)
    results = [tmp_path / run / "result" for run in ("whole", "parts")]
    files = [(folder / "generator.safetensors").read_bytes() for folder in results]
    assert files[0] == files[1]
    logs = [[json.loads(line) for line in (f / "log.jsonl").read_text().splitlines()] for f in results]
    for line in (*logs[0], *logs[1]):
        assert line.pop("seconds") >= 0
    assert logs[0] == logs[1]
    assert whole.concepts


@pytest.mark.long
def test_training_continues_with_its_groups_and_weights(data, parents, tmp_path):
    """A second training at negligible rates leaves the energy model as the first one made it."""
    first = trained(data, parents["pggan"], tmp_path / "first", "pggan")
    still = SMALL["pggan"] | {"generator_rate": 1e-9, "discriminator_rate": 1e-9}
    then = trained(
        data, first, tmp_path / "then", "pggan", architecture=still, rate=1e-9, weight_rate=1e-9, kimg=0.016
    )
    models = [EnergyModel.of(made) for made in (first, then)]
    assert torch.equal(models[0].groups, models[1].groups)
    torch.testing.assert_close(models[0].weights, models[1].weights, atol=1e-6, rtol=0)
    assert then.concepts == first.concepts and then.notes["parent"] == first.fingerprint


@pytest.mark.long
def test_the_report_shows_what_the_layer_does(data, parents, tmp_path):
    trained(data, parents["pggan"], tmp_path, "pggan")
    lines = [json.loads(line) for line in (tmp_path / "result/log.jsonl").read_text().splitlines()]
    metrics = set().union(*lines)
    assert metrics >= {
        "g plain",
        "g langevin",
        "group penalty",
        "own",
        "other",
        "at home",
        "groups",
        "silent",
        "changed",
    }
    assert (tmp_path / "result/curves.png").exists()


@pytest.mark.long
def test_filters_come_to_keep_to_their_groups(data, parents, tmp_path):
    """The share of a filter's squares where its own group is the most active grows; without the energy it does not."""
    shares = {}
    for realism in (True, False):
        folder = tmp_path / str(realism)
        trained(
            data,
            parents["pggan"],
            folder,
            "pggan",
            kimg=0.32,
            rate=6e-3,
            regroup_interval=100,
            realism=realism,
        )
        made = load_generator(folder / "result/generator.safetensors")
        maps = made.features(made.sample(range(32)), ["layer3"])["layer3"]
        model = EnergyModel.of(made)
        scaled = model.scaled(maps)
        means = torch.stack([scaled[:, list(units)].mean(1) for _, units in made.concepts.values()], 1)
        home = means.argmax(1)
        inside = total = 0.0
        for i, (_, units) in enumerate(made.concepts.values()):
            squares = scaled[:, list(units)].square()
            inside += float((squares * (home == i)[:, None]).sum())
            total += float(squares.sum())
        shares[realism] = inside / total
    assert shares[True] > shares[False] + 0.1


@pytest.mark.long
def test_a_new_discriminator_needs_none_before(data, parents, tmp_path):
    parent = load_generator(saved(parents["biggan"], tmp_path))
    del parent.discriminator
    with pytest.raises(InterpganError, match="no discriminator to continue with; set discriminator: new"):
        trained(data, parent, tmp_path, "biggan")
    made = trained(data, parent, tmp_path, "biggan", discriminator="new", kimg=0.016)
    assert made.discriminator is not None


def saved(generator, folder):
    generator.save(folder)
    return folder / "generator.safetensors"


@pytest.mark.long
def test_a_generator_of_unknown_training(data, parents, tmp_path):
    parent = load_generator(saved(parents["pggan"], tmp_path))
    parent.notes = {}
    with pytest.raises(InterpganError, match="does not say how it was trained; give the architecture"):
        trained(data, parent, tmp_path, "pggan")
    assert trained(data, parent, tmp_path, "pggan", architecture=SMALL["pggan"], kimg=0.016).concepts


@pytest.mark.parametrize("name", SMALL)
def test_files_of_earlier_versions(data, name):
    """Their energy model, and the settings of their training, whose anchor was the family's reconstruction."""
    made = load_generator(f"avatars.{name}-interpretable")
    assert made.notes["training"]["family"]["reconstruction"] > 0
    assert float(EnergyModel.of(made).rms.min()) > 0
    family = TrainInterpretable(data=data, layer="any", kimg=1).family_of(made)
    assert family.family == name and family.reconstruction == family.reconstruction_kimg == 0


@pytest.mark.long
def test_no_such_layer(data, parents, tmp_path):
    with pytest.raises(InterpganError, match="no layer 'layer33'; did you mean 'layer3'"):
        trained(data, parents["pggan"], tmp_path, "pggan", layer="layer33")


@pytest.mark.long
def test_training_that_diverges_stops_with_advice(data, parents, tmp_path):
    with pytest.raises(InterpganError, match=r"(filters are silent|in one group|diverged).*; try"):
        trained(data, parents["pggan"], tmp_path, "pggan", rate=3.0, kimg=0.8, regroup_interval=1)


@pytest.mark.long
def test_a_discriminator_that_has_won_stops_it(data, parents):
    family = family_of(TrainingJob.from_json(parents["pggan"].notes["training"]).family, True, ("layer3",))
    trainer = LayerTrainer(
        family, Settings(batch_size=8), data, start=parents["pggan"], training={"concepts": 3}
    )
    trainer.memory["logit gap"] = 1000.0
    with pytest.raises(InterpganError, match=r"the discriminator has won: .*; try a lower rate"):
        trainer.advance()


def test_the_group_penalty_falls_exponentially():
    settings = LayerSettings(group_penalty=1e-1, last_group_penalty=1e-3, group_penalty_steps=10)
    found = [settings.group_penalty_at(step) for step in (0, 5, 10, 99)]
    assert found == pytest.approx([1e-1, 1e-2, 1e-3, 1e-3])
    assert LayerSettings(group_penalty=0).group_penalty_at(3) == 0


def test_the_rate_falls_in_the_end():
    settings = LayerSettings(rate=0.2, fade=0.25)
    found = [settings.rate_at(seen, 1000) for seen in (0, 750, 875, 1000, 1008)]
    assert found == pytest.approx([0.2, 0.2, 0.1, 0, 0])
    assert LayerSettings(rate=0.2).rate_at(1000, 1000) == 0.2


def test_groups_keep_their_numbers():
    before = torch.tensor([0, 0, 1, 1, 2, 2, -1])
    new = torch.tensor([1, 1, 0, 0, 0, 2, 2])
    assert renumbered(new, before, 4).tolist() == [0, 0, 1, 1, 1, 2, 2]
    assert renumbered(torch.tensor([-1, 0]), torch.tensor([3, 3]), 4).tolist() == [-1, 3]


@pytest.mark.long
def test_a_relu_more_changes_the_fingerprint_and_is_put_once(parents, tmp_path):
    plain = load_generator(saved(parents["pggan"], tmp_path))
    name, batch = plain.fingerprint, plain.sample([0])
    before = plain.features(batch, ["layer3"])["layer3"].clone()
    assert float(before.min()) < 0
    assert plain.rectify(["layer3"]).fingerprint != name
    rectify(plain.module, ["layer3"])
    assert torch.equal(plain.features(batch, ["layer3"])["layer3"], before.relu())
    assert len(plain.module.layer3._forward_hooks) == 1
    once = plain.fingerprint
    assert plain.rectify(["layer3"]).fingerprint == once
    with pytest.raises(InterpganError, match="no layer 'layer99'"):
        plain.rectify(["layer99"])


@pytest.mark.slow  # three processes that import torch; the plugin training has the same test of its own trainer
def test_two_processes_train_as_one(data, parents, tmp_path):
    """Both take the same steps: what the last checkpoint holds is whole, and has groups and weights."""
    pytest.importorskip("accelerate")
    made = trained(data, parents["stylegan2"], tmp_path, "stylegan2", processes=2, kimg=0.032)
    assert torch.isfinite(made.images(made.sample([0, 1]))).all()
    assert made.notes["training"]["pictures"] == 32
    assert made.concepts and float(EnergyModel.of(made).weights.abs().max()) > 0


@pytest.mark.long
def test_processes_need_whole_groups(data, parents, tmp_path):
    with pytest.raises(InterpganError, match="2 processes need batches of a multiple of 8, not 12"):
        trained(data, parents["pggan"], tmp_path, "pggan", processes=2, batch_size=12)


@pytest.mark.long
@pytest.mark.parametrize("family", ["pggan", pytest.param("biggan", marks=pytest.mark.slow)])
def test_an_anchor_keeps_the_parents_pictures(data, parents, tmp_path, family):
    """With the anchor alone, images of the same codes recover after the ReLU; without it they change with the GAN."""
    parent = parents[family]
    batch = parent.sample(range(32))
    target = parent.images(batch)
    differences = []
    for anchor in (0.0, 30.0):
        folder = tmp_path / str(anchor)
        kimg = 9.0 if anchor else 0.0
        made = trained(data, parent, folder, family, kimg=0.48, interval=4, anchor=anchor, anchor_kimg=kimg)
        differences.append(float((made.images(made.sample(range(32))) - target).abs().mean()))
    assert differences[1] < 0.6 * differences[0]
    log = (tmp_path / "30.0/result/log.jsonl").read_text()
    assert "from the parent" in log and '"discriminator"' not in log


@pytest.mark.long
def test_exchanges_come_near_their_target(data, parents, tmp_path):
    """With the target of an exchange in its loss, the generator comes nearer to it than without."""
    after = {}
    for exchange in (False, True):
        folder = tmp_path / str(exchange)
        anchor = {"anchor": 30.0, "anchor_kimg": 9.0, "exchange": exchange}
        made = trained(data, parents["pggan"], folder, "pggan", kimg=0.48, interval=8, **anchor)
        log = (folder / "result/log.jsonl").read_text()
        assert ("from the exchange" in log) is exchange
        after[exchange] = distance_to_target(made)
    assert after[True] < 0.9 * after[False]


def distance_to_target(made):
    """The difference of exchanges of each concept from their target."""
    batch, layer, model = made.sample(range(32)), LAYER["pggan"], EnergyModel.of(made)
    plain, differences = made.images(batch, 32), []
    for group in set(model.groups[model.groups >= 0].tolist()):
        exchange = NeighbourExchange(model, torch.full((32,), group))
        with exchange.at(made.module.get_submodule(layer)):
            found = made.images(batch, 32)
        target, valid = exchange.target(plain)
        differences.append(float(((found - target).abs() * valid).sum() / valid.sum()))
    return sum(differences) / len(differences)


@pytest.mark.long
def test_an_exchange_needs_an_anchor(data, parents, tmp_path):
    with pytest.raises(
        InterpganError, match=r"held near the parent's pictures by the anchor; give it a weight"
    ):
        trained(data, parents["pggan"], tmp_path, "pggan", exchange=True)
