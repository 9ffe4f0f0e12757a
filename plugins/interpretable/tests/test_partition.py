"""The operators that find concepts and name them, and the core's edits by concept."""

from dataclasses import replace

import pytest
import torch

from interpgan_core import Ablate, Exchange, InterpganError, quiet, write_safetensors
from interpgan_core.testing import toy
from interpgan_interpretable.partition.concepts import UseConcepts
from interpgan_interpretable.partition.find import FindPartition, Partition

LAYER = "layers.3"


def found(generator, **parameters):
    return FindPartition(**{"layer": "drawing", "concepts": 3, "seeds": "0-49", **parameters}).run(
        generator, quiet
    )


def test_filters_that_draw_alike_are_one_concept(blobs):
    partition = found(blobs())
    groups = {units for _, units in partition.concepts.values()}
    assert groups == {(0, 3, 6, 9), (1, 4, 7, 10), (2, 5, 8, 11)}
    assert partition.groups[12] == -1
    assert partition.centres.shape == (3, 16, 16)
    assert partition.notes["samples"] == 50


def test_the_report_names_what_is_in_use(blobs):
    (table,) = found(blobs(), concepts=5).summary().tables
    assert [row[1] for row in table.rows] == [4, 4, 4]
    assert "3 of 5 concepts are in use" in table.note
    assert "1 filters are never active" in table.note


def test_concepts_are_known_to_exchange_and_ablate(blobs):
    plain = blobs()
    generator = UseConcepts(partition=found(plain)).run(plain)
    assert not plain.concepts
    assert generator.fingerprint == plain.fingerprint
    batch, source = generator.sample(range(3)), generator.sample(range(7, 10))
    name, (layer, units) = next(iter(generator.concepts.items()))
    edited = Exchange(concept=name, source=source).apply(batch, generator)
    before, after, theirs = (generator.features(b, [layer])[layer] for b in (batch, edited, source))
    others = [u for u in range(13) if u not in units]
    assert torch.equal(after[:, units], theirs[:, units])
    assert torch.equal(after[:, others], before[:, others])
    silent = generator.features(Ablate(concept=name).apply(batch, generator), [layer])[layer]
    assert not silent[:, units].any() and torch.equal(silent[:, others], before[:, others])


def test_memory_does_not_grow_with_the_samples(blobs):
    """No more than one batch of maps is alive, whatever the number of seeds."""

    class Watched(type(blobs())):
        largest = 0

        def prior(self, seeds):
            self.largest = max(self.largest, len(seeds))
            return super().prior(seeds)

    watched = Watched()
    found(watched, seeds="0-999", batch_size=8)
    assert watched.largest == 8


def test_batches_do_not_matter():
    one, other = (found(toy(), layer=LAYER, batch_size=n) for n in (1, 16))
    assert torch.equal(one.groups, other.groups)
    torch.testing.assert_close(one.centres, other.centres)


def test_it_is_found_again_in_its_file(blobs, tmp_path):
    partition = found(blobs())
    partition.save(tmp_path)
    again = Partition.load(tmp_path)
    assert again.concepts == partition.concepts and again.notes == partition.notes


def test_a_file_of_an_earlier_version(blobs, tmp_path):
    one = found(blobs())
    tensors = {"groups": one.groups, "centres": one.centres, "deviations": one.standard_deviations}
    header = {"layer": one.layer, "generator": one.generator, "notes": one.notes}
    write_safetensors(tmp_path / "partition.safetensors", tensors, "partition", header)
    assert torch.equal(Partition.load(tmp_path).standard_deviations, one.standard_deviations)


def test_mistakes(blobs):
    with pytest.raises(InterpganError, match=r"no layer 'layers\.33'; did you mean"):
        found(toy(), layer="layers.33")
    with pytest.raises(InterpganError, match="cannot make 9 concepts of 2 and more; ask for 8 at most"):
        found(toy(), layer=LAYER, concepts=9)
    with pytest.raises(InterpganError, match=r"found in another generator; run interpretable\.partition"):
        UseConcepts(partition=replace(found(blobs()), generator="other")).run(toy())
