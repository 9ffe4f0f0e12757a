"""The step `pictures`: samples of many seeds as files."""

from __future__ import annotations

from pathlib import Path

from interpgan_core.files.atomic import placing, sweep
from interpgan_core.generators.generator import Generator
from interpgan_core.generators.ranges import Ranges, Seeds
from interpgan_core.operators.base import Operator
from interpgan_core.operators.builtin.pixels import MARK, BatchSize, Format, check_pixels, pixels_of
from interpgan_core.pictures import images
from interpgan_core.pictures.report import Report
from interpgan_core.progress import Progress


class RenderSamples(Operator):
    """Render samples into a folder `pictures`, each into a file that its seed names, to be scored elsewhere.

    In constant memory, whatever their number. A run that was stopped goes on with those that are not there yet.

    Example:
        >>> from pathlib import Path
        >>> from interpgan_core import RenderSamples, quiet
        >>> from interpgan_core.testing import toy
        >>> Path("scratch").mkdir()
        >>> _ = RenderSamples(seeds="7,8").run(toy(), Path("."), Path("scratch"), quiet)
        >>> sorted(path.name for path in Path("pictures").iterdir())
        ['seed000007.png', 'seed000008.png']
    """

    seeds: Seeds
    format: Format = "png"
    batch_size: BatchSize = 8
    """As of `render`."""

    def check(self, generator: Generator) -> None:
        check_pixels(generator, self.batch_size, len(Ranges(self.seeds)))

    def run(self, generator: Generator, folder: Path, scratch: Path, progress: Progress) -> Report:
        made = scratch / "pictures"
        made.mkdir(exist_ok=True)
        sweep(made)
        seeds = Ranges(self.seeds)
        missing = [seed for seed in seeds if not self._file(made, seed).exists()]
        batches = generator.stream(missing, self.batch_size)
        pictures = (picture for batch in batches for picture in pixels_of(generator, batch, self.batch_size))
        shown = progress(pictures, total=len(missing), what=f"rendering {len(missing)} pictures")
        for seed, picture in zip(missing, shown, strict=True):
            with placing(self._file(made, seed)) as partial:
                images.save_picture(picture, partial, MARK)
        made.rename(folder / made.name)
        return Report(notes=(f"{len(seeds)} pictures in the folder {made.name}, each named by its seed.",))

    def _file(self, folder: Path, seed: int) -> Path:
        return folder / f"seed{seed:06d}.{self.format}"
