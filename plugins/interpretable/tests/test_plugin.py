"""The promises of the plugin and of its operators, and the README."""

import importlib
import re
from pathlib import Path

import pytest
import torch

import interpgan_interpretable
from interpgan_core import Direction, make_plan, quiet, run
from interpgan_core.testing import conformance, plugin_conformance, recipe_error, toy
from interpgan_interpretable.edits.collage import Collage
from interpgan_interpretable.edits.editing_in_style import EditInStyle
from interpgan_interpretable.edits.exchange import ExchangeConcepts
from interpgan_interpretable.edits.move import MoveConcepts
from interpgan_interpretable.edits.panda import ExchangePanda
from interpgan_interpretable.edits.retrieve_in_style import RetrieveInStyle
from interpgan_interpretable.measures.atlas import DrawAtlas
from interpgan_interpretable.measures.consistency import MeasureConsistency
from interpgan_interpretable.measures.locality import MeasureLocality
from interpgan_interpretable.partition.concepts import UseConcepts
from interpgan_interpretable.partition.find import FindPartition
from interpgan_interpretable.training.settings import LayerSettings

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
LAYER = "layers.3"


class Halves:
    """A segmenter of any image: left and right."""

    parts = ("left", "right")

    def __call__(self, images):
        columns = torch.arange(images.shape[-1]) >= images.shape[-1] // 2
        return columns.long().expand(len(images), images.shape[-2], -1)


SOURCE = toy().sample([9])
PARTITION = FindPartition(layer=LAYER, concepts=3, seeds="0-19").run(toy(), quiet)
LEFT = {"segmenter": Halves(), "parts": ("left",)}


def named_toy():
    return toy().with_concepts(PARTITION.concepts)


test_plugin = plugin_conformance("interpretable")
test_partition = conformance(FindPartition(layer=LAYER, concepts=3, seeds="0-19", restarts=2), toy)
test_concepts = conformance(
    UseConcepts(partition=PARTITION),
    toy,
    exempt={"result-survives-saving": "a generator that was loaded is never kept"},
)
test_exchange = conformance(ExchangeConcepts(source=SOURCE, concepts=("0", "2")), named_toy)
test_exchange_both = conformance(ExchangeConcepts(source=SOURCE, both=True), named_toy)
test_exchange_deep = conformance(ExchangeConcepts(source=SOURCE, concepts=("0",), depth="texture"), named_toy)
test_move_deep = conformance(MoveConcepts(concepts=("1",), scale=0.8, depth="shape"), named_toy)
test_move = conformance(MoveConcepts(concepts=("1",), down=0.1, right=-0.2), named_toy)
test_collage = conformance(Collage(source=SOURCE, layer=LAYER, **LEFT), toy)
test_exchange_turned = conformance(
    ExchangeConcepts(
        source=SOURCE, concepts=("0",), depth="shape", turn=Direction(torch.eye(16)[2], "w"), both=True
    ),
    named_toy,
)
test_panda = conformance(
    ExchangePanda(source=SOURCE, layer=LAYER, **LEFT, factors=3, seeds="0-3", steps=50, refine=10), toy
)
test_retrieve = conformance(
    RetrieveInStyle(source=SOURCE, layer=LAYER, **LEFT, coarse=True, clusters=4, seeds="0-9"), toy
)
test_style = conformance(EditInStyle(source=SOURCE, layer=LAYER, **LEFT, clusters=4, seeds="0-9"), toy)
test_atlas = conformance(DrawAtlas(seeds="0-2", filters=2), named_toy)
test_consistency = conformance(MeasureConsistency(segmenter=Halves(), seeds="0-9"), named_toy)
test_locality = conformance(
    MeasureLocality(before=toy().sample([0]), edits={"a": toy().sample([1])}, **LEFT), toy
)


def tables():
    """Heading of the README -> the class whose fields its table lists, in their order."""
    named = {
        f"### `{name}`": target for name, target in interpgan_interpretable.interpgan_operators().items()
    }
    for heading, target in named.items():
        module, _, name = target.partition(":")
        yield heading, getattr(importlib.import_module(module), name)
    yield "#### `training`", LayerSettings


@pytest.mark.parametrize(("heading", "model"), list(tables()))
def test_the_readme_lists_every_parameter(heading, model):
    section = README.partition(f"{heading}\n")[2].partition("\n##")[0]
    cells = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    assert [word for cell in cells for word in re.findall(r"`(\w+)`", cell)] == list(model.model_fields)


@pytest.mark.long
def test_the_recipe_of_the_readme(tmp_path):
    text = re.search(r"```yaml\n(.*?)```", README, re.DOTALL)[1]
    (tmp_path / "recipe.yaml").write_text(text)
    page = run(make_plan(tmp_path / "recipe.yaml"), tmp_path / "out", device="cpu").read_text()
    assert "Atlas of concepts" in page and "random groups" in page and "Concept 0" in page


HEAD = "interpgan: 1\nsteps:\n  - {use: generator, weights: toy}\n  - {use: sample, id: people, seeds: 0-1}\n  - "


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("{use: interpretable.move, concepts: []}", "must have at least one entry"),
        ("{use: interpretable.move, concepts: ['0'], down: 2}", "must be at most 1.0, not 2"),
        ("{use: interpretable.exchange, source: $people, concept: ['0']}", "did you mean 'concepts'?"),
        (
            "{use: interpretable.exchange, source: $people, depth: deep}",
            "'depth' of interpretable.exchange must be 'filters', 'shape', 'texture' or 'everything', not 'deep'",
        ),
        (
            "{use: interpretable.move, concepts: ['0'], scale: 1.2}",
            "filters are moved, not scaled; with a scale",
        ),
        (
            "{use: interpretable.adapt, layer: layers.3, concepts: 8, filters: 12}",
            "12 filters cannot make 8 concepts of 2 and more; ask for 16 filters at least",
        ),
        (
            "{use: interpretable.adapt, layer: layers.3, seeds: 7}",
            "it takes 2 samples at least, of which one",
        ),
        (
            "{use: interpretable.train, data: $people, layer: a, kimg: 1, training: {langevin_stepss: 1}}",
            "'training' of interpretable.train has no parameter 'langevin_stepss'; did you mean 'langevin_steps'?",
        ),
        ("{use: interpretable.concepts, partition: $people}", "$people is a LatentBatch, not a Partition"),
    ],
)
def test_wrong_recipes(step, message, tmp_path):
    assert message in recipe_error(HEAD + step, tmp_path)
