"""The adversarial gap: how many of the edits that a text net likes does the scorer of avatars, another net, not see?

An edit is liked if the cosine of the picture (of the region, for text.paint) with the text rose by RISE; it is seen if
the scorer finds what the text says, on people who lacked it before.

    .venv/bin/python bench/words_gap.py [--model avatars.stylegan2] [--people 40] [--prompts 0 1 2] [--json FILE]
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from interpgan_avatars.person import HAIR_COLOURS
from interpgan_avatars.scorer import AvatarScorer
from interpgan_avatars.segmenter import AvatarSegmenter
from interpgan_avatars.text import AvatarText
from interpgan_core import load_generator, quiet
from interpgan_text.net import of_images, of_texts
from interpgan_text.optimise import OptimiseForText
from interpgan_text.paint import PaintWords

FIRST = 3000  # seed of the first person: none that anything was chosen by
RISE = 0.05  # of the cosine
OTHERS = ("smile", "age", "gender", "eyeglasses", "beard")


@dataclass(frozen=True)
class Prompt:
    """A text, where it is painted, and whether the scorer sees it: pictures -> (n,) bool."""

    text: str
    where: dict
    attribute: str
    sees: Callable


def prompts(scorer, segmenter):
    def attribute(name):
        return lambda images: scorer(images)[:, scorer.names.index(name)] > 0.5

    def hair(colour):
        return lambda images: scorer.groups(images)["hair"] == HAIR_COLOURS.index(colour)

    return (
        Prompt(
            "a person with glasses",
            {"region": (0.3, 0.15, 0.62, 0.85)},
            "eyeglasses",
            attribute("eyeglasses"),
        ),
        Prompt("a smiling person", {"region": (0.55, 0.25, 0.85, 0.75)}, "smile", attribute("smile")),
        Prompt("a person with red hair", {"parts": ("hair",), "segmenter": segmenter}, "", hair("red")),
    )


def edits(net, prompt, counts, operators):
    """(operator, method) -> the edit."""
    made = {
        "text.paint": lambda steps, **given: PaintWords(**given, **prompt.where, steps=steps),
        "text.optimise": lambda steps, **given: OptimiseForText(**given, steps=2 * steps),
    }
    for operator in operators:
        for method, steps in counts.items():
            yield operator, method, made[operator](steps, net=net, text=prompt.text, method=method)


@torch.no_grad()
def lacking(generator, prompt, people):
    """The first people, from FIRST on, whom the scorer does not see the text in; none without the part."""
    seeds = []
    for seed in range(FIRST, FIRST + 20 * people):
        image = generator.images(generator.sample([seed]))
        there = True
        if segmenter := prompt.where.get("segmenter"):
            part = segmenter.parts.index(prompt.where["parts"][0])
            there = bool((segmenter(image) == part).float().mean() > 0.02)
        if there and not prompt.sees(image):
            seeds.append(seed)
        if len(seeds) == people:
            break
    return seeds


@torch.no_grad()
def judged(generator, net, scorer, prompt, edit, batch, edited):
    """Of each edit: is it liked, seen, how many other attributes are kept; and the change outside of the region."""
    text = of_texts(net, [prompt.text])[0]
    rows = []
    for k in range(len(batch)):
        before, after = generator.images(batch[k]), generator.images(edited[k])
        region = edit.mask(before, before.shape[2:]) if isinstance(edit, PaintWords) else torch.ones(1)
        close = [of_images(net, x * region) @ text for x in (before, after)]
        columns = [scorer.names.index(name) for name in OTHERS if name != prompt.attribute]
        kept = ((scorer(before)[:, columns] > 0.5) == (scorer(after)[:, columns] > 0.5)).float().mean()
        liked = float(close[1] - close[0]) >= RISE
        outside = 1 - PaintWords(net=net, text=prompt.text, **prompt.where).mask(before, before.shape[2:])
        change = ((after - before).square() * outside).sum() / outside.sum().clamp_min(1) / 3
        rows.append((liked, bool(prompt.sees(after)), float(kept), float(change)))
    return torch.tensor(rows, dtype=torch.float64)


def gap(options):
    generator, net = load_generator(options.model), AvatarText.shipped()
    scorer, segmenter = AvatarScorer.shipped(), AvatarSegmenter.shipped()
    found = []
    every = prompts(scorer, segmenter)
    counts = {"evolution": options.generations, "gradient": options.steps}
    for prompt in [every[k] for k in options.prompts]:
        batch = generator.sample(lacking(generator, prompt, options.people))
        for name, method, edit in edits(net, prompt, counts, options.operators):
            began = time.process_time()
            given = {"progress": quiet} if isinstance(edit, PaintWords) else {}
            edited = edit.run(batch, generator, **given)
            seconds = (time.process_time() - began) / len(batch)
            rows = judged(generator, net, scorer, prompt, edit, batch, edited)
            found.append((name, method, prompt.text, rows, seconds))
            say(options.model, name, method, prompt.text, rows, seconds)
    for name, method in dict.fromkeys(row[:2] for row in found):
        own = [row for row in found if row[:2] == (name, method)]
        say(
            options.model,
            name,
            method,
            "all",
            torch.cat([r[3] for r in own]),
            sum(r[4] for r in own) / len(own),
        )
    if options.json:
        kept = [(*row[:3], row[3].tolist(), row[4]) for row in found]
        options.json.write_text(json.dumps({"model": options.model, "rise": RISE, "edits": kept}))


def say(model, name, method, text, rows, seconds):
    liked, seen = rows[:, 0] > 0, rows[:, 1] > 0
    blind = (liked & ~seen).sum() / max(1, int(liked.sum()))
    print(
        f"{model} | {name} | {method} | {text} | {len(rows)} edits | liked {liked.float().mean():.0%} | seen "
        f"{seen.float().mean():.0%} | liked, not seen {blind:.0%} of the liked | others kept {rows[:, 2].mean():.0%} | "
        f"change outside {rows[:, 3].mean() ** 0.5:.3f} | {seconds:.1f} s of CPU a person",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="avatars.stylegan2")
    parser.add_argument("--people", type=int, default=40)
    parser.add_argument("--operators", nargs="+", default=["text.paint", "text.optimise"])
    parser.add_argument("--prompts", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument(
        "--generations", type=int, default=10, help="of evolution; text.optimise has twice as many"
    )
    parser.add_argument(
        "--steps", type=int, default=30, help="of the gradient; text.optimise has twice as many"
    )
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    gap(options)


if __name__ == "__main__":
    main()
