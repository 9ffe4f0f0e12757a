"""The generators that come with the package."""

import pytest
import torch

from interpgan_avatars.anatomy import count
from interpgan_avatars.models import FAMILIES, weights
from interpgan_avatars.operators import LoadDirections
from interpgan_avatars.scorer import AvatarScorer
from interpgan_avatars.segmenter import AvatarSegmenter
from interpgan_core import InterpganError, Shift, load_generator
from interpgan_core.testing import conformance, plugin_conformance, toy


@pytest.fixture(scope="module", params=FAMILIES)
def generator(request):
    return load_generator(f"avatars.{request.param}")


test_plugin = plugin_conformance("avatars")
test_stylegan2_conforms = conformance(load_generator("avatars.stylegan2"))


def test_small_files_and_free_licences(generator):
    assert generator.licence == "Apache-2.0"
    assert generator.notes["training"]["pictures"] >= 80_000
    for path in weights("scorer").parent.iterdir():
        assert path.stat().st_size < 8_000_000


@pytest.mark.long
@pytest.mark.parametrize("name", FAMILIES)
def test_the_interpretable_ones_have_named_concepts_and_draw_what_their_parents_draw(name):
    made, parent = load_generator(f"avatars.{name}-interpretable"), load_generator(f"avatars.{name}")
    assert made.notes["parent"] == parent.fingerprint
    assert {"hair", "skin", "shirt", "eyes"} & set(made.concepts)
    (layer,) = {layer for layer, _ in made.concepts.values()}
    units = [unit for _, own in made.concepts.values() for unit in own]
    assert len(units) == len(set(units)) <= made.features(made.sample([0]), [layer])[layer].shape[1]
    kin, same = made.images(made.sample(range(16))), parent.images(parent.sample(range(16)))
    assert (kin - same).abs().mean() < (kin - same.roll(1, 0)).abs().mean() / 2


def test_each_has_its_discriminator(generator):
    assert generator.discriminator is not None
    batch = generator.sample(range(8))
    logits = generator.discriminator(generator.images(batch), batch.labels)
    noise = generator.discriminator(torch.rand(8, 3, 64, 64) * 2 - 1, batch.labels)
    assert logits.mean() > noise.mean()


@pytest.mark.long
def test_samples_are_faces(generator):
    segmenter = AvatarSegmenter.shipped()
    maps = segmenter(generator.images(generator.sample(range(60)))).numpy()
    faces = [
        (count(m, segmenter.parts.index("eyes")), count(m, segmenter.parts.index("mouth"))) for m in maps
    ]
    assert sum(face == (2, 1) for face in faces) >= 45


@pytest.mark.long
@pytest.mark.parametrize("attribute", ["smile", "age", "gender", "eyeglasses", "pose"])
def test_directions_do_what_they_are_called(generator, attribute):
    direction = LoadDirections().run(generator)[attribute]
    scorer = AvatarScorer.shipped("logit")
    people = generator.sample(range(16))
    scores = [
        scorer(generator.images(Shift(direction=direction, strength=s, unit="sigma").run(people, generator)))
        for s in (-2.0, 0.0, 2.0)
    ]
    own = scorer.names.index(attribute)
    assert (scores[2] - scores[0])[:, own].mean() > 0.2 * scores[1][:, own].std()


def test_other_generators_have_none():
    with pytest.raises(InterpganError, match="by the steps score and interfacegan"):
        LoadDirections().run(toy())
