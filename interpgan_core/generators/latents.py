"""What flows down a recipe: codes of a latent space, and the edits that wait for rendering."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from interpgan_core.errors import InterpganError, did_you_mean
from interpgan_core.files.checkpoints import read_safetensors, write_safetensors
from interpgan_core.generators.ranges import Ranges

if TYPE_CHECKING:
    from torch import Tensor


def seeded_normal(seeds: Sequence[int], shape: Sequence[int], stream: int = 0) -> Tensor:
    """Standard normal numbers, each row from its own seed alone.

    Args:
        seeds: n whole numbers from 0 to 2^32 - 1.
        shape: of one row.
        stream: 0 for codes; another number gives an independent row for the same seed.

    Returns:
        (n, *shape) float32 on the CPU; stream 0 is `numpy.random.RandomState(seed).randn(*shape)`.

    Source:
        The seeds of NVIDIA's gen_images.py: seed 85 here is the sample that it calls seed 85.
        RandomState's stream is frozen by numpy's compatibility policy (NEP 19).
    """
    import numpy as np
    import torch

    rows = np.empty((len(seeds), *shape), dtype=np.float32)
    random = np.random.RandomState()  # reseeding one costs a fraction of making one
    for i, seed in enumerate(seeds):
        random.seed([seed, stream] if stream else seed)
        rows[i] = random.randn(*shape)
    return torch.from_numpy(rows)


@dataclass(frozen=True, eq=False)
class LatentSpace:
    """A space of codes that a generator understands.

    Args:
        name: "z", "w", "w+", "s".
        shape: of one code: (512,), (18, 512), (9088,).
        layer_of: int, broadcastable to shape; the synthesis layer that each entry drives.
        base: "w" for "w+": directions of W apply here layer by layer.
        mean: (*shape) float32; the centre of the codes, for truncation.

    Example:
        >>> import torch
        >>> from interpgan_core import LatentSpace
        >>> space = LatentSpace("w+", (3, 2), torch.arange(3)[:, None], base="w")
        >>> space.mask("1-").tolist()
        [[False, False], [True, True], [True, True]]
        >>> space.takes("w"), space.takes("z")
        (True, False)
    """

    name: str
    shape: tuple[int, ...]
    layer_of: Tensor | None = None
    base: str | None = None
    mean: Tensor | None = None

    def layer_numbers(self, layers: str = "all") -> list[int]:
        """The synthesis layers that a range names here, ascending.

        Raises:
            InterpganError: if the space has no layers, or the range passes the last one.
        """
        if self.layer_of is None:
            raise InterpganError(
                f"space {self.name} has no layers to choose from; leave 'layers' at all, or move to w+ first"
            )
        present = sorted(set(self.layer_of.flatten().tolist()))
        if layers == "all":
            return present
        if max(map(int, re.findall(r"\d+", layers)), default=0) > present[-1]:
            those = (
                f"layers {present[0]} to {present[-1]}" if len(present) > 1 else f"layer {present[0]} alone"
            )
            raise InterpganError(f"layers {layers}: this generator has {those}")
        return sorted(set(Ranges(layers, last=present[-1])))

    def mask(self, layers: str = "all") -> Tensor:
        """Which entries of a code the named layers are driven by.

        Args:
            layers: "all" or a range such as "0-3,6".

        Returns:
            (*shape) bool.

        Raises:
            InterpganError: if the space has no layers, or the range names none that exists.
        """
        import torch

        if layers == "all":
            return torch.ones(self.shape, dtype=torch.bool)
        wanted = torch.tensor(self.layer_numbers(layers))
        assert self.layer_of is not None
        return torch.isin(self.layer_of.cpu(), wanted).expand(self.shape)

    def takes(self, space: str) -> bool:
        """Can a direction of `space` be added to codes of this space as it is?"""
        return space in (self.name, self.base)

    def to(self, device: Any) -> LatentSpace:
        """The same space with its mean on another device."""
        return replace(self, mean=None if self.mean is None else self.mean.to(device))


@dataclass(frozen=True, eq=False)
class FeatureEdit:
    """A change of a feature map: `x[:, units] <- x + weight * (value - x)`.

    Args:
        layer: name of a synthesis layer.
        units: channels.
        value: (n or 1, u, h or 1, w or 1) float32; zeros ablate.
        weight: broadcastable to value; 1 replaces, 0 leaves; a spatial mask is allowed.

    Example:
        >>> import torch
        >>> from interpgan_core import FeatureEdit
        >>> edit = FeatureEdit("layers.0", (1,), value=torch.zeros(1, 1, 1, 1), weight=torch.ones(1, 1, 1, 1))
        >>> edit.apply(torch.ones(1, 2, 1, 1)).flatten().tolist()
        [1.0, 0.0]
    """

    layer: str
    units: tuple[int, ...]
    value: Tensor
    weight: Tensor

    def apply(self, maps: Tensor) -> Tensor:
        """Args: maps: (n, c, h, w); Returns: the edited copy, same shape and type.

        Raises:
            InterpganError: if a unit does not exist, or value or weight does not fit the maps.
        """
        if max(self.units) >= maps.shape[1]:
            raise InterpganError(
                f"layer {self.layer} has units 0-{maps.shape[1] - 1}; there is no unit {max(self.units)}"
            )
        units = list(self.units)
        old = maps[:, units]
        value, weight = (t.to(maps.device, maps.dtype) for t in (self.value, self.weight))
        try:
            new = old + weight * (value - old)
            edited = maps.clone()
            edited[:, units] = new.expand_as(old)
        except RuntimeError as error:
            raise InterpganError(
                f"an edit of layer {self.layer} has a value {tuple(value.shape)} and a weight "
                f"{tuple(weight.shape)}, which do not fit maps {tuple(old.shape)}"
            ) from error
        return edited

    def select(self, index: Any, count: int) -> FeatureEdit:
        """The edit for some of the samples; tensors of one row serve them all."""

        def rows(t: Tensor) -> Tensor:
            return t[index] if t.ndim == 4 and t.shape[0] == count and count > 1 else t

        return replace(self, value=rows(self.value), weight=rows(self.weight))


@dataclass(frozen=True)
class Grid:
    """How the samples of a batch stand in a picture: row by row, one caption a column.

    Args:
        columns: captions; the batch holds rows x columns samples, row-major.
        origin: the column that shows the unedited sample, for difference maps.
        rows: names of the rows of each sample, where it has several; the batch holds them sample by sample.

    Example:
        >>> from interpgan_core import Grid
        >>> Grid(("-3", "0", "+3"), origin=1).columns[1]
        '0'
    """

    columns: tuple[str, ...]
    origin: int | None = None
    rows: tuple[str, ...] = ()

    @property
    def copies(self) -> int:
        """How often each sample stands in it."""
        return len(self.columns) * max(len(self.rows), 1)

    def row_name(self, sample: str, row: int) -> str:
        """The name of a row of the picture, whose sample is called `sample`."""
        return f"{sample}, {self.rows[row % len(self.rows)]}" if self.rows else sample


def check_equal_lengths(batches: Mapping[str, LatentBatch]) -> None:
    """Check that batches hold the same number of samples, to be compared one by one.

    Args:
        batches: by the names that messages call them by.

    Raises:
        InterpganError: if one has more or fewer than the first.
    """
    first = next(iter(batches), "")
    for name, batch in batches.items():
        if len(batch) != len(batches[first]):
            raise InterpganError(
                f"'{name}' has {len(batch)} samples and '{first}' {len(batches[first])}; give batches of the same "
                "samples"
            )


@dataclass(frozen=True, eq=False)
class LatentBatch:
    """Codes of one space, with everything needed to turn them into images.

    Args:
        codes: (n, *space.shape) float32.
        space: what the codes are.
        labels: (n, classes) float32 class weights, rows sum to 1; None = unconditional.
        seeds: (n,) int64, the seed of each sample; None after inversion.
        edits: changes of feature maps, applied in order when the batch is rendered.
        grid: the layout of a walk or a mix; None for plain samples.

    Raises:
        InterpganError: if the shapes contradict each other.

    Example:
        >>> from interpgan_core.testing import toy
        >>> batch = toy().sample([7, 8, 9])
        >>> len(batch), batch.space.name, batch.name_of(1), batch[1:].seeds.tolist()
        (3, 'z', 'seed 8', [8, 9])
    """

    codes: Tensor
    space: LatentSpace
    labels: Tensor | None = None
    seeds: Tensor | None = None
    edits: tuple[FeatureEdit, ...] = ()
    grid: Grid | None = None

    def __post_init__(self) -> None:
        if tuple(self.codes.shape[1:]) != tuple(self.space.shape):
            raise InterpganError(
                f"codes of space {self.space.name} have shape (n, {', '.join(map(str, self.space.shape))}), "
                f"not {tuple(self.codes.shape)}"
            )
        for name, rows in (("labels", self.labels), ("seeds", self.seeds)):
            if rows is not None and len(rows) != len(self.codes):
                raise InterpganError(f"{len(self.codes)} codes came with {len(rows)} {name}")
        if self.grid and len(self.codes) % self.grid.copies:
            lines = f"{len(self.grid.rows)} rows" if self.grid.rows else "rows"
            raise InterpganError(
                f"{len(self.codes)} codes do not fill {lines} of {len(self.grid.columns)} columns"
            )

    def __len__(self) -> int:
        return len(self.codes)

    def __repr__(self) -> str:
        names = [self.name_of(i) for i in range(min(len(self), 4))]
        more = ", …" if len(self) > 4 else ""
        edits = f", {len(self.edits)} edits of feature maps" if self.edits else ""
        what = f"{len(self)} codes of {self.space.name} {tuple(self.space.shape)}"
        return f"<LatentBatch: {what}: {', '.join(names)}{more}{edits}>"

    def __getitem__(self, index: Any) -> LatentBatch:
        """Some of the samples (a slice, a list or a tensor of positions); the grid is dropped."""
        if isinstance(index, int):
            index = slice(index, index + 1 or None)
        return replace(
            self,
            codes=self.codes[index],
            labels=None if self.labels is None else self.labels[index],
            seeds=None if self.seeds is None else self.seeds[index],
            edits=tuple(edit.select(index, len(self)) for edit in self.edits),
            grid=None,
        )

    def name_of(self, index: int) -> str:
        """The name of one of the samples: "seed 7"."""
        return f"sample {index}" if self.seeds is None else f"seed {int(self.seeds[index])}"

    def split(self, size: int) -> Iterator[LatentBatch]:
        """Consecutive parts of at most `size` samples."""
        for start in range(0, len(self), size):
            yield self[start : start + size]

    def repeat(self, times: int) -> LatentBatch:
        """Every sample `times` times in a row: a0 a0 a1 a1 …; the grid is dropped."""
        import torch

        return self[torch.arange(len(self)).repeat_interleave(times)]

    def check_pairs(self, other: LatentBatch) -> None:
        """Check that this batch has as many samples as another, or one for them all.

        Raises:
            InterpganError: if the numbers of samples differ.
        """
        if len(self) not in (1, len(other)):
            raise InterpganError(
                f"{len(self)} samples cannot be paired with {len(other)}; give one, or {len(other)}"
            )

    def paired_with(self, other: LatentBatch) -> LatentBatch:
        """This batch, one sample for each of another's; a batch of one serves them all.

        Raises:
            InterpganError: if the numbers of samples differ.
        """
        self.check_pairs(other)
        return self if len(self) == len(other) else self.repeat(len(other))

    def with_layers(self, layers: str, codes: Tensor) -> LatentBatch:
        """The same batch with other codes in some layers.

        Args:
            layers: "all" or a range such as "0-3,6".
            codes: (n, *space.shape) float32, on the same device.

        Returns:
            A batch whose codes come from `codes` in those layers, and are its own in the others.
        """
        mask = self.space.mask(layers).to(codes.device)
        return replace(self, codes=codes.where(mask, self.codes))

    def to(self, device: Any) -> Self:
        """The same batch with its codes and labels on another device."""
        return replace(
            self,
            codes=self.codes.to(device),
            labels=None if self.labels is None else self.labels.to(device),
        )

    def save(self, folder: Path) -> None:
        """Write `batch.safetensors` into the folder."""
        tensors = {"codes": self.codes}
        tensors |= {k: t for k, t in (("labels", self.labels), ("seeds", self.seeds)) if t is not None}
        edits = []
        for i, edit in enumerate(self.edits):
            tensors |= {f"edit.{i}.value": edit.value, f"edit.{i}.weight": edit.weight}
            edits.append({"layer": edit.layer, "units": edit.units})
        grid = self.grid and asdict(self.grid)
        header = {"space": self.space.name, "edits": edits, "grid": grid}
        write_safetensors(folder / "batch.safetensors", tensors, "batch", header)

    @classmethod
    def load(cls, folder: Path, generator: Any = None) -> Self:
        """Read what `save` wrote.

        Args:
            folder: a folder that holds `batch.safetensors`, or that file.
            generator: gives the space its layers and its mean.

        Returns:
            The batch, on the generator's device.

        Raises:
            InterpganError: if there is no generator, or it has no such space.
        """
        path = folder / "batch.safetensors" if folder.is_dir() else folder
        tensors, header = read_safetensors(path, "batch")
        if generator is None:
            raise InterpganError(f"{path} holds codes; load the generator that they belong to first")
        spaces: Mapping[str, LatentSpace] = generator.spaces
        if header["space"] not in spaces:
            raise InterpganError(
                f"{path} holds codes of space {header['space']}, which this generator does not have"
                + did_you_mean(header["space"], spaces)
            )
        edits = tuple(
            FeatureEdit(
                e["layer"], tuple(e["units"]), tensors[f"edit.{i}.value"], tensors[f"edit.{i}.weight"]
            )
            for i, e in enumerate(header["edits"])
        )
        grid = header["grid"] and Grid(
            tuple(header["grid"]["columns"]), header["grid"]["origin"], tuple(header["grid"].get("rows", ()))
        )
        batch = cls(
            tensors["codes"],
            spaces[header["space"]],
            tensors.get("labels"),
            tensors.get("seeds"),
            edits,
            grid,
        )
        return batch.to(generator.device)
