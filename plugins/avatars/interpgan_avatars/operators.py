"""The operators `avatars.*`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from interpgan_avatars.anatomy import check_anatomy
from interpgan_avatars.models import FAMILIES, weights
from interpgan_avatars.scorer import AvatarScorer
from interpgan_avatars.segmenter import AvatarSegmenter
from interpgan_avatars.text import AvatarText
from interpgan_core import (
    DirectionSet,
    Generator,
    ImageSet,
    Input,
    InterpganError,
    Operator,
    Progress,
    Ranges,
    Report,
    Seeds,
)


class DrawAvatars(Operator):
    """Draw people, each from its own seed alone, with their true labels.

    The classes are the hair styles. Attributes: pose from -1 to 1; smile, age (old), gender (male), eyeglasses and
    beard as 1 or 0; and the numbers of hair colour and skin tone. Needs the extra `draw`.
    """

    seeds: Seeds = "0-9999"

    def run(self, folder: Path, progress: Progress) -> ImageSet:
        from interpgan_avatars.data import drawn

        return drawn(Ranges(self.seeds), folder, progress)


class LoadScorer(Operator):
    """The scorer of avatars: probabilities of smile, age (old), gender (male), eyeglasses and beard; and the pose."""

    keep: ClassVar[bool] = False

    scale: Literal["probability", "logit"] = "probability"
    """logit: log p/(1-p), which has differences even where a probability is near 0 or 1."""

    def sources(self) -> Iterable[Path]:
        return (weights("scorer"),)

    def run(self, device: str) -> AvatarScorer:
        return AvatarScorer.shipped(self.scale, device)


class LoadDirections(Operator):
    """Directions of smile, age, pose, gender, eyeglasses and beard, found for the avatars' own generators."""

    keep: ClassVar[bool] = False

    def sources(self) -> Iterable[Path]:
        return [weights(f"{name}-directions") for name in FAMILIES]

    def check(self, generator: Generator) -> DirectionSet:
        return self.run(generator)

    def run(self, generator: Generator) -> DirectionSet:
        for name in FAMILIES:
            found = DirectionSet.read(weights(f"{name}-directions"))
            if all(generator.shares_codes(direction.generator) for direction in found.values()):
                return found
        raise InterpganError(
            f"directions come with {', '.join(f'avatars.{name}' for name in FAMILIES)} alone; find those of another "
            "generator by the steps score and interfacegan"
        )


class LoadSegmenter(Operator):
    """The segmenter of avatars: which part each pixel shows."""

    keep: ClassVar[bool] = False

    def sources(self) -> Iterable[Path]:
        return (weights("segmenter"),)

    def run(self, device: str) -> AvatarSegmenter:
        return AvatarSegmenter.shipped(device)


class LoadText(Operator):
    """Avatars and captions in one space, for the operators `text.*`: it reads some 150 words about faces."""

    keep: ClassVar[bool] = False

    def sources(self) -> Iterable[Path]:
        return (weights("text"),)

    def run(self, device: str) -> AvatarText:
        return AvatarText.shipped(device)


class _Fit(Operator):
    data: Input[ImageSet]
    """Drawn by `avatars.data`."""
    steps: Annotated[int, Field(ge=1)] = 1500
    """Of 64 pictures each."""
    held_out: Annotated[int, Field(ge=100)] = 4000
    """The last so many pictures are kept for the test."""

    def _seeds(self) -> list[int]:
        if self.data.seeds is None or self.data.resolution != 64:
            raise InterpganError(
                "this learns from drawn avatars, whose seeds give their labels; draw them with avatars.data"
            )
        if len(self.data) <= self.held_out:
            raise InterpganError(
                f"{len(self.data)} pictures leave none to learn from beside {self.held_out}; draw more"
            )
        return self.data.seeds.tolist()


class TrainScorer(_Fit):
    """Train the scorer anew on drawn avatars, and test it on others."""

    def run(self, progress: Progress) -> AvatarScorer:
        from interpgan_avatars import training
        from interpgan_avatars.person import draw

        truth = training.labels_of([draw(seed) for seed in self._seeds()])
        cut = len(self.data) - self.held_out
        steps = progress(range(self.steps), total=self.steps, what="training the scorer, steps")
        net = training.train_scorer(self.data.images, {k: v[:cut] for k, v in truth.items()}, steps)
        figures = training.scorer_figures(
            net, training.images_from(self.data, cut), {k: v[cut:] for k, v in truth.items()}
        )
        return AvatarScorer(net, figures=figures)


class TrainSegmenter(_Fit):
    """Train the segmenter anew on drawn avatars, and test it on others."""

    def run(self, progress: Progress) -> AvatarSegmenter:
        import numpy as np

        from interpgan_avatars import training
        from interpgan_avatars.drawing import parts
        from interpgan_avatars.person import draw

        seeds = self._seeds()
        drawing = progress(seeds, total=len(seeds), what="drawing masks")
        maps = np.stack([parts(draw(seed)) for seed in drawing])
        cut = len(self.data) - self.held_out
        steps = progress(range(self.steps), total=self.steps, what="training the segmenter, steps")
        net = training.train_segmenter(self.data.images, maps[:cut], steps)
        return AvatarSegmenter(
            net, training.segmenter_figures(net, training.images_from(self.data, cut), maps[cut:])
        )


class TrainText(_Fit):
    """Train the text net anew: on drawn avatars, and on samples of the avatars' generators with what the scorer sees.

    A run that was stopped goes on.
    """

    steps: Annotated[int, Field(ge=1)] = 400
    """Of 128 pictures with two captions each."""
    generated: Annotated[int, Field(ge=0)] = 3000
    """Samples of each generator, from seed 0 on."""

    def sources(self) -> Iterable[Path]:
        return [weights(name) for name in ("scorer", *FAMILIES)]

    def run(self, folder: Path, scratch: Path, progress: Progress) -> AvatarText:
        import numpy as np

        from interpgan_avatars import text_training as training
        from interpgan_avatars.captions import facts_of
        from interpgan_avatars.person import draw
        from interpgan_avatars.training import images_from

        facts = facts_of([draw(seed) for seed in self._seeds()])
        cut = len(self.data) - self.held_out
        sets: list[tuple[training.Pictures, np.ndarray]] = [(self.data.images, facts[:cut])]
        if self.generated:
            sets += [
                training.sampled(f"avatars.{name}", self.generated, scratch, progress) for name in FAMILIES
            ]
        steps = progress(range(self.steps), total=self.steps, what="training the text net, steps")
        net = training.train(sets, steps, self.steps, scratch)
        return AvatarText(net, training.figures(net, images_from(self.data, cut), facts[cut:]))


class CheckAnatomy(Operator):
    """Measure the anatomy of samples: two eyes, one mouth, and every colour of hair and skin."""

    scorer: Input[AvatarScorer]
    segmenter: Input[AvatarSegmenter]
    data: Input[ImageSet] | None = None
    """Drawn avatars to compare with."""
    seeds: Seeds = "0-9999"
    batch_size: Annotated[int, Field(ge=1)] = 64

    def run(self, generator: Generator, progress: Progress, folder: Path) -> Report:
        seeds = Ranges(self.seeds)
        return check_anatomy(
            generator, seeds, self.scorer, self.segmenter, self.data, self.batch_size, progress, folder
        )
