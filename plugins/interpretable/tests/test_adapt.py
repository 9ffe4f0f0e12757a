"""`interpretable.adapt`: filters behind a layer of a generator that stays as it is."""

from pathlib import Path

import pytest
import torch

from interpgan_core import Ablate, Generator, InterpganError, LatentBatch, load_generator, quiet
from interpgan_core.testing import conformance, toy
from interpgan_interpretable.adaptation import trainer
from interpgan_interpretable.adaptation.adapt import AdaptLayer
from interpgan_interpretable.adaptation.adapted import UseAdapted
from interpgan_interpretable.adaptation.clusters import find_clusters, some_positions
from interpgan_interpretable.adaptation.filters import FilterBank
from interpgan_interpretable.edits.exchange import ExchangeConcepts

SMALL = {"layer": "drawing", "concepts": 6, "filters": 24, "seeds": "0-29", "steps": 100, "rate": 0.02}
ON_TOY = AdaptLayer(layer="layers.1", concepts=2, filters=6, seeds="0-5", steps=20, rate=0.03)


test_the_step = conformance(
    ON_TOY, toy, exempt={"result-survives-saving": "its file needs its generator: test_a_small_file_keeps_it"}
)


def filters_of(generator, batch):
    return generator.features(batch, ["drawing.filters"])["drawing.filters"]


def test_nothing_changes_until_something_is_edited(blobs, adapted):
    plain, batch = blobs(), adapted.sample(range(4))
    assert torch.equal(plain.images(batch), adapted.images(batch))
    before, after = (g.features(batch, ["drawing"])["drawing"] for g in (plain, adapted))
    assert torch.equal(before, after)
    assert list(adapted.layers) == ["drawing.filters", "drawing"] and adapted.own_layers == ["drawing"]
    assert adapted.shares_codes(plain.fingerprint) and adapted.fingerprint != plain.fingerprint


def test_concepts_are_the_blobs(blobs, adapted):
    """In the middle of each blob another concept is the most active, in every sample."""
    maps = filters_of(adapted, adapted.sample([50, 51]))
    means = torch.stack([maps[:, list(units)].mean(1) for _, units in adapted.concepts.values()], 1)
    middles = ((3, 3), (3, 12), (12, 8))
    strongest = [means[:, :, y, x].argmax(1) for y, x in middles]
    assert len({int(s[0]) for s in strongest}) == 3 and all((s == s[0]).all() for s in strongest)
    figures = adapted.notes["adapted"]
    assert figures["right"] > 90 and figures["unexplained"] < 5


def test_filters_give_the_maps_back(adapted):
    """Without its filters a blob is gone, and the others stay."""
    batch = adapted.sample([60])
    name = max(
        adapted.concepts,
        key=lambda name: float(filters_of(adapted, batch)[0, list(adapted.concepts[name][1]), 3, 3].mean()),
    )
    edited = Ablate(concept=name).run(batch, adapted)
    before, after = (adapted.features(b, ["drawing"])["drawing"][0, :12] for b in (batch, edited))
    assert after[:, 3, 3].abs().mean() < 0.5 * before[:, 3, 3].abs().mean()
    torch.testing.assert_close(after[:, 12, 8], before[:, 12, 8], atol=0.05, rtol=0.1)


@pytest.mark.parametrize("depth", ["shape", "everything"])
def test_a_whole_blob_comes_from_the_source(adapted, depth):
    batch, source = adapted.sample([60, 61]), adapted.sample([62, 63])
    maps = filters_of(adapted, batch)
    name = max(
        adapted.concepts, key=lambda name: float(maps[0, list(adapted.concepts[name][1]), 12, 8].mean())
    )
    edited = ExchangeConcepts(source=source, concepts=[name], depth=depth).run(batch, adapted)
    before, after, theirs = (adapted.features(b, ["drawing"])["drawing"] for b in (batch, edited, source))
    torch.testing.assert_close(after[..., 12, 8], theirs[..., 12, 8])
    assert torch.equal(after[..., 3, 3], before[..., 3, 3])


def test_a_small_file_keeps_it(adapted, blobs, tmp_path):
    adapted.save(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["layer.safetensors"]
    again = UseAdapted(file=tmp_path / "layer.safetensors").run(blobs())
    assert (again.fingerprint, again.concepts, again.notes) == (
        adapted.fingerprint,
        adapted.concepts,
        adapted.notes,
    )
    batch = adapted.sample([1])
    assert torch.equal(filters_of(again, batch), filters_of(adapted, batch))
    renamed = Generator.load(tmp_path, adapted)  # as a later step's result, which was kept with other names
    assert renamed.fingerprint == adapted.fingerprint
    with pytest.raises(InterpganError, match="for the generator three-blobs, and this one is"):
        UseAdapted(file=tmp_path / "layer.safetensors").run(toy())
    with pytest.raises(InterpganError, match=r"a layer of interpretable.adapt for the generator three-blobs"):
        load_generator(tmp_path / "layer.safetensors")


def test_an_edit_by_homes_survives_saving(adapted, tmp_path):
    edited = ExchangeConcepts(source=adapted.sample([5]), depth="texture", concepts=["0"]).run(
        adapted.sample([1]), adapted
    )
    edited.save(tmp_path)
    assert torch.equal(adapted.images(LatentBatch.load(tmp_path, adapted)), adapted.images(edited))


def test_stopped_and_resumed_it_ends_with_the_same_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(trainer, "KEPT_EVERY", 0.0)

    def stopping(items, total=None, what=""):
        for i, item in enumerate(items):
            if total == ON_TOY.steps and i == 10:
                raise KeyboardInterrupt
            yield item

    def left(items, total=None, what=""):
        lengths.append(total)
        return items

    lengths = []
    with pytest.raises(KeyboardInterrupt):
        ON_TOY.run(toy(), scratch=tmp_path, progress=stopping)
    resumed = ON_TOY.run(toy(), scratch=tmp_path, progress=left)
    assert lengths[-1] == 10
    assert resumed.fingerprint == ON_TOY.run(toy(), progress=quiet).fingerprint


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"layer": "drawings"}, "did you mean 'drawing'"),
        ({"beside": ["drawin"]}, "did you mean 'drawing'"),
        ({"filters": 5}, "5 filters cannot make 6 concepts of 2 and more; ask for 12 filters at least"),
        ({"seeds": "3"}, "it takes 2 samples at least"),
    ],
)
def test_what_is_wrong_is_said_at_once(blobs, wrong, message):
    with pytest.raises((InterpganError, ValueError), match=message):
        AdaptLayer(**SMALL | wrong).check(blobs())


def test_filters_behind_filters(adapted):
    with pytest.raises(InterpganError, match="behind drawing there are filters already"):
        AdaptLayer(**SMALL).check(adapted)


def test_a_concept_that_dies_is_said_with_advice(blobs):
    with pytest.raises(
        InterpganError, match=r"concepts \d+ died: .* ask for \d+ concepts, give more samples"
    ):
        AdaptLayer(**SMALL | {"concepts": 12, "steps": 1}).run(blobs(), progress=quiet)


def test_places_part_what_looks_alike():
    """Two groups of positions of equal activations, apart in the picture."""
    maps = torch.randn(1, 5, 1, 1).expand(1, 5, 8, 8) + 0.01 * torch.randn(1, 5, 8, 8)
    rows, places = some_positions(maps, 64, torch.Generator().manual_seed(0))
    found = find_clusters(rows, places, 2, 5.0, 0).labels(maps)[0]
    halves = min(
        (found[:4] != found[0, 0]).sum() + (found[4:] == found[0, 0]).sum(),
        (found[:, :4] != found[0, 0]).sum() + (found[:, 4:] == found[0, 0]).sum(),
    )
    assert halves <= 8


def test_filters_are_divided_and_edits_stay():
    torch.manual_seed(0)
    bank = FilterBank(4, 8, torch.tensor([0, 0, 1, 1]))
    x = torch.randn(2, 4, 5, 5)
    filters, _ = bank.respond(x)
    given_back = bank.decoder(filters)
    bank.scale(torch.tensor([2.0, 0.5, 1.0, 0.0]))
    after, _ = bank.respond(x)
    torch.testing.assert_close(after[:, 0], filters[:, 0] / 2)
    torch.testing.assert_close(bank.decoder(after), given_back)


@torch.no_grad()
def test_filters_are_silent_where_their_group_is_improbable():
    """A gate is how far the probability of its group is above a tenth: (p - 0.1) / 0.9, and exactly 0 below."""
    bank = FilterBank(3, 4, torch.tensor([0, 0, 1, 2]))
    shares = torch.tensor([0.09, 0.3, 0.61])
    for layer, bias in ((bank.gate, shares.log()), (bank.response, torch.ones(4))):
        layer.weight.zero_()
        layer.bias.copy_(bias)
    filters, _ = bank.respond(torch.randn(1, 3, 6, 6))
    assert not filters[:, :2].any()
    for unit, share in ((2, 0.3), (3, 0.61)):
        torch.testing.assert_close(filters[:, unit], torch.full((1, 6, 6), (share - 0.1) / 0.9))


def test_shares_of_filters():
    labels = torch.zeros(1, 10, 10, dtype=torch.uint8)
    labels[0, 0, :4] = 1
    groups = trainer.allotted(labels, 2, 20)
    assert groups.bincount().sum() == 20 and groups.bincount()[1] >= 4 and (groups.diff() >= 0).all()


def test_the_file_is_small(adapted, tmp_path):
    adapted.save(tmp_path)
    assert Path(tmp_path, "layer.safetensors").stat().st_size < 30_000
