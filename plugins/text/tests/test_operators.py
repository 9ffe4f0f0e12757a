"""text.scorer, text.rank, text.optimise and text.directions on the toy, whose colours a small net can name."""

from dataclasses import replace

import pytest
import torch

from interpgan_core import InterpganError, Ranges, Score, Scorer, Shift, quiet
from interpgan_core.testing import conformance, toy
from interpgan_text.directions import FindGlobalDirections
from interpgan_text.net import TextImageNet, of_images, of_texts, toward
from interpgan_text.optimise import OptimiseForText
from interpgan_text.rank import RankSamples
from interpgan_text.relevance import by_differences, by_gradients, entries_of
from interpgan_text.scorer import MakeScorer
from interpgan_text.search import ramp
from interpgan_text.testing import Colours

NET = Colours()
WORDS = {"red": "a red thing", "blue": "a blue thing"}
DIRECTIONS = FindGlobalDirections(net=NET, texts=WORDS, neutral="a thing", seeds="0-19", spread_seeds="0-199")

NOT_KEPT = "a scorer is made again each time, and saves nothing"
test_scorer = conformance(
    MakeScorer(net=NET, texts=WORDS, neutral="a thing"),
    toy,
    {"same-parameters-same-result": NOT_KEPT, "global-randomness-does-not-matter": NOT_KEPT},
)
test_rank = conformance(RankSamples(net=NET, text="a red thing", seeds="0-30", keep_best=3), toy)
test_optimise = conformance(OptimiseForText(net=NET, text="a red thing", steps=4), toy)
test_optimise_some_layers = conformance(
    OptimiseForText(net=NET, text="a red thing", steps=3, layers="0-2"), toy
)
test_directions = conformance(DIRECTIONS, toy)
test_directions_by_threshold = conformance(
    DIRECTIONS.model_copy(update={"threshold": 0.3, "space": "w"}), toy
)


def similarity(batch, generator, text="a red thing"):
    with torch.no_grad():
        return of_images(NET, generator.images(batch, 8)) @ of_texts(NET, [text])[0]


def test_a_net_is_what_has_its_names():
    assert isinstance(NET, TextImageNet)
    assert isinstance(MakeScorer(net=NET, texts=WORDS, neutral="a thing").run(), Scorer)


def test_words_score_samples():
    scorer = MakeScorer(net=NET, texts=WORDS, neutral="a thing").run()
    scores = Score(seeds="0-9", scorer=scorer).run(toy(), quiet)
    images = toy().images(toy().sample(range(10)), 10)
    redness = images[:, 0].mean((1, 2)) - images.mean((1, 2, 3))
    assert torch.corrcoef(torch.stack([scores["red"], redness]))[0, 1] > 0.9


def test_the_best_samples_come_first():
    generator = toy()
    chosen = RankSamples(net=NET, text="a red thing", seeds="0-40", keep_best=5).run(generator, quiet)
    close = similarity(generator.sample(range(41)), generator)
    assert chosen.seeds.tolist() == close.argsort(descending=True)[:5].tolist()
    with pytest.raises(InterpganError, match="the best 8 of 3 samples are to be kept; give more seeds"):
        RankSamples(net=NET, text="red", seeds="0-2").check(generator)


def test_optimising_moves_every_picture_toward_the_text():
    generator = toy()
    batch = generator.sample([1, 2, 3])
    edited = OptimiseForText(net=NET, text="a red thing", steps=60, keep_code=0.0).run(batch, generator)
    assert edited.space.name == "w+"
    assert (similarity(edited, generator) > similarity(batch, generator) + 0.1).all()


def test_evolution_needs_no_gradient_and_moves_each_sample_as_alone():
    class Frozen(Colours):
        def embed_images(self, images):
            return super().embed_images(images.detach())

    generator = toy()
    batch = generator.sample([1, 2])
    edit = OptimiseForText(net=Frozen(), text="a red thing", method="evolution", steps=20, keep_code=0.0)
    assert edit.check(batch, generator).space.name == "w"
    edited = edit.run(batch, generator)
    assert edited.space.name == "w"
    assert (similarity(edited, generator) > similarity(batch, generator) + 0.1).all()
    alone = edit.run(batch[1], generator)
    torch.testing.assert_close(edited.codes[1:], alone.codes, rtol=0, atol=1e-3)
    assert torch.equal(alone.codes, edit.run(batch[1], generator).codes)
    with pytest.raises(InterpganError, match="one vector a layer"):
        edit.model_copy(update={"move_in": "w+"}).check(batch, generator)


def test_a_large_weight_keeps_the_code():
    generator = toy()
    batch = generator.to_space(generator.sample([1, 2]), "w+")
    far, near = (
        (
            OptimiseForText(net=NET, text="a red thing", steps=30, keep_code=w).run(batch, generator).codes
            - batch.codes
        )
        .square()
        .sum()
        for w in (0.0, 1.0)
    )
    assert near < far / 4


def test_samples_and_layers_are_moved_apart():
    generator = toy()
    batch = generator.sample([1, 2, 3])
    edit = OptimiseForText(net=NET, text="a red thing", steps=10, layers="1-2")
    whole = edit.run(batch, generator)
    alone = edit.run(batch[1], generator)
    torch.testing.assert_close(whole.codes[1:2], alone.codes, rtol=0, atol=1e-4)
    moved = (whole.codes - generator.to_space(batch, "w+").codes).abs().amax((0, 2))
    assert [k for k, far in enumerate(moved) if far > 0] == [1, 2]


def test_the_rate_rises_and_falls():
    assert ramp(0.0) == 0
    assert ramp(0.05) == ramp(0.7) == 1
    assert ramp(0.99) < 0.01


def test_an_identity_net_holds_the_picture():
    class Pixels:
        name = "pixels"

        def features(self, images):
            return images.flatten(1)

    generator = toy()
    batch = generator.to_space(generator.sample([1, 2]), "w+")
    edit = OptimiseForText(net=NET, text="a red thing", steps=30, keep_code=0.0)
    free = edit.run(batch, generator)
    held = edit.model_copy(update={"identity": Pixels(), "keep_identity": 20.0}).run(batch, generator)
    before = generator.images(batch, 2).flatten(1)

    def cosine(edited):
        return torch.cosine_similarity(generator.images(edited, 2).flatten(1), before).mean()

    assert cosine(held) > cosine(free)


def test_a_direction_moves_pictures_it_never_saw():
    generator = toy()
    found = DIRECTIONS.run(generator, quiet)
    batch = generator.sample(range(50, 60))
    for name, text in WORDS.items():
        along = [
            similarity(
                Shift(direction=found[name], strength=s, unit="sigma").run(batch, generator), generator, text
            )
            for s in (-1.0, 1.0)
        ]
        assert (along[1] > along[0]).float().mean() >= 0.9, name
        assert found[name].notes["change"] > 0


def test_so_many_entries_move_as_were_asked_for():
    generator = toy()
    for entries in (1, 5):
        found = DIRECTIONS.model_copy(update={"entries": entries}).run(generator, quiet)
        assert [int((d.vector != 0).sum()) for d in found.values()] == [entries, entries]
    found = DIRECTIONS.model_copy(update={"threshold": 0.5}).run(generator, quiet)["red"]
    assert found.notes["entries"] == int((found.vector != 0).sum())
    assert found.notes["threshold"] == 0.5


def test_strength_one_moves_the_strongest_entry_by_its_deviation():
    generator = toy()
    found = DIRECTIONS.model_copy(update={"entries": 1}).run(generator, quiet)["red"]
    space = found.space
    at = int(found.vector.abs().argmax())
    spread = entries_of(generator, space, Ranges("0-199"), quiet)
    assert found.notes["sigma"] == pytest.approx(float(spread.deviation[at]))


@pytest.fixture(scope="module")
def measured():
    """The toy, samples, the spread, and the exact relevance of all entries by small differences."""
    generator = toy()
    space = "s" if "s" in generator.spaces else "w"
    spread = entries_of(generator, space, Ranges("0-199"), quiet)
    batches = list(generator.stream(range(12), 6, space))
    return generator, spread, batches


@pytest.mark.long
def test_gradients_are_what_moving_entry_after_entry_finds(measured):
    """Brute force as published, at small reach around each sample's own value, times the text's direction."""
    generator, spread, batches = measured
    text = toward(NET, ["a red thing"], "a thing")
    ours = by_gradients(generator, NET, text, batches, spread.deviation)[0]
    rows = []
    for position in range(len(spread.mean)):
        ends = []
        for side in (0.05, -0.05):
            moved = []
            for batch in batches:
                codes = batch.codes.clone()
                codes[:, position] += side * float(spread.deviation[position])
                with torch.no_grad():
                    moved.append(of_images(NET, generator.images(replace(batch, codes=codes), 6)) @ text[0])
            ends.append(torch.cat(moved).double().mean())
        rows.append((ends[0] - ends[1]) / 0.1)
    brute = torch.stack(rows)
    assert torch.cosine_similarity(ours, brute, dim=0) > 0.99


@pytest.mark.long
def test_no_entry_is_left_at_its_mean(measured):
    """The published tables pinned every earlier entry: then what is found for one depends on which came before."""
    generator, spread, batches = measured
    last = len(spread.mean) - 1
    together = by_differences(generator, NET, batches, spread, range(last + 1))
    alone = by_differences(generator, NET, batches, spread, [last])
    assert torch.equal(together[last:], alone)
    pinned = [replace(b, codes=b.codes.clone()) for b in batches]
    for batch in pinned:
        batch.codes[:, :last] = spread.mean[:last].float()
    assert not torch.allclose(by_differences(generator, NET, pinned, spread, [last]), alone)


def test_what_is_refused():
    generator = toy()
    with pytest.raises(InterpganError, match="mean the same to colours; say what shall change"):
        DIRECTIONS.model_copy(update={"texts": {"x": "a thing"}}).check(generator)
    with pytest.raises(
        InterpganError, match=r"2000 entries shall move, and a code of \w has \d+; give fewer"
    ):
        DIRECTIONS.model_copy(update={"entries": 2000}).check(generator)
    with pytest.raises(InterpganError, match="one sample has no standard deviation"):
        DIRECTIONS.model_copy(update={"spread_seeds": "3"}).check(generator)
    with pytest.raises(InterpganError, match="one vector a layer"):
        DIRECTIONS.model_copy(update={"space": "w+"}).check(generator)
    with pytest.raises(ValueError, match="give either 'entries' or 'threshold'"):
        FindGlobalDirections(net=NET, texts=WORDS, entries=3, threshold=0.1)
    with pytest.raises(ValueError, match="a text is empty"):
        RankSamples(net=NET, text=" ")

    class Frozen(Colours):
        def embed_images(self, images):
            return super().embed_images(images.detach())

    with pytest.raises(InterpganError, match="have no gradient to the picture"):
        OptimiseForText(net=Frozen(), text="red").check(generator.sample([1]), generator)
