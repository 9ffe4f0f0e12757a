"""Edits in words, judged by a scorer that is not the text net: what is reached, what else changes, and where.

20 texts, each for people of whom not everything of it is true before. Reached: the scorer of avatars sees all that the
text says. Kept: of the attributes that it says nothing about, how many are seen as before. Outside, for texts of one
part: the mean squared change of a pixel outside that part over that of one inside. Boundaries of the same scorer, one
after the other, are the yardstick: they have seen labels. Each method's setting is that of the most reached x kept on
people and texts that are not reported.

Painting takes the texts of one part, in a box around that part. Adapting makes a generator for each text of one
attribute.

    .venv/bin/python bench/words_edits.py [avatars.stylegan2 avatars.pggan avatars.biggan]
        [--people 50] [--slow-people 10] [--methods boundaries directions mapper optimise paint adapt]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor

from interpgan_avatars.operators import LoadDirections, LoadScorer, LoadText
from interpgan_avatars.segmenter import AvatarSegmenter
from interpgan_core import Generator, LatentBatch, Shift, load_generator, part_maps, quiet, score_images
from interpgan_text.adapt import AdaptGenerator
from interpgan_text.directions import FindGlobalDirections
from interpgan_text.edit import EditByText
from interpgan_text.optimise import OptimiseForText
from interpgan_text.paint import PaintWords
from interpgan_text.train_mapper import TrainMapper

JUDGED = ("smile", "age", "gender", "eyeglasses", "beard")
TEXTS: Mapping[str, Mapping[str, bool]] = {
    "a smiling person": {"smile": True},
    "a serious person": {"smile": False},
    "an old person": {"age": True},
    "a young person": {"age": False},
    "a man": {"gender": True},
    "a woman": {"gender": False},
    "a person with glasses": {"eyeglasses": True},
    "a person without glasses": {"eyeglasses": False},
    "a person with a beard": {"beard": True},
    "a person without a beard": {"beard": False},
    "a smiling old person": {"smile": True, "age": True},
    "a smiling man": {"smile": True, "gender": True},
    "an old man": {"age": True, "gender": True},
    "a young woman": {"age": False, "gender": False},
    "a serious young man": {"smile": False, "age": False, "gender": True},
    "a smiling young woman": {"smile": True, "age": False, "gender": False},
    "a smiling woman with glasses": {"smile": True, "gender": False, "eyeglasses": True},
    "an old man with glasses": {"age": True, "gender": True, "eyeglasses": True},
    "an old man with a beard": {"age": True, "gender": True, "beard": True},
    "a smiling old man with glasses": {"smile": True, "age": True, "gender": True, "eyeglasses": True},
}
CHOSEN_ON = ("a smiling person", "a young person", "an old man", "a smiling woman with glasses")
BOXES = {
    "smile": (0.55, 0.25, 0.85, 0.75), "eyeglasses": (0.3, 0.15, 0.62, 0.85), "beard": (0.5, 0.2, 0.95, 0.8),
}  # fmt: skip
PARTS = {"smile": ("mouth",), "eyeglasses": ("glasses", "eyes"), "beard": ("beard", "mouth")}
FIRST, FIRST_CHOOSING = (
    20_000,
    30_000,
)  # seeds of the people reported, and of those that settings are chosen on


@dataclass(frozen=True, eq=False)
class World:
    """A generator, and who looks at its pictures."""

    generator: Generator
    net: object
    scorer: object
    segmenter: AvatarSegmenter

    @classmethod
    def of(cls, name: str) -> World:
        generator = load_generator(name)
        return cls(generator, LoadText().run("cpu"), LoadScorer().run("cpu"), AvatarSegmenter.shipped())

    def seen(self, images: Tensor) -> dict[str, Tensor]:
        """Is each attribute seen? (n,) bool."""
        scores = score_images(self.scorer, images)
        return {name: scores[:, self.scorer.names.index(name)] > 0.5 for name in JUDGED}


Edit = Callable[[World, str, LatentBatch, float], tuple[Generator, LatentBatch]]
"""A world, a text, codes, and a setting -> what draws the edited codes, and these."""


def by_boundaries(world: World, text: str, batch: LatentBatch, strength: float):
    """The yardstick: one boundary after the other."""
    for name, wanted in TEXTS[text].items():
        along = Shift(
            direction=_boundaries(world)[name], strength=strength if wanted else -strength, unit="sigma"
        )
        batch = along.run(batch, world.generator)
    return world.generator, batch


def by_directions(world: World, text: str, batch: LatentBatch, strength: float):
    """`text.directions`."""
    along = Shift(direction=_direction(world, text), strength=strength, unit="sigma")
    return world.generator, along.run(batch, world.generator)


def by_mapper(world: World, text: str, batch: LatentBatch, strength: float):
    """`text.edit`, with a mapper that is trained once for all texts."""
    edit = EditByText(net=world.net, mapper=_mapper(world), text=text, strength=strength)
    return world.generator, edit.run(batch, world.generator)


def by_optimising(world: World, text: str, batch: LatentBatch, keep_code: float):
    """`text.optimise`."""
    edit = OptimiseForText(net=world.net, text=text, keep_code=keep_code)
    return world.generator, edit.run(batch, world.generator)


def by_painting(world: World, text: str, batch: LatentBatch, keep_outside: float):
    """`text.paint`, in a box."""
    (name,) = TEXTS[text]
    edit = PaintWords(net=world.net, text=text, region=BOXES[name], keep_outside=keep_outside, draws=0)
    return world.generator, edit.run(batch, world.generator)


def by_adapting(world: World, text: str, batch: LatentBatch, steps: float):
    """`text.adapt`: another generator, and the same codes."""
    with TemporaryDirectory() as folder:
        kept, scratch = Path(folder) / "kept", Path(folder) / "scratch"
        for path in (kept, scratch):
            path.mkdir()
        adapt = AdaptGenerator(net=world.net, text=text, steps=int(steps), least_diversity=0)
        return adapt.run(world.generator, kept, scratch, quiet), batch


@dataclass(frozen=True)
class Method:
    """How codes are edited, which settings are tried, and for which texts.

    Args:
        edit: see there.
        settings: that are tried.
        slow: takes seconds a person, so people are few.
        fits: whether a text is one for it.
    """

    edit: Edit
    settings: Sequence[float]
    slow: bool = False
    fits: Callable[[str], bool] = lambda text: True

    def texts(self, texts: Iterable[str]) -> list[str]:
        return [text for text in texts if self.fits(text)]


def is_local(text: str) -> bool:
    """Does a text speak of one part alone?"""
    names = list(TEXTS[text])
    return len(names) == 1 and names[0] in PARTS


def is_single(text: str) -> bool:
    """Does a text speak of one attribute alone?"""
    return len(TEXTS[text]) == 1


METHODS = {
    "boundaries": Method(by_boundaries, (1, 2, 3, 4, 6, 9, 12)),
    "directions": Method(by_directions, (2, 4, 6, 8, 12)),
    "mapper": Method(by_mapper, (0.4, 0.6, 0.75, 1.0)),
    "optimise": Method(by_optimising, (0.004, 0.008), slow=True),
    "paint": Method(by_painting, (2.0,), slow=True, fits=is_local),
    "adapt": Method(by_adapting, (100,), fits=is_single),
}


@cache
def _boundaries(world: World):
    return LoadDirections().run(world.generator)


@cache
def _direction(world: World, text: str):
    return FindGlobalDirections(net=world.net, texts={"it": text}).run(world.generator, quiet)["it"]


@cache
def _mapper(world: World):
    with TemporaryDirectory() as scratch:
        return TrainMapper(net=world.net).run(world.generator, Path(scratch), quiet)


@torch.no_grad()
def judged(world: World, text: str, method: Method, setting: float, seeds: Sequence[int]) -> dict[str, float]:
    """Sums over the people of whom the text is not true: how many, reached, kept, and changes of pixels."""
    batch = world.generator.sample(list(seeds))
    images = world.generator.images(batch, 10).clamp(-1, 1)
    before, wanted = world.seen(images), TEXTS[text]
    true = torch.stack([before[name] == side for name, side in wanted.items()]).all(0)
    lack = (~true).nonzero().flatten().tolist()
    if not lack:
        return {"people": 0}
    began = time.process_time()
    generator, edited = method.edit(world, text, batch[lack], setting)
    seconds = time.process_time() - began
    new = generator.images(edited, 10).clamp(-1, 1)
    after = world.seen(new)
    reached = torch.stack([after[name] == side for name, side in wanted.items()]).all(0)
    others = [name for name in JUDGED if name not in wanted]
    kept = torch.stack([after[name] == before[name][lack] for name in others]).float().mean(0)
    found = {
        "people": len(lack),
        "reached": float(reached.sum()),
        "kept": float(kept.sum()),
        "seconds": seconds,
    }
    if is_local(text):
        parts = [world.segmenter.parts.index(part) for name in wanted for part in PARTS[name]]
        old = images[lack]
        masks = [part_maps(world.segmenter, each, each.shape[2:])[:, parts].sum(1) for each in (old, new)]
        inside = torch.maximum(*masks).clamp(0, 1)
        change = (new - old).square().mean(1)
        found |= {
            "inside": float((change * inside).sum() / inside.sum().clamp(min=1)),
            "outside": float((change * (1 - inside)).sum() / (1 - inside).sum()),
        }
    return found


def share(rows: Sequence[dict[str, float]], name: str) -> float:
    return sum(row.get(name, 0) for row in rows) / max(1, sum(row["people"] for row in rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "generators", nargs="*", default=["avatars.stylegan2", "avatars.pggan", "avatars.biggan"]
    )
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--slow-people", type=int, default=10)
    parser.add_argument("--methods", nargs="*", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--json", type=Path, help="where each text's figures go")
    options = parser.parse_args()
    kept: dict[str, dict[str, object]] = {}
    columns = ("generator", "method", "setting", "edits", "reached", "others kept", "outside", "s a person")
    print("| " + " | ".join(columns) + " |\n" + "|---" * len(columns) + "|")
    for name in options.generators:
        world = World.of(name)
        for label in options.methods:
            method = METHODS[label]
            few = 6 if method.slow else 16
            choosing = range(FIRST_CHOOSING, FIRST_CHOOSING + few)

            def worth(setting: float, method=method, world=world, choosing=choosing) -> float:
                texts = method.texts(CHOSEN_ON)
                rows = [judged(world, text, method, setting, choosing) for text in texts]
                return share(rows, "reached") * share(rows, "kept")

            setting = max(method.settings, key=worth) if len(method.settings) > 1 else method.settings[0]
            people = range(FIRST, FIRST + (options.slow_people if method.slow else options.people))
            rows = {text: judged(world, text, method, setting, people) for text in method.texts(TEXTS)}
            kept.setdefault(name, {})[label] = {"setting": setting, **rows}
            if options.json:
                options.json.write_text(json.dumps(kept, indent=1))
            found = list(rows.values())
            local = [row for row in found if row.get("inside")]
            outside = sum(row["outside"] / row["inside"] for row in local) / max(1, len(local))
            print(
                f"| {name} | {label} | {setting:g} | {sum(row['people'] for row in found)} "
                f"| {share(found, 'reached'):.0%} | {share(found, 'kept'):.0%} | {outside:.2f} "
                f"| {share(found, 'seconds'):.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
