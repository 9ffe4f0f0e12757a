"""The operator `latentdiscovery.learn`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from interpgan_core import (
    DirectionSet,
    Generator,
    InterpganError,
    Layers,
    Operator,
    Progress,
    Ranges,
    Seeds,
    check_batch_size,
)
from interpgan_core.plugin import LearnedDirections, TrainingCodes, check_held_out

Positive = Annotated[float, Field(gt=0)]


class LearnDirections(Operator):
    """Learn orthogonal directions that a network can tell apart by what they do to pictures.

    A reconstructor sees the pictures before and after a move, and says along which direction it was and how far; the
    directions are learnt together with it. No labels. The result is named "0", "1", … by falling accuracy.

    Source: Voynov & Babenko, Unsupervised Discovery of Interpretable Directions in the GAN Latent Space, ICML 2020,
        equation 1, with orthonormal directions. Deviations: the reconstructor is as deep as the pictures need, and
        normalises each sample by itself; shifts are counted in standard deviations of the codes; the rotation starts
        at random; the rate falls.
    """

    count: Annotated[int, Field(ge=2)] = 32
    """How many directions, as many as a code has entries at most."""
    reach: Positive = 6.0
    """The longest move of the training, in standard deviations of the codes, both ways."""
    least: Positive = 0.5
    """The shortest; what is drawn nearer to 0 is moved so far."""
    shift_weight: Annotated[float, Field(ge=0)] = 0.25
    """Of the error in how far, beside that in which."""
    space: str | None = None
    """Where the directions live; left out, the first space of single vectors that codes are mapped to, such as w, and
    without one the space that is sampled."""
    layers: Layers = "all"
    """The layers that move; also the default of an edit along the directions."""
    side: Annotated[int, Field(ge=8)] = 64
    """Longer side, in pixels, of what the reconstructor sees; larger pictures are reduced to it."""
    steps: Annotated[int, Field(ge=1)] = 2000
    """Of the training."""
    rate: Positive = 1e-3
    """Of Adam, for directions and reconstructor; it falls to 0."""
    batch_size: Annotated[int, Field(ge=1)] = 16
    """Samples of a step."""
    seeds: Seeds = "0-99999"
    """The samples to learn from; each step draws some of them."""
    held_out: Seeds = "100000-100255"
    """Samples that it is tested on; they are moved along the directions in turn."""
    classes: Annotated[tuple[int | str, ...], Field(max_length=1)] = ()
    """Of a conditional generator: the class of all samples, as in `sample`; left out, each seed draws one."""
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0
    """Of the draws and of where the training starts."""

    @model_validator(mode="after")
    def _sound(self) -> Self:
        check_held_out(self.seeds, self.held_out, self.count)
        if self.least > self.reach:
            raise InterpganError(
                "'least' is the shortest move and 'reach' the longest; give a smaller 'least'"
            )
        return self

    def check(self, generator: Generator) -> LearnedDirections:
        codes = self._codes(generator)
        size = codes.space.shape[0]
        if self.count > size:
            raise InterpganError(
                f"{self.count} directions cannot be orthogonal in {codes.space.name}, whose codes have {size} entries; "
                f"give a 'count' of {size} at most"
            )
        codes.edit.mask(self.layers)
        check_batch_size(generator, self.batch_size, self.batch_size)
        codes.of(codes.seeds[:1])
        names = map(str, range(self.count))
        return LearnedDirections(DirectionSet.expected(names, codes.space.name, generator, self.layers))

    def run(self, generator: Generator, folder: Path, scratch: Path, progress: Progress) -> LearnedDirections:
        from interpgan_latentdiscovery.learning import Settings, learn

        settings = Settings(
            self.count, self.reach, self.least, self.shift_weight, self.side, self.steps, self.rate,
            self.batch_size, Ranges(self.held_out), self.seed,
        )  # fmt: skip
        return learn(self._codes(generator), settings, folder, scratch, progress)

    def _codes(self, generator: Generator) -> TrainingCodes:
        space = generator.vector_space(self.space)
        return TrainingCodes(generator, space, self.layers, Ranges(self.seeds), self.classes)
