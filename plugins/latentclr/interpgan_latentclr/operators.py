"""The operators `latentclr` and `latentclr.conditional`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from interpgan_core import Direction, DirectionSet, Generator, InterpganError, Operator, Progress
from interpgan_latentclr.movers import ContrastDirections, ContrastMover, ContrastMovers, curve_table

if TYPE_CHECKING:
    from interpgan_latentclr.contrast import Found
    from interpgan_latentclr.steps import Kind


class _Contrast(Operator):
    """What both share."""

    count: Annotated[int, Field(ge=2, le=1000)] = 10
    """How many ways to tell apart."""
    space: str | None = None
    """Whose codes move; left out, the first space of single vectors that codes are mapped to, such as w, and without
    one the space that is sampled."""
    layer: str | None = None
    """The layer whose maps are compared; the middle one when left out."""
    alpha: Annotated[float, Field(gt=0)] = 0.1
    """How far codes are moved in training, in units of the space."""
    temperature: Annotated[float, Field(gt=0)] = 0.5
    """Of the contrast; a smaller one looks at those that are most alike."""
    steps: Annotated[int, Field(ge=1)] = 300
    """Of training."""
    batch_size: Annotated[int, Field(ge=2)] = 4
    """Samples in a step; each is moved every way."""
    rate: Annotated[float, Field(gt=0)] = 0.01
    """The highest learning rate."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Of everything that is drawn."""

    def _space(self, generator: Generator) -> str:
        return generator.vector_space(self.space).name

    def _layer(self, generator: Generator) -> str:
        if not generator.layers:
            raise InterpganError(
                "this generator names no layers, whose maps are compared; take another method"
            )
        if self.layer is not None:
            generator.require_layer(self.layer)
        own = generator.own_layers
        return own[len(own) // 2] if self.layer is None else self.layer

    def _names(self) -> list[str]:
        return [str(number) for number in range(self.count)]

    def _found(self, generator: Generator, kind: Kind, scratch: Path, progress: Progress) -> Found:
        from interpgan_latentclr.contrast import Settings, trained

        settings = Settings(
            kind, self.count, self._layer(generator), self.alpha, self.temperature, self.steps, self.batch_size,
            self.rate, self.seed,
        )  # fmt: skip
        return trained(generator, self._space(generator), settings, scratch, progress)


class FindDirections(_Contrast):
    """Find directions whose effects on a layer's maps differ from each other, and are alike from sample to sample.

    Nothing but the generator is used: each of some samples is moved along every direction, and the changes of the
    feature maps are contrasted. The result is named "0", "1", … in descending order of how alike a direction's effects
    are.

    Source: Yüksel et al., LatentCLR, ICCV 2021, section 3, the global variant: equation 2, with absolute cosines, as
        published. Deviations: fewer samples and a higher rate, which falls, so that it takes minutes.
    """

    def check(self, generator: Generator) -> ContrastDirections:
        self._layer(generator)
        return ContrastDirections(DirectionSet.expected(self._names(), self._space(generator), generator))

    def run(self, generator: Generator, scratch: Path, progress: Progress) -> ContrastDirections:
        found = self._found(generator, "global", scratch, progress)
        vectors = found.steps.biases[0].detach().double()
        signs = vectors.gather(1, vectors.abs().argmax(1, keepdim=True)).sign()
        space = self._space(generator)
        directions = {
            name: Direction(vector, space, generator=generator.fingerprint, notes=_notes(found, i))
            for i, (name, vector) in enumerate(zip(self._names(), signs * vectors, strict=True))
        }
        return ContrastDirections(directions, (curve_table(found.curve),))


class LearnMovers(_Contrast):
    """Learn movers that go from each code its own way, by the same contrast.

    A strength of 1 moves a code by 1, as along a direction. The result is named as that of `latentclr`.

    Source: Yüksel et al., LatentCLR, ICCV 2021, section 3, the conditional variants.
    """

    kind: Literal["linear", "mlp"] = "linear"
    """How the way depends on the code: a linear function, or a network of three layers."""

    def check(self, generator: Generator) -> ContrastMovers:
        self._layer(generator)
        return ContrastMovers.expected(self._names(), self._space(generator), generator)

    def run(self, generator: Generator, scratch: Path, progress: Progress) -> ContrastMovers:
        found = self._found(generator, self.kind, scratch, progress)
        weights = {name: tensor.detach() for name, tensor in found.steps.state_dict().items()}
        space = self._space(generator)
        return ContrastMovers(
            {
                name: ContrastMover(
                    space=space, generator=generator.fingerprint, notes=_notes(found, i), kind=self.kind,
                    weights=weights, row=i, curve=found.curve,
                )
                for i, name in enumerate(self._names())
            }
        )  # fmt: skip


def _notes(found: Found, row: int) -> dict[str, float]:
    return {
        "sigma": float(found.sigma[row]),
        "agreement": float(found.agreement[row]),
        "overlap": float(found.overlap[row]),
    }
