"""The operator `hessian.basis`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

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
PICTURE = "picture"


class LearnBasis(Operator):
    """Learn an orthonormal basis whose directions change the picture independently of each other.

    How much the change along one direction depends on where the code is along another is a mixed second derivative;
    the Hessian penalty estimates all of them at once. No labels. The result is named "0", "1", … by falling change of
    the picture.

    Source: Peebles et al., The Hessian Penalty, ECCV 2020, equations 3 to 5, and its use on a frozen BigGAN.
        Deviations: the basis is kept orthonormal by a rotation, not by Gram and Schmidt; the largest element is taken
        of each sample by itself; steps are counted in standard deviations of the codes.
    """

    count: Annotated[int, Field(ge=2)] | None = None
    """How many directions; left out, as many as a code has entries. Fewer are drawn to where little changes at all."""
    outputs: Annotated[tuple[str, ...], Field(min_length=1)] = (PICTURE,)
    """What shall change independently: "picture", names of synthesis layers, or several of them."""
    reduction: Literal["max", "mean"] = "max"
    """Of the penalties of all elements of an output: the largest, as in the paper, or the mean."""
    moves: Annotated[int, Field(ge=2)] = 2
    """Random moves whose second differences are compared, of each sample (k)."""
    epsilon: Positive = 0.1
    """Their length along each direction, in standard deviations of the codes."""
    space: str | None = None
    """Where the directions live; left out, the first space of single vectors that codes are mapped to, such as w, and
    without one the space that is sampled."""
    layers: Layers = "all"
    """The layers that move; also the default of an edit along the directions."""
    steps: Annotated[int, Field(ge=1)] = 500
    """Of the training."""
    rate: Positive = 0.01
    """Of Adam, for the angles of the rotation; it falls to 0."""
    batch_size: Annotated[int, Field(ge=1)] = 4
    """Samples of a step, each of which is drawn 1 + 2 * `moves` times."""
    seeds: Seeds = "0-9999"
    """The samples to learn from; each step draws some of them."""
    held_out: Seeds = "100000-100007"
    """Samples that it is tested on."""
    classes: Annotated[tuple[int | str, ...], Field(max_length=1)] = ()
    """Of a conditional generator: the class of all samples, as in `sample`; left out, each seed draws one."""
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0
    """Of the draws and of the rotation that the training starts from."""

    @model_validator(mode="after")
    def _sound(self) -> Self:
        check_held_out(self.seeds, self.held_out)
        if len(set(self.outputs)) != len(self.outputs):
            raise InterpganError("'outputs' names one twice; name each once")
        return self

    def check(self, generator: Generator) -> LearnedDirections:
        codes = self._codes(generator)
        size = codes.space.shape[0]
        if (self.count or 0) > size:
            raise InterpganError(
                f"{self.count} directions cannot be orthogonal in {codes.space.name}, whose codes have {size} entries; "
                f"give a 'count' of {size} at most"
            )
        codes.edit.mask(self.layers)
        for name in self.outputs:
            if name != PICTURE:
                generator.require_layer(name)
        rows = self.batch_size * (1 + 2 * self.moves)
        check_batch_size(generator, rows, rows)
        codes.of(codes.seeds[:1])
        names = map(str, range(self.count or size))
        return LearnedDirections(DirectionSet.expected(names, codes.space.name, generator, self.layers))

    def run(self, generator: Generator, folder: Path, scratch: Path, progress: Progress) -> LearnedDirections:
        from interpgan_hessian.learning import Settings, learn

        codes = self._codes(generator)
        settings = Settings(
            self.count or codes.space.shape[0], self.outputs, self.reduction, self.moves, self.epsilon,
            self.steps, self.rate, self.batch_size, Ranges(self.held_out), self.seed,
        )  # fmt: skip
        return learn(codes, settings, folder, scratch, progress)

    def _codes(self, generator: Generator) -> TrainingCodes:
        space = generator.vector_space(self.space)
        return TrainingCodes(generator, space, self.layers, Ranges(self.seeds), self.classes)
