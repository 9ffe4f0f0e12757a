"""What flows down a recipe: codes of a latent space, and the edits that wait for rendering."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from interpgan_core.errors import InterpganError, did_you_mean
from interpgan_core.files.checkpoints import read_safetensors, write_safetensors
from interpgan_core.generators.spaces import LatentSpace

if TYPE_CHECKING:
    from torch import Tensor


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
        value, weight = (_rows(t, index, count) for t in (self.value, self.weight))
        return replace(self, value=value, weight=weight)

    def edits(self, generator: Any) -> tuple[FeatureEdit, ...]:
        """Itself."""
        return (self,)


def _rows(tensor: Tensor, index: Any, count: int) -> Tensor:
    """Those of some of `count` samples; a tensor of one row serves them all."""
    return tensor[index] if tensor.ndim == 4 and tensor.shape[0] == count and count > 1 else tensor


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
        edits: changes of feature maps, applied in order when the batch is rendered; a `SourceEdit` stands for several.
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
    edits: tuple[FeatureEdit | SourceEdit, ...] = ()
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
        tensors, header = self._packed()
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
        return cls._unpacked(tensors, header, spaces, path).to(generator.device)

    def _packed(self, prefix: str = "") -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Everything, as tensors whose names begin with the prefix, and JSON values."""
        tensors = {f"{prefix}codes": self.codes}
        rows = (("labels", self.labels), ("seeds", self.seeds))
        tensors |= {prefix + name: t for name, t in rows if t is not None}
        edits: list[dict[str, Any]] = []
        for i, edit in enumerate(self.edits):
            own = f"{prefix}edit.{i}."
            tensors[f"{own}weight"] = edit.weight
            if isinstance(edit, FeatureEdit):
                tensors[f"{own}value"] = edit.value
                edits.append({"layer": edit.layer, "units": edit.units})
            else:
                more, source = edit.source._packed(f"{own}source.")
                tensors |= more
                edits.append({"layers": edit.layers, "source": source})
        grid = self.grid and asdict(self.grid)
        return tensors, {"space": self.space.name, "edits": edits, "grid": grid}

    @classmethod
    def _unpacked(
        cls,
        tensors: Mapping[str, Tensor],
        header: Mapping[str, Any],
        spaces: Mapping[str, LatentSpace],
        path: Path,
        prefix: str = "",
    ) -> Self:
        if header["space"] not in spaces:
            raise InterpganError(
                f"{path} holds codes of space {header['space']}, which this generator does not have"
                + did_you_mean(header["space"], spaces)
            )
        edits: list[FeatureEdit | SourceEdit] = []
        for i, edit in enumerate(header["edits"]):
            own = f"{prefix}edit.{i}."
            weight = tensors[f"{own}weight"]
            if "source" in edit:
                source = cls._unpacked(tensors, edit["source"], spaces, path, f"{own}source.")
                edits.append(SourceEdit(tuple(edit["layers"]), source, weight))
            else:
                edits.append(FeatureEdit(edit["layer"], tuple(edit["units"]), tensors[f"{own}value"], weight))
        grid = header["grid"] and Grid(
            tuple(header["grid"]["columns"]), header["grid"]["origin"], tuple(header["grid"].get("rows", ()))
        )
        return cls(
            tensors[f"{prefix}codes"],
            spaces[header["space"]],
            tensors.get(f"{prefix}labels"),
            tensors.get(f"{prefix}seeds"),
            tuple(edits),
            grid,
        )


@dataclass(frozen=True, eq=False)
class SourceEdit:
    """Other samples' maps, in several layers, where a mask says: `x <- x + weight * (their x - x)`.

    They are drawn beside the samples, one by one as these are: maps of many layers are never kept.

    Args:
        layers: names of synthesis layers, in forward order.
        source: as many samples as the batch has.
        weight: (n or 1, 1, h, w) from 0 to 1; resized to the maps of each layer.

    Example:
        >>> import torch
        >>> from dataclasses import replace
        >>> from interpgan_core import SourceEdit
        >>> from interpgan_core.testing import toy
        >>> generator = toy()
        >>> batch, source = generator.sample([7]), generator.sample([8])
        >>> everywhere = SourceEdit(("layers.4", "layers.5"), source, torch.ones(1, 1, 1, 1))
        >>> maps = generator.features(replace(batch, edits=(everywhere,)), ["layers.5"])["layers.5"]
        >>> torch.allclose(maps, generator.features(source, ["layers.5"])["layers.5"], atol=1e-6)
        True
    """

    layers: tuple[str, ...]
    source: LatentBatch
    weight: Tensor

    @property
    def layer(self) -> str:
        """The first of the layers: what is before it is the sample's own."""
        return self.layers[0]

    def edits(self, generator: Any) -> tuple[FeatureEdit, ...]:
        """What it comes to.

        Args:
            generator: that draws the batch.

        Returns:
            One edit a layer, with the source's maps.
        """
        import torch

        maps = generator.features(self.source, self.layers)
        found = []
        for layer, value in maps.items():
            weight = torch.nn.functional.interpolate(
                self.weight.to(value.device), size=value.shape[2:], mode="bilinear", align_corners=False
            )
            found.append(FeatureEdit(layer, tuple(range(value.shape[1])), value, weight))
        return tuple(found)

    def select(self, index: Any, count: int) -> SourceEdit:
        """The edit for some of the samples."""
        return replace(self, source=self.source[index], weight=_rows(self.weight, index, count))
