"""What `recipes/CLAIMS.md` says of the pictures that a recipe left, held against the pictures."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import cosine_similarity

from interpgan_avatars.person import HAIR_COLOURS, HAIR_STYLES
from interpgan_avatars.scorer import AvatarScorer
from interpgan_avatars.segmenter import AvatarSegmenter
from interpgan_core import Report, Strip, load_generator

UNEDITED = ("lender", "original", "inverted", "encoded", "tuned")
"""Captions beside the edits: other people, and pictures of codes before any edit."""
UNTESTED = ("by eye", "patterns", "between")


@dataclass(frozen=True)
class Claim:
    """A line of the table; the words of a cell are split at its commas."""

    recipe: str
    heading: str
    captions: tuple[str, ...]
    changes: tuple[str, ...]
    stays: tuple[str, ...]

    def covers(self, caption: str) -> bool:
        return self.captions == ("all",) or caption in self.captions


def read_claims(path: Path) -> list[Claim]:
    """The lines below the table's head."""
    rows = [line.strip("|").split("|") for line in path.read_text().splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in row] for row in rows[1:]]
    return [
        Claim(recipe, heading, (caption,) if "seed" in caption else _words(caption), _words(a), _words(b))
        for recipe, heading, caption, a, b in cells
    ]


def _words(cell: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in cell.split(",") if word.strip())


def broken(out: Path, claims: list[Claim]) -> Iterator[str]:
    """A sentence for each claim that a picture does not keep, and for each edited picture without a claim.

    Args:
        out: what a run of one recipe left.
        claims: those of this recipe.
    """
    headings = set()
    for file in sorted(out.glob("*/report.json")):
        report = Report.load(file.parent)
        heading = report.title or file.parent.name.split("-", 1)[1]
        own = [claim for claim in claims if claim.heading == heading]
        headings.update(claim.heading for claim in own)
        for strip in report.strips:
            row = Row(strip, file.parent)
            for i, caption in enumerate(row.captions):
                about = [claim for claim in own if claim.covers(caption)]
                if row.is_edit(i) and not about:
                    yield f"'{heading}', {strip.title}: nothing is claimed of '{caption}'"
                for claim in about:
                    for what in row.untrue(claim, i):
                        yield f"'{heading}', {strip.title}, '{caption}': {what}"
    for claim in claims:
        if claim.heading not in headings:
            yield f"there is no '{claim.heading}'"


class Row:
    """One row of pictures, and what is seen in them."""

    def __init__(self, strip: Strip, folder: Path) -> None:
        self.captions = [re.split(": ", picture.caption)[0] for picture in strip.pictures]
        self.fails = [picture.caption.endswith(": fails") for picture in strip.pictures]
        self.edited = strip.origin is not None or self.captions[0] == "original"
        self.origin = strip.origin or 0
        self._files = [folder / picture.file for picture in strip.pictures]

    def is_edit(self, i: int) -> bool:
        return self.edited and i != self.origin and self.captions[i] not in UNEDITED

    def untrue(self, claim: Claim, i: int) -> Iterator[str]:
        """What of a claim picture i does not show."""
        for words in claim.changes:
            if words not in UNTESTED and not self._shows(*words.split(": "), i):
                yield f"{words} is not so"
        for name in claim.stays if i != self.origin else ():
            if not self._stays(name, i):
                yield f"{name} does not stay"

    def _shows(self, name: str, how: str, i: int) -> bool:
        seen = self.seen[i]
        first = self.seen[self.origin]
        if how == "alone":
            return _alone(name, first, seen)
        if how == "rises":
            scores = [one.score(name) for one in self.seen]
            least = 0.8 if name == "pose" else 0.5
            steady = all(b > a - 0.1 for a, b in itertools.pairwise(scores))
            return (
                steady and scores[-1] - scores[0] > least and (name == "pose" or scores[0] < 0.5 < scores[-1])
            )
        if how == "lender":
            return _like_lender(name, first, self.seen[self.captions.index("lender")], seen)
        if how == "other":
            return self.fails[i] or seen.says(name) != first.says(name)
        if name == "brightness":
            return abs(float((seen.image - first.image).mean()) / 2 - float(how)) < 0.02
        if how in ("smaller", "larger"):
            areas = [float(one.mask(name).sum()) for one in (first, seen)]
            return max(areas) > 1.05 * min(areas) and (areas[1] > areas[0]) == (how == "larger")
        if how == "higher":
            return logit(seen) > logit(first)
        if name == "style":
            return HAIR_STYLES[seen.group("style")] == how
        if name == "hair":
            return HAIR_COLOURS[seen.group("hair")] == how
        if how in ("yes", "no"):
            return seen.says(name) == (how == "yes")
        if name in SEGMENTER.parts:
            return abs(seen.across(name) - first.across(name) - float(how)) < 0.02
        return seen.score(name) >= float(how)

    def _stays(self, name: str, i: int) -> bool:
        return self.seen[i].alike(self.seen[self.origin], name)

    @property
    def seen(self) -> list[Seen]:
        return [look(file) for file in self._files]


SCORER = AvatarScorer.shipped()
SEGMENTER = AvatarSegmenter.shipped()


@dataclass(frozen=True, eq=False)
class Seen:
    """A picture of 64 pixels: (1, 3, 64, 64) in [-1, 1], with its attributes, (6,), and parts, (64, 64)."""

    image: Tensor
    scores: Tensor
    parts: Tensor

    def score(self, name: str) -> float:
        return float(self.scores[SCORER.names.index(name)])

    def says(self, name: str) -> bool:
        return self.score(name) > (0 if name == "pose" else 0.5)

    def group(self, name: str) -> int:
        with torch.no_grad():
            return int(SCORER.groups(self.image)[name])

    def mask(self, part: str) -> Tensor:
        return self.parts == SEGMENTER.parts.index(part)

    def colour(self, part: str) -> Tensor:
        """(3,), the median colour of a part."""
        return self.image[0][:, self.mask(part)].median(1).values

    def across(self, part: str) -> float:
        """How far to the right the middle of a part is, as a share of the width; NaN where there is none."""
        return float(self.mask(part).nonzero()[:, 1].float().mean()) / 64

    def overlap(self, other: Seen, part: str) -> float:
        own, its = self.mask(part), other.mask(part)
        return float((own & its).sum() / (own | its).sum())

    def alike(self, other: Seen, name: str) -> bool:
        """Is something the same in another picture?"""
        if name == "pose":
            return abs(self.score(name) - other.score(name)) < 0.3
        if name in SCORER.names:
            return self.says(name) == other.says(name)
        if name == "hair outline":
            return self.overlap(other, "hair") > 0.75
        if name == "shirt":
            return _near(self, other, name) and self.overlap(other, "shirt") > 0.8
        return self.group(name) == other.group(name)


@cache
def look(file: Path) -> Seen:
    pixels = torch.tensor(np.asarray(Image.open(file).convert("RGB"))).permute(2, 0, 1)[None] / 127.5 - 1
    with torch.no_grad():
        return Seen(pixels, SCORER(pixels)[0], SEGMENTER(pixels)[0])


@cache
def _discriminator() -> Callable[..., Tensor]:
    found = load_generator("avatars.pggan").discriminator
    assert found is not None
    return found


def logit(seen: Seen) -> float:
    with torch.no_grad():
        return float(_discriminator()(seen.image, None))


def _near(a: Seen, b: Seen, part: str) -> bool:
    return float((a.colour(part) - b.colour(part)).norm()) < 0.3


def _alone(part: str, first: Seen, seen: Seen) -> bool:
    """Has a part changed, and a pixel elsewhere by less than a tenth as much, squared?"""
    mask = first.mask(part) | seen.mask(part)
    error = (seen.image - first.image)[0].square().mean(0)
    inside, outside = float(error[mask].mean()), float(error[~mask].mean())
    return inside > 0.005 and outside < inside / 10


def _like_lender(name: str, first: Seen, lender: Seen, seen: Seen) -> bool:
    """Is a part the lender's, and no longer the person's own?"""
    if name == "face":
        with torch.no_grad():
            own, its, now = (SCORER.features(one.image) for one in (first, lender, seen))
        return bool(cosine_similarity(now, its) > cosine_similarity(now, own))
    if name == "shirt":
        return _near(seen, lender, name) and not _near(seen, first, name)
    return seen.group(name) == lender.group(name) != first.group(name)
