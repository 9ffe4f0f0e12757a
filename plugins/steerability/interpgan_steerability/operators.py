"""The operators `steerability.*`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Self

from pydantic import Field, model_validator

from interpgan_core import (
    Direction,
    DirectionSet,
    Generator,
    InterpganError,
    Layers,
    Operator,
    Progress,
    Ranges,
    Seeds,
    check_batch_size,
    did_you_mean,
)
from interpgan_core.plugin import LearnedDirections, TrainingCodes, check_held_out
from interpgan_steerability.transforms import TRANSFORMS, TransformName
from interpgan_steerability.walks import WalkingMover, Walks

if TYPE_CHECKING:
    from interpgan_steerability.learning import Settings

Positive = Annotated[float, Field(gt=0)]


class _Steering(Operator):
    """What the two have in common."""

    singular: ClassVar[bool] = True

    transforms: Annotated[tuple[TransformName, ...], Field(min_length=1)]
    """Which; each has a direction of its own."""
    reach: dict[str, Positive] = Field(default_factory=dict)
    """The largest amount of a transform that is asked for in the training, both ways; left out: 0.1 of the width or
    height, 0.25 doublings, 10 degrees, 0.1 of the range from black to white."""
    space: str | None = None
    """Where the directions live; left out, the last space of single vectors: s where there is one, else w, else z."""
    layers: Layers = "all"
    """The layers that move; also the default of an edit along the directions."""
    steps: Annotated[int, Field(ge=1)] = 200
    """Of the training, for each transform."""
    rate: Positive = 0.05
    """Of Adam, for a direction in standard deviations of the codes; it falls to 0."""
    batch_size: Annotated[int, Field(ge=1)] = 8
    """Samples of a step."""
    seeds: Seeds = "0-9999"
    """The samples to learn from; each step draws some of them."""
    held_out: Seeds = "100000-100031"
    """Samples that it is tested on; as many others, the first of `seeds`, calibrate it."""
    classes: Annotated[tuple[int | str, ...], Field(max_length=1)] = ()
    """Of a conditional generator: the class of all samples, as in `sample`; left out, each seed draws one."""
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0
    """Of the draws."""

    @model_validator(mode="after")
    def _sound(self) -> Self:
        check_held_out(self.seeds, self.held_out)
        if len(set(self.transforms)) != len(self.transforms):
            raise InterpganError("'transforms' names one twice; name each once")
        for name in self.reach:
            if name not in self.transforms:
                raise InterpganError(
                    f"'reach' names {name}, which is not learnt" + did_you_mean(name, self.transforms)
                )
        return self

    def _names(self, generator: Generator) -> tuple[Sequence[str], str, Generator, str, dict[str, float]]:
        """What a check expects, when nothing is wrong."""
        codes = self._codes(generator)
        codes.edit.mask(self.layers)
        check_batch_size(generator, self.batch_size, self.batch_size)
        codes.of(codes.seeds[:1])
        return self.transforms, codes.space.name, generator, self.layers, {"score_per_unit": 1.0}

    def _reaches(self) -> dict[TransformName, float]:
        return {name: self.reach.get(name, TRANSFORMS[name].reach) for name in self.transforms}

    def _settings(self) -> Settings:
        from interpgan_steerability.learning import Settings

        return Settings(self.steps, self.rate, self.batch_size, Ranges(self.held_out), self.seed)

    def _codes(self, generator: Generator) -> TrainingCodes:
        vectors = [space.name for space in generator.spaces.values() if len(space.shape) == 1]
        space = generator.vector_space(self.space or vectors[-1])  # the last is the most supple
        return TrainingCodes(generator, space, self.layers, Ranges(self.seeds), self.classes)


class LearnTransforms(_Steering):
    """Learn directions that do to a sample what a known transform does to its picture.

    One direction for each transform: shift_x, shift_y, zoom, rotate, brightness, red, green, blue. In `unit: score`
    the strength is in the transform's own unit. Nothing but the generator is needed; whether it can follow is measured.

    Source: Jahanian et al., On the "Steerability" of Generative Adversarial Networks, ICLR 2020, equation 2, linear.
        Deviations: all targets are made by interpolation, so that amounts are drawn from a whole range; the length is
        calibrated by the transform that is seen between pictures; colours are shifted in RGB.
    """

    def check(self, generator: Generator) -> LearnedDirections:
        return LearnedDirections(DirectionSet.expected(*self._names(generator)))

    def run(self, generator: Generator, folder: Path, scratch: Path, progress: Progress) -> LearnedDirections:
        from interpgan_steerability.learning import learn
        from interpgan_steerability.ways import Straight

        codes = self._codes(generator)
        size, spread = codes.space.shape[0], codes.spread()
        ways = {name: Straight(size, spread, reach) for name, reach in self._reaches().items()}
        found, report = learn(codes, ways, self._settings(), folder, scratch, progress)
        directions = {}
        for name, one in found.items():
            vector = one.scale * one.way.vector.detach()
            directions[name] = Direction(
                vector, codes.space.name, layers=self.layers, generator=generator.fingerprint,
                notes={"score_per_unit": 1 / float(vector.norm()), **one.notes},
            )  # fmt: skip
        return LearnedDirections(directions, report)


class LearnWalks(_Steering):
    """Learn bent ways that do to a sample what a known transform does to its picture.

    As `steerability.learn`, but a network looks where a code is, and turns. The strength of an edit along them is in
    the transform's own unit.

    Source: Jahanian et al., On the "Steerability" of Generative Adversarial Networks, ICLR 2020, equation 4.
        Deviations: a walk is four steps of a length that goes with the strength, so that it takes any; codes are not
        brought back to their length.
    """

    width: Annotated[int, Field(ge=1)] = 64
    """Of the network."""

    def check(self, generator: Generator) -> Walks:
        return Walks.expected(*self._names(generator))

    def run(self, generator: Generator, folder: Path, scratch: Path, progress: Progress) -> Walks:
        from interpgan_steerability.learning import learn
        from interpgan_steerability.ways import Bent

        codes = self._codes(generator)
        size, spread = codes.space.shape[0], codes.spread()
        ways = {
            name: Bent(size, spread, reach, self.width, self.seed) for name, reach in self._reaches().items()
        }
        found, report = learn(codes, ways, self._settings(), folder, scratch, progress)
        walks = {
            name: WalkingMover(
                space=codes.space.name, generator=generator.fingerprint, layers=self.layers,
                notes={"score_per_unit": 1.0, **one.notes}, weights=one.way.state_dict(), deviation=spread,
                reach=one.way.reach, scale=one.scale,
            )
            for name, one in found.items()
        }  # fmt: skip
        return Walks(walks, report)
