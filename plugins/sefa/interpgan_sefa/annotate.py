"""The operator `sefa.annotate`."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from interpgan_core import (
    Direction,
    DirectionSet,
    Generator,
    Input,
    InterpganError,
    Operator,
    Progress,
    Sample,
    Scorer,
    Seeds,
    Shift,
)
from interpgan_sefa.measuring import changes, cosines
from interpgan_sefa.naming import Named, named

SetName = Annotated[str, Field(pattern=r"^[\w-]+$")]


class Annotate(Operator):
    """Name directions after attributes: by boundaries that are known, or by moving samples and scoring them again.

    Of every attribute the result has the direction closest to it, turned to more of it: `$named.smile`, or of
    several sets side by side `$named.sefa.smile`. One direction may be closest to several attributes.

    Source: Shen & Zhou, Closed-Form Factorization of Latent Semantics in GANs, CVPR 2021, tables 1 and 2.
    """

    directions: Input[DirectionSet] | Annotated[dict[SetName, Input[DirectionSet]], Field(min_length=1)]
    """Of SeFa, GANSpace or anything else: one set, or several by their names."""
    boundaries: Input[DirectionSet] | Annotated[dict[str, Input[Direction]], Field(min_length=1)] | None = (
        None
    )
    """One an attribute, in the same space: closest is the one of greatest cosine, whatever its sign."""
    scorer: Input[Scorer] | None = None
    """In place of boundaries: closest is the one along which the score changes most."""
    strength: Annotated[float, Field(gt=0, strict=True, allow_inf_nan=False)] = 2.0
    """For the scorer: how far samples move along every direction."""
    unit: Literal["space", "sigma"] = "space"
    """As in `walk`."""
    seeds: Seeds = "0-199"
    """For the scorer: the samples."""
    batch_size: Annotated[int, Field(ge=1, strict=True)] = 16
    """For the scorer: pictures at once."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.boundaries is None) == (self.scorer is None):
            raise InterpganError("name either by boundaries or by a scorer; for both, write two steps")
        return self

    def run(self, progress: Progress, generator: Generator | None = None) -> Named:
        sets = self.directions if isinstance(self.directions, dict) else {"": self.directions}
        if not all(len(some) for some in (*sets.values(), self.boundaries) if some is not None):
            raise InterpganError("one of these sets is empty; give sets of one direction at least")
        if self.boundaries is not None:
            attributes = tuple(self.boundaries)
            shares = {key: cosines(directions, self.boundaries) for key, directions in sets.items()}
            note = "Cosine of each direction, as it was found, with each boundary; cosine distance: 1 - |cosine|."
            return named(sets, attributes, shares, "cosine", note)
        assert self.scorer is not None
        if generator is None:
            raise InterpganError("a scorer needs pictures; put {use: generator, …} before this step")
        batch = Sample(seeds=self.seeds).run(generator)
        shares = {}
        for key, directions in sets.items():
            moved = (
                Shift(direction=one, strength=self.strength, unit=self.unit).run(batch, generator)
                for one in directions.values()
            )
            shown = progress(moved, total=len(directions), what=f"moving along {len(directions)} directions")
            shares[key] = changes(shown, batch, generator, self.scorer, self.batch_size)
        moves = f"{self.strength:g}" + (" standard deviations" if self.unit == "sigma" else "")
        note = f"Mean change of the score as {len(batch)} samples move by {moves} along the direction as it was found."
        return named(sets, self.scorer.names, shares, "change", note)
