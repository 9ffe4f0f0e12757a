"""The operator `interpretable.partition`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import Field

from interpgan_core import (
    Generator,
    Operator,
    Progress,
    Ranges,
    Report,
    Seeds,
    Table,
    check_batch_size,
    read_safetensors,
    write_safetensors,
)
from interpgan_interpretable.layers import Filters, iter_maps

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Partition:
    """Filters of a layer, in groups.

    Args:
        layer: its name.
        generator: the fingerprint of the generator.
        groups: (m,) int64; the concept of each filter, from 0, the largest first; -1 for a filter that is never active.
        centres: (c, h, w) float32; the mean map of each concept, of filters of unit root mean square.
        standard_deviations: (c,) float32; of its filters' maps about that, at each position.
        notes: how it was found; JSON values.
    """

    layer: str
    generator: str
    groups: Tensor
    centres: Tensor
    standard_deviations: Tensor
    notes: Mapping[str, Any]

    @property
    def concepts(self) -> dict[str, tuple[str, Filters]]:
        """name -> (layer, units), as a generator has them; names are "0", "1", …"""
        return {
            str(c): (self.layer, tuple((self.groups == c).nonzero().flatten().tolist()))
            for c in range(len(self.centres))
        }

    def save(self, folder: Path) -> None:
        """Write `partition.safetensors` into the folder."""
        names = ("groups", "centres", "standard_deviations")
        header = {"layer": self.layer, "generator": self.generator, "notes": dict(self.notes)}
        tensors = {name: getattr(self, name) for name in names}
        write_safetensors(folder / "partition.safetensors", tensors, "partition", header)

    @classmethod
    def load(cls, folder: Path, generator: Generator | None = None) -> Self:
        """Read what `save` wrote; `folder` may be the file itself."""
        path = folder / "partition.safetensors" if folder.is_dir() else folder
        tensors, header = read_safetensors(path, "partition")
        # The word of files of earlier versions.
        tensors = {{"deviations": "standard_deviations"}.get(name, name): t for name, t in tensors.items()}
        return cls(header["layer"], header["generator"], notes=header["notes"], **tensors)

    def summary(self) -> Report:
        """For the report: the concepts, and their shares of the filters."""
        from interpgan_interpretable.partition.mixture import MIN_FILTERS

        rows = tuple(
            (name, len(units), 100 * len(units) / len(self.groups), spread)
            for (name, (_, units)), spread in zip(
                self.concepts.items(), self.standard_deviations.tolist(), strict=True
            )
        )
        silent = int((self.groups < 0).sum())
        note = (
            f"{len(rows)} of {self.notes['asked']} concepts are in use; the others had fewer than {MIN_FILTERS} "
            "filters and were dropped."
            + (f" {silent} filters are never active and belong to none." if silent else "")
            + " Standard deviation: of the filters' maps about the concept's mean map, where each filter has a root "
            "mean square of 1."
        )
        columns = ("concept", "filters", "% of filters", "standard deviation")
        return Report(tables=(Table(f"Concepts of {self.layer}", columns, rows, note),))


class FindPartition(Operator):
    """Sort the filters of a layer into concepts: groups whose feature maps are alike on every sample.

    It needs no training and no labels, and works on any layer of any generator. Maps count where they are above 0.

    Source: Li et al., Interpretable Generative Adversarial Networks, AAAI 2022, equation 2. Deviations: see `fit`;
        each filter's maps are divided by their root mean square, so that strong filters do not outweigh weak ones.
    """

    layer: str
    """Name of a synthesis layer; the paper takes one of 32 x 32 positions."""
    concepts: Annotated[int, Field(ge=2)] = 24
    """Number of initial groups; those that end with a single filter are dropped."""
    seeds: Seeds = "0-1999"
    """The samples; they are streamed, none is kept."""
    restarts: Annotated[int, Field(ge=1)] = 10
    """Number of fits, of which the most likely is taken."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Of the initial groups."""
    batch_size: Annotated[int, Field(ge=1)] = 16
    """Samples at once."""

    def check(self, generator: Generator) -> None:
        generator.require_layer(self.layer)
        check_batch_size(generator, self.batch_size, len(Ranges(self.seeds)))

    def run(self, generator: Generator, progress: Progress) -> Partition:
        """Find it.

        Raises:
            InterpganError: if there is no such layer, or it has too few filters.
        """
        import torch

        from interpgan_interpretable.partition import mixture
        from interpgan_interpretable.partition.moments import moments

        sums = moments(iter_maps(generator, Ranges(self.seeds), self.layer, self.batch_size, progress))
        active = sums.squares > 0
        found = mixture.fit(sums.of(active).normalised(), self.concepts, self.restarts, self.seed)
        groups = torch.full((len(active),), -1).masked_scatter(active, found.groups)
        one = generator.features(generator.sample([0]), [self.layer])[self.layer]
        return Partition(
            layer=self.layer,
            generator=generator.fingerprint,
            groups=groups,
            centres=found.mixture.centres.view(-1, *one.shape[2:]).float(),
            standard_deviations=found.mixture.variances.sqrt().float(),
            notes={"samples": sums.count, "asked": self.concepts, "likelihood": found.likelihood},
        )
