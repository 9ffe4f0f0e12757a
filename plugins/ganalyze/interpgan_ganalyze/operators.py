"""The operator `ganalyze.learn`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from interpgan_core import (
    DirectionSet,
    Generator,
    Input,
    InterpganError,
    Layers,
    Operator,
    Progress,
    Ranges,
    Scorer,
    Seeds,
    check_batch_size,
    did_you_mean,
    score_images,
)
from interpgan_core.plugin import LearnedDirections, TrainingCodes, check_held_out

Positive = Annotated[float, Field(gt=0)]


class LearnDirections(Operator):
    """Learn directions along which a score changes by as much as the strength says.

    One direction for each attribute of the scorer. It is calibrated: in `unit: score` a strength of 1 changes the score
    by 1, in the mean of samples.

    Source: Goetschalckx et al., GANalyze: Toward Visual Definitions of Cognitive Image Properties, ICCV 2019, equation
        2. Deviations: codes move along a straight line, as every edit here moves them, and are not brought back to
        their length (the published code does that by the length of a whole batch, so that a sample depends on its
        neighbours); the length is calibrated after the training; the direction is the same for all classes.
    """

    singular: ClassVar[bool] = True

    scorer: Input[Scorer]
    """Whose scores have gradients to the picture. Logits, which have no bound, serve better than probabilities."""
    attributes: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """Which of its attributes; all when left out."""
    reach: Positive | None = None
    """The largest change of the score that is asked for in the training, up and down; left out, one standard deviation
    of each score."""
    space: str | None = None
    """Where the directions live; left out, the first space of single vectors that codes are mapped to, such as w, and
    without one the space that is sampled."""
    layers: Layers = "all"
    """The layers that move; also the default of an edit along the directions."""
    steps: Annotated[int, Field(ge=1)] = 200
    """Of the training, for each attribute."""
    rate: Positive = 0.05
    """Of Adam, for a direction in standard deviations of the codes; it falls to 0."""
    batch_size: Annotated[int, Field(ge=1)] = 8
    """Samples of a step."""
    seeds: Seeds = "0-9999"
    """The samples to learn from; each step draws some of them."""
    held_out: Seeds = "100000-100255"
    """Samples that it is tested on; as many others, the first of `seeds`, calibrate it."""
    classes: Annotated[tuple[int | str, ...], Field(max_length=1)] = ()
    """Of a conditional generator: the class of all samples, as in `sample`; left out, each seed draws one."""
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0
    """Of the draws."""

    @model_validator(mode="after")
    def _apart(self) -> Self:
        check_held_out(self.seeds, self.held_out)
        names = self.attributes or ()
        if len(set(names)) != len(names):
            raise InterpganError("'attributes' names one twice; name each once")
        return self

    def check(self, generator: Generator) -> LearnedDirections:
        import torch

        codes, names = self._codes(generator), self._names()
        codes.edit.mask(self.layers)
        check_batch_size(generator, self.batch_size, self.batch_size)
        with torch.no_grad():
            image = generator.images(codes.of(codes.seeds[:1]))
        score_images(self.scorer, image)
        with torch.enable_grad():
            found = self.scorer(image.clone().requires_grad_(True))
        if not found.requires_grad:
            raise InterpganError(
                "these scores have no gradient to the picture; take a scorer in PyTorch, such as avatars.scorer, or "
                "find directions by interfacegan, which needs none"
            )
        notes = {"score_per_unit": 1.0}
        return LearnedDirections(
            DirectionSet.expected(names, codes.space.name, generator, self.layers, notes)
        )

    def run(self, generator: Generator, folder: Path, scratch: Path, progress: Progress) -> LearnedDirections:
        from interpgan_ganalyze.learning import Settings, learn

        settings = Settings(
            self.reach, self.steps, self.rate, self.batch_size, Ranges(self.held_out), self.seed
        )
        return learn(self._codes(generator), self.scorer, self._names(), settings, folder, scratch, progress)

    def _codes(self, generator: Generator) -> TrainingCodes:
        space = generator.vector_space(self.space)
        return TrainingCodes(generator, space, self.layers, Ranges(self.seeds), self.classes)

    def _names(self) -> tuple[str, ...]:
        known = tuple(self.scorer.names)
        for name in self.attributes or ():
            if name not in known:
                raise InterpganError(f"the scorer has no attribute '{name}'" + did_you_mean(name, known))
        return self.attributes or known
