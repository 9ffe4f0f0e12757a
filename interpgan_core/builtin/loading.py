"""Generators, batches and directions from files, and results into files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field, StrictBool, ValidationInfo

from interpgan_core.directions import Direction, DirectionSet
from interpgan_core.errors import InterpganError
from interpgan_core.generator import Generator
from interpgan_core.latents import LatentBatch
from interpgan_core.models import Noise, Precision, load_generator
from interpgan_core.operators import Input, InputFile, Operator, Scores, existing
from interpgan_core.plugins import plugins
from interpgan_core.published import load_directions
from interpgan_core.ranges import Layers
from interpgan_core.report import Report


def _model_or_file(value: Any, info: ValidationInfo) -> Any:
    if not isinstance(value, str) or value in plugins().models:
        return value
    try:
        return existing(value, info)
    except InterpganError as error:
        if "/" not in value and not Path(value).suffix and value.strip():
            plugins().get("models", value)  # says which names are close
        raise InterpganError(f"{error}, and no model of that name; see interpgan-run --list models") from None


class LoadGenerator(Operator):
    """Load a generator: a named model, a checkpoint, or a folder."""

    keep: ClassVar[bool] = False
    family: ClassVar[str | None] = None
    """A plugin subclasses this with the name of its backbone, and the options that its family alone has."""

    weights: Annotated[Path | str, BeforeValidator(_model_or_file)]
    """A name from `interpgan-run --list models`, or a file."""
    noise: Noise = "const"
    """const: the file's own; none; random: from each sample's seed."""
    precision: Precision = "float32"
    resolution: int | None = Field(default=None, strict=True)
    """A smaller output, where the model offers one."""

    def sources(self) -> Iterable[Path]:
        if not isinstance(self.weights, str):
            return ()
        shipped: Path | None = getattr(plugins().models[self.weights].load(), "shipped", None)
        return () if shipped is None else (shipped,)

    def run(self, device: str) -> Generator:
        options = {name: getattr(self, name) for name in type(self).model_fields if name != "weights"}
        return load_generator(self.weights, family=self.family, device=device, **options)


class LoadBatch(Operator):
    """Load a batch of codes that `save` wrote."""

    keep: ClassVar[bool] = False

    file: InputFile

    def run(self, generator: Generator) -> LatentBatch:
        return LatentBatch.load(self.file, generator)


class LoadDirections(Operator):
    """Load directions from any published format; what the file does not say, the step must."""

    keep: ClassVar[bool] = False

    file: InputFile
    space: str | None = None
    """The space they live in: z, w, w+."""
    layers: Layers | None = None
    """Default layers of the edit, in place of the file's."""
    flip: StrictBool = False
    """Turn every direction round."""

    def run(self) -> DirectionSet:
        return load_directions(self.file, self.space, self.layers, self.flip)


def _plain_name(value: str) -> str:
    if (
        Path(value).name != value
        or "\\" in value
        or Path(value).suffix not in (".safetensors", ".csv", ".npy")
    ):
        raise InterpganError(f"'{value}' must be a plain file name that ends in .safetensors, .csv or .npy")
    return value


class Save(Operator):
    """Write a result into the output folder, under a name of your own.

    .safetensors for a batch, directions or scores (`load`, `directions` and Python read it back), .csv for
    scores, .npy for one direction (other tools read it).
    """

    file: Annotated[str, AfterValidator(_plain_name)]
    """A plain file name: recipes write nowhere but into their output folder."""
    what: Input[Direction] | Input[DirectionSet] | Input[Scores] | Input[LatentBatch] | None = None
    """The result of a step; the current batch when left out."""

    def run(self, folder: Path, batch: LatentBatch | None = None) -> Report:
        result = batch if self.what is None else self.what
        if result is None:
            raise InterpganError("there is nothing to save; add what: $step")
        path = folder / self.file
        if path.suffix == ".csv" and isinstance(result, Scores):
            result.write_csv(path)
        elif path.suffix == ".npy" and isinstance(result, Direction):
            import numpy as np

            np.save(path, result.vector.numpy()[None])
        elif path.suffix == ".safetensors":
            result.save(folder)
            next(folder.glob("*.safetensors")).rename(path)
        else:
            raise InterpganError(
                f"a {type(result).__name__} cannot be written as {path.suffix}; use .safetensors"
            )
        return Report(notes=(f"Saved as {self.file}",))
