"""The operators `interpretable.partition` and `interpretable.concepts`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import Field

from interpgan_core import (
    Generator,
    Input,
    InterpganError,
    Operator,
    Progress,
    Ranges,
    Report,
    Seeds,
    Table,
    read_safetensors,
    write_safetensors,
)
from interpgan_interpretable.layers import stream_maps
from interpgan_interpretable.partition import mixture
from interpgan_interpretable.partition.moments import moments

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Partition:
    """Filters of a layer, in groups.

    Args:
        layer: its name.
        generator: the fingerprint of the generator.
        groups: (m,) int64; the concept of each filter, from 0, the largest first; -1 for one that never answers.
        centres: (c, h, w) float32; the mean map of each concept, of filters of unit root mean square.
        sigmas: (c,) float32; standard deviation of its filters' maps from it at each position.
        notes: how it was found; JSON values.
    """

    layer: str
    generator: str
    groups: Tensor
    centres: Tensor
    deviations: Tensor
    notes: Mapping[str, Any]

    @property
    def concepts(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """name -> (layer, units), as a generator has them; names are "0", "1", …"""
        return {
            str(c): (self.layer, tuple((self.groups == c).nonzero().flatten().tolist()))
            for c in range(len(self.centres))
        }

    def save(self, folder: Path) -> None:
        """Write `partition.safetensors` into the folder."""
        tensors = {"groups": self.groups, "centres": self.centres, "deviations": self.deviations}
        header = {"layer": self.layer, "generator": self.generator, "notes": dict(self.notes)}
        write_safetensors(folder / "partition.safetensors", tensors, "partition", header)

    @classmethod
    def load(cls, folder: Path, generator: Generator | None = None) -> Self:
        """Read what `save` wrote; `folder` may be the file itself."""
        path = folder / "partition.safetensors" if folder.is_dir() else folder
        tensors, header = read_safetensors(path, "partition")
        return cls(header["layer"], header["generator"], notes=header["notes"], **tensors)

    def summary(self) -> Report:
        """What the report shows of it: the concepts, and their shares of the filters."""
        rows = tuple(
            (name, len(units), 100 * len(units) / len(self.groups), deviation)
            for (name, (_, units)), deviation in zip(
                self.concepts.items(), self.deviations.tolist(), strict=True
            )
        )
        silent = int((self.groups < 0).sum())
        note = (
            f"{len(rows)} of {self.notes['asked']} concepts are in use; the others had kept fewer than "
            f"{mixture.SMALLEST} filters."
            + (f" {silent} filters never answer and are in none." if silent else "")
            + " Deviation: of the filters' maps from the concept's centre, where the root mean square of each is 1."
        )
        table = Table(
            f"Concepts of {self.layer}", ("concept", "filters", "% of filters", "deviation"), rows, note
        )
        return Report(tables=(table,))


class FindPartition(Operator):
    """Sort the filters of a layer into concepts: groups whose feature maps are alike on every sample.

    Nothing is trained and nothing labelled; any layer of any generator will do. Maps count where they are above 0.

    Source: Li et al., Interpretable Generative Adversarial Networks, AAAI 2022, equation 2. Deviations: see `fit`;
        each filter's maps are divided by their root mean square, so that loud filters do not outweigh quiet ones.
    """

    layer: str
    """Name of a synthesis layer; the paper takes one of 32 x 32 positions."""
    concepts: Annotated[int, Field(ge=2, strict=True)] = 24
    """How many to look for; those that end with a single filter are given up."""
    seeds: Seeds = "0-1999"
    """The samples; they are drawn in a stream, none is kept."""
    restarts: Annotated[int, Field(ge=1, strict=True)] = 10
    """The likeliest of so many fits is taken."""
    seed: Annotated[int, Field(ge=0, lt=2**31, strict=True)] = 0
    """Of the fits' starts."""
    batch_size: Annotated[int, Field(ge=1, strict=True)] = 16
    """Samples at once."""

    def run(self, generator: Generator, progress: Progress) -> Partition:
        """Find it.

        Raises:
            InterpganError: if there is no such layer, or it has too few filters.
        """
        import torch

        statistics = moments(
            stream_maps(generator, Ranges(self.seeds), self.layer, self.batch_size, progress)
        )
        answers = statistics.squares > 0
        found = mixture.fit(statistics.of(answers).normalised(), self.concepts, self.restarts, self.seed)
        groups = torch.full((len(answers),), -1).masked_scatter(answers, found.groups)
        one = generator.features(generator.sample([0]), [self.layer])[self.layer]
        return Partition(
            layer=self.layer,
            generator=generator.fingerprint,
            groups=groups,
            centres=found.mixture.centres.view(-1, *one.shape[2:]).float(),
            deviations=found.mixture.variances.sqrt().float(),
            notes={"samples": statistics.count, "asked": self.concepts, "likelihood": found.likelihood},
        )


class UseConcepts(Operator):
    """The generator with a partition's concepts, which the steps below know by name: `exchange: {concept: "3"}`."""

    keep: ClassVar[bool] = False

    partition: Input[Partition]
    """Of this very generator."""

    def run(self, generator: Generator) -> Generator:
        """Name them.

        Raises:
            InterpganError: if the partition is another generator's.
        """
        return with_concepts(generator, self.partition)


def with_concepts(generator: Generator, partition: Partition) -> Generator:
    """The same network and weights, with concepts; the generator itself stays as it is."""
    if partition.generator != generator.fingerprint:
        raise InterpganError(
            "this partition was found in another generator; run interpretable.partition on this one"
        )
    return generator.with_concepts(partition.concepts)
