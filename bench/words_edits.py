"""Edits in words, judged by a scorer that is not the text net: what is reached, what else changes, and where.

20 texts, each for people of whom not everything of it is true before. Reached: the scorer of avatars sees all that the
text says. Kept: of the attributes that it says nothing about, how many are seen as before. Outside, for texts of one
part: the mean squared change of a pixel outside that part over that of one inside. Boundaries of the same scorer, one
after the other, are the yardstick: they have seen labels. Each method's setting is that of the most reached x kept on
people and texts that are not reported.

    .venv/bin/python bench/words_edits.py [avatars.stylegan2 avatars.pggan avatars.biggan]
        [--people 50] [--slow-people 10] [--methods boundaries directions optimise]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from interpgan_avatars.operators import LoadDirections, LoadScorer, LoadText
from interpgan_avatars.segmenter import AvatarSegmenter
from interpgan_core import Generator, LatentBatch, Shift, load_generator, part_maps, quiet, score_images
from interpgan_text.directions import FindGlobalDirections
from interpgan_text.optimise import OptimiseForText

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
PARTS = {"smile": ("mouth",), "eyeglasses": ("glasses", "eyes"), "beard": ("beard", "mouth")}
FIRST, FIRST_CHOOSING = (
    20_000,
    30_000,
)  # seeds of the people reported, and of those that settings are chosen on


@dataclass(frozen=True)
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


Edit = Callable[[World, str, LatentBatch, float], LatentBatch]


def by_boundaries(world: World, text: str, batch: LatentBatch, strength: float) -> LatentBatch:
    """The yardstick: one boundary after the other."""
    boundaries = _boundaries(world.generator)
    for name, wanted in TEXTS[text].items():
        strength_ = strength if wanted else -strength
        step = Shift(direction=boundaries[name], strength=strength_, unit="sigma")
        batch = step.run(batch, world.generator)
    return batch


def by_directions(world: World, text: str, batch: LatentBatch, strength: float) -> LatentBatch:
    """`text.directions`."""
    return Shift(direction=_direction(world, text), strength=strength, unit="sigma").run(
        batch, world.generator
    )


def by_optimising(world: World, text: str, batch: LatentBatch, keep_code: float) -> LatentBatch:
    """`text.optimise`."""
    return OptimiseForText(net=world.net, text=text, keep_code=keep_code).run(batch, world.generator)


@dataclass(frozen=True)
class Method:
    """How codes are edited, which settings are tried, and whether people are few because it takes seconds a person."""

    edit: Edit
    settings: Sequence[float]
    slow: bool = False


METHODS = {
    "boundaries": Method(by_boundaries, (1, 2, 3, 4, 6)),
    "directions": Method(by_directions, (2, 4, 6, 8, 12)),
    "optimise": Method(by_optimising, (0.002, 0.004, 0.008), slow=True),
}


@cache
def _boundaries(generator: Generator):
    return LoadDirections().run(generator)


@cache
def _direction(world: World, text: str):
    return FindGlobalDirections(net=world.net, texts={"it": text}).run(world.generator, quiet)["it"]


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
    edited = method.edit(world, text, batch[lack], setting)
    seconds = time.process_time() - began
    new = world.generator.images(edited, 10).clamp(-1, 1)
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
    (only, *more) = wanted
    if not more and only in PARTS:
        parts = [world.segmenter.parts.index(part) for part in PARTS[only]]
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
                rows = [judged(world, text, method, setting, choosing) for text in CHOSEN_ON]
                return share(rows, "reached") * share(rows, "kept")

            setting = max(method.settings, key=worth) if len(method.settings) > 1 else method.settings[0]
            people = range(FIRST, FIRST + (options.slow_people if method.slow else options.people))
            rows = {text: judged(world, text, method, setting, people) for text in TEXTS}
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
