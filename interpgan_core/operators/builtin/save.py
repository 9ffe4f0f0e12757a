"""The step `save`: a result in a file of the output folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, model_validator

from interpgan_core.errors import InterpganError
from interpgan_core.generators.directions import Direction, DirectionSet
from interpgan_core.generators.generator import Generator
from interpgan_core.generators.latents import LatentBatch
from interpgan_core.generators.movers import Mover, MoverSet
from interpgan_core.operators.base import Operator
from interpgan_core.operators.fields import Input, Reference
from interpgan_core.operators.scores import Scores
from interpgan_core.pictures.report import Report


def _plain_name(value: str) -> str:
    if (
        Path(value).name != value
        or "\\" in value
        or Path(value).suffix not in (".safetensors", ".csv", ".npy", ".npz")
    ):
        raise InterpganError(
            f"'{value}' must be a plain file name that ends in .safetensors, .csv, .npy or .npz"
        )
    return value


_WRITTEN: dict[str, tuple[type, ...]] = {
    ".safetensors": (LatentBatch, Mover, MoverSet, Scores),
    ".csv": (Scores, MoverSet, Report),
    ".npy": (Direction, DirectionSet, LatentBatch),
    ".npz": (LatentBatch,),
}
"""What can be written into a file that ends so."""


class Save(Operator):
    """Write a result into the output folder, under a name of your own.

    .safetensors for a batch, directions, movers or scores (`load`, `directions`, `movers` and Python read it back),
    .csv for scores and for the tables of a result (several as x-1.csv, x-2.csv …). For other tools: .npy for one
    direction or for the codes of a batch, (n, d) or (n, l, d); .npz for codes of w or w+ as NVIDIA's projector leaves
    them: `w`, (n, l, d).

    Example:
        >>> from pathlib import Path
        >>> from interpgan_core import Save
        >>> from interpgan_core.testing import toy
        >>> Save(file="people.safetensors").run(Path("."), toy().sample([7])).notes
        ('Saved as people.safetensors',)
    """

    file: Annotated[str, AfterValidator(_plain_name)]
    """A plain file name: recipes write nowhere but into their output folder."""
    what: Input[MoverSet] | Input[Mover] | Input[Scores] | Input[LatentBatch] | Input[Report] | None = None
    """The result of a step; the current batch when left out."""

    @model_validator(mode="after")
    def _writable(self) -> Self:
        what = LatentBatch if self.what is None else self.what
        kind = what if isinstance(what, type) else what.result if isinstance(what, Reference) else type(what)
        fitting = [suffix for suffix, kinds in _WRITTEN.items() if issubclass(kind, kinds)]
        if Path(self.file).suffix not in fitting:
            raise InterpganError(
                f"a {kind.__name__} cannot be written as {Path(self.file).suffix}; use {' or '.join(fitting)}"
            )
        return self

    def check(self) -> None:
        if Path(self.file).suffix == ".npy" and isinstance(self.what, DirectionSet):
            _only(self.what)

    def run(
        self,
        folder: Path | None = None,
        batch: LatentBatch | None = None,
        generator: Generator | None = None,
    ) -> Report:
        if folder is None:
            raise InterpganError(
                f"into which folder? Save(...).run(Path('results')) writes results/{self.file}"
            )
        result = batch if self.what is None else self.what
        if result is None:
            raise InterpganError("there is nothing to save; add what: $step")
        path, names = folder / self.file, [self.file]
        if path.suffix == ".npy" and isinstance(result, DirectionSet):
            result = _only(result)
        if path.suffix == ".csv" and isinstance(result, Scores):
            result.write_csv(path)
        elif path.suffix == ".csv" and isinstance(result, Report | MoverSet):
            names = _write_tables(result if isinstance(result, Report) else result.summary(), path)
        elif path.suffix == ".npy" and isinstance(result, Direction):
            import numpy as np

            np.save(path, result.vector.numpy()[None])
        elif path.suffix in (".npy", ".npz") and isinstance(result, LatentBatch):
            _write_codes(result, path, generator)
        else:
            result.save(folder)
            next(folder.glob("*.safetensors")).rename(path)
        return Report(notes=(f"Saved as {', '.join(names)}",))


def _only(directions: DirectionSet) -> Direction:
    if len(directions) != 1:
        raise InterpganError(
            f"a .npy holds one direction, and these are {len(directions)}: {', '.join(list(directions)[:6])}; "
            "pick one, or use .safetensors"
        )
    return next(iter(directions.values()))


def _write_tables(report: Report, path: Path) -> list[str]:
    """The table of a report; several as x-1.csv, x-2.csv …; their names."""
    if not report.tables:
        raise InterpganError("this result has no table; .csv is for scores and for what shows tables")
    several = len(report.tables) > 1
    paths = [path.with_stem(f"{path.stem}-{n}") if several else path for n, _ in enumerate(report.tables, 1)]
    for table, place in zip(report.tables, paths, strict=True):
        table.write_csv(place)
    return [place.name for place in paths]


def _write_codes(batch: LatentBatch, path: Path, generator: Generator | None) -> None:
    """Codes as other tools read them; edits of feature maps, seeds and classes have no place there."""
    import numpy as np

    if batch.edits:
        raise InterpganError(
            f"these samples have edits of feature maps, which {path.suffix} cannot keep; use .safetensors"
        )
    if path.suffix == ".npy":
        np.save(path, batch.codes.cpu().numpy())
        return
    if generator is not None and batch.space.name == "w" and "w+" in generator.spaces:
        batch = generator.to_space(batch, "w+")
    if batch.space.name not in ("w+", "z"):
        raise InterpganError(
            f"codes of {batch.space.name} have no .npz of their own; use .npy or .safetensors"
        )
    codes = batch.codes.cpu().numpy()
    if batch.space.name == "z":
        np.savez(path, z=codes)
    else:
        np.savez(path, w=codes)
