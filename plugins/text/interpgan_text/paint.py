"""The operator `text.paint`: a region drawn anew, as a text says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, model_validator

from interpgan_core import (
    EditOperator,
    FeatureEdit,
    Generator,
    Input,
    InRegion,
    InterpganError,
    LatentBatch,
    Progress,
    Report,
    Table,
    quiet,
)
from interpgan_text.canvas import Canvas, mask_at, same
from interpgan_text.net import Text, TextImageNet, check_gradients, of_images, of_texts
from interpgan_text.search import POPULATION, REACH, Method, descended, evolved

if TYPE_CHECKING:
    from torch import Tensor

Weight = Annotated[float, Field(ge=0)]

_FIRST_SIDE, _LAST_SIDE = 8, 256  # pixels of the maps that are blended, where no layer is named
_FIRST_DRAW = 2**31  # the first seed of the codes that are tried at the start: none that recipes use


class PaintWords(InRegion, EditOperator):
    """Draw a region of each sample anew, as a text says, and keep what is outside of it.

    Inside, pictures come from another code; the generator's maps are blended by the region, so that what comes fits
    what is there. The code is searched in the first space, among those that the generator was trained for, by an
    evolution strategy; the loss is the distance of the region's picture to the text, and what changes outside. What is
    kept are edits of feature maps: later steps move the sample, and the region stays.

    Source: Andonian et al., Paint by Word, 2021, arXiv 2103.10951: the masked loss, the split generator, CMA-ES.
        Deviations: the other code is one of the first space; maps of StyleGANs are split, and not the vectors that
        drive them; the smaller picture that each resolution adds is drawn by the sample's own code.
    """

    net: Input[TextImageNet]
    text: Text
    """What the region shall show, such as "a person with red hair"."""
    method: Method = "evolution"
    """evolution: a strategy over the distribution of codes (CMA-ES); gradient: down the gradient of the net, which also
    finds what pleases the net and nobody else."""
    steps: Annotated[int, Field(ge=1)] = 20
    """Generations of 12 codes, or steps of the gradient."""
    rate: Annotated[float, Field(gt=0)] = 0.1
    """Of the gradient, at its highest; evolution has none."""
    draws: Annotated[int, Field(ge=0)] = 12
    """Codes to try first, beside the sample's own; the best one is where the search begins. More of them: other things
    in the region change as well, and rarer things are found."""
    keep_outside: Weight = 2.0
    """Weight of the mean squared change of a pixel outside of the region."""
    first_layer: str | None = None
    """From here on the maps are blended; left out: the first whose maps are 8 pixels high."""
    last_layer: str | None = None
    """The last one; left out: the last whose maps are 256 pixels high at most."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Of the strategy."""

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if self.everywhere:
            raise InterpganError(
                "say where to paint: a 'region', or 'parts' and the 'segmenter' that finds them; for the whole picture "
                "there is text.optimise"
            )
        return self

    def check(self, batch: LatentBatch, generator: Generator) -> LatentBatch:
        of_texts(self.net, [self.text])
        if self.method == "gradient":
            check_gradients(self.net)
        self._layers(generator)
        for image in generator.iter_images(batch[:1]):
            self.mask(image, image.shape[2:])
        return batch

    def run(
        self, batch: LatentBatch, generator: Generator, progress: Progress = quiet, folder: Path | None = None
    ) -> LatentBatch:
        """Paint.

        Args:
            batch: samples, of any space.
            generator: theirs.
            progress: shows how many are done.
            folder: gets a table of similarities and changes, in `report.json`.

        Returns:
            The same codes, with edits of feature maps.

        Raises:
            InterpganError: if a sample has none of the parts, or the net cannot read the text.
        """
        painted, rows = self._painted(batch, generator, progress)
        if folder is not None:
            columns = ("sample", "similarity before", "after", "change inside", "change outside")
            note = (
                f"Similarity: of the region to '{self.text}', as {self.net.name} sees it, -1 to 1. Change: root mean "
                "square of a pixel, of a range of 2."
            )
            Report(tables=(Table("What was painted", columns, rows, note),)).save(folder)
        return painted

    def apply(self, batch: LatentBatch, generator: Generator) -> LatentBatch:
        return self._painted(batch, generator, quiet)[0]

    def _painted(
        self, batch: LatentBatch, generator: Generator, progress: Progress
    ) -> tuple[LatentBatch, tuple[tuple[str | float, ...], ...]]:
        import torch

        if not len(batch):
            return batch, ()
        layers = self._layers(generator)
        text = of_texts(self.net, [self.text])[0]
        samples = list(batch.split(1))
        regions = [self._region(sample, generator) for sample in samples]
        rows: list[tuple[str | float, ...]] = []
        painted: list[dict[str, tuple[Tensor, Tensor]]] = []
        order = progress(range(len(batch)), total=len(batch), what=f"painting '{self.text}'")
        for i in order:
            image, mask = regions[i]
            canvas = Canvas(generator, samples[i], mask, layers)
            judge = _Judge(self.net, text, image, mask)
            other = self._found(canvas, judge)
            painted.append(canvas.maps(other))
            with torch.no_grad():
                drawn = canvas.images(other)
                close = [float(judge.similarity(x)) for x in (image, drawn)]
                changes = [float(judge.change(drawn, where).sqrt()) for where in (mask, 1 - mask)]
            rows.append((batch.name_of(i), *close, *changes))
        masks = [mask for _, mask in regions]
        edits = [edit for layer in layers if (edit := _edit(layer, painted, masks)) is not None]
        return replace(batch, edits=(*batch.edits, *edits)), tuple(rows)

    def _layers(self, generator: Generator) -> tuple[str, ...]:
        """Those whose maps are blended, in forward order."""
        names = list(generator.layers)
        for name in (self.first_layer, self.last_layer):
            if name is not None:
                generator.require_layer(name)
        if not names:
            raise InterpganError(
                "this generator has no layers, and so no maps to blend; text.optimise moves its codes"
            )
        heights = [shape[1] for shape in generator.layer_shapes().values()]
        first = next((i for i, height in enumerate(heights) if height >= _FIRST_SIDE), len(names) - 1)
        last = max((i for i, height in enumerate(heights) if height <= _LAST_SIDE), default=first)
        first = first if self.first_layer is None else names.index(self.first_layer)
        last = max(first, last) if self.last_layer is None else names.index(self.last_layer)
        if last < first:
            raise InterpganError(
                f"layer {self.last_layer} lies before layer {names[first]}, where blending begins; name a later one"
            )
        return tuple(names[first : last + 1])

    def _region(self, sample: LatentBatch, generator: Generator) -> tuple[Tensor, Tensor]:
        """The picture of a sample, and the region in it, (1, 1, h, w)."""
        import torch

        with torch.no_grad():
            image = generator.images(sample)
        mask = self.mask(image, image.shape[2:]).to(image.device)
        if not mask.any():
            raise InterpganError(
                f"the segmenter finds no {' and no '.join(self.parts or ())} in {sample.name_of(0)}; leave the sample "
                "out, or name a region"
            )
        return image, mask

    def _found(self, canvas: Canvas, judge: _Judge) -> LatentBatch:
        """The code that draws the region."""
        import torch

        sample, generator = canvas.sample, canvas.generator
        space = next(iter(generator.spaces.values()))

        def batch_of(vectors: Tensor) -> LatentBatch:
            codes = vectors.view(-1, *space.shape)
            return replace(sample.repeat(len(codes)), codes=codes, space=space, edits=())

        def losses(vectors: Tensor) -> Tensor:
            images = canvas.images(batch_of(vectors))
            outside = self.keep_outside * judge.change(images, 1 - judge.mask)
            return 1 - judge.similarity(images) + outside

        first = self._first_codes(sample, generator).flatten(1)
        with torch.no_grad():
            start = first[int(losses(first).argmin())] if len(first) > 1 else first[0]
        if self.method == "gradient":
            return batch_of(descended(losses, start, self.steps, self.rate))
        return batch_of(evolved(losses, start, self.steps, POPULATION, REACH, self.seed))

    def _first_codes(self, sample: LatentBatch, generator: Generator) -> Tensor:
        """The sample's own, where it is known, and those that are drawn beside it."""
        import torch

        space = next(iter(generator.spaces))
        own = [sample.codes] if sample.space.name == space else []
        if not own and sample.seeds is not None:
            own = [generator.prior(sample.seeds.tolist()).to(sample.codes)]
        draws = self.draws if own else max(self.draws, POPULATION)
        drawn = [generator.prior(range(_FIRST_DRAW, _FIRST_DRAW + draws)).to(sample.codes)] if draws else []
        return torch.cat([*own, *drawn])


@dataclass(frozen=True, eq=False)
class _Judge:
    """What is asked of pictures of one sample.

    Args:
        net: that sees them.
        text: (d,) of length 1.
        before: (1, 3, h, w), the sample as it is.
        mask: (1, 1, h, w) from 0 to 1, the region.
    """

    net: TextImageNet
    text: Tensor
    before: Tensor
    mask: Tensor

    def similarity(self, images: Tensor) -> Tensor:
        """(n,) cosines of the region with the text; grey is outside."""
        return of_images(self.net, images * self.mask) @ self.text.to(images.device)

    def change(self, images: Tensor, where: Tensor) -> Tensor:
        """(n,) mean squared changes of the values there; 0 where there is nothing."""
        squares = (images - self.before).square().mean(1, keepdim=True)
        return (squares * where).sum((1, 2, 3)) / where.sum().clamp_min(1)


def _edit(
    layer: str, painted: list[dict[str, tuple[Tensor, Tensor]]], masks: list[Tensor]
) -> FeatureEdit | None:
    """The edit of a layer; None if the other codes make the same of it in all samples, as where no code drives it."""
    import torch

    pairs = [maps[layer] for maps in painted]
    if all(same(own, other) for own, other in pairs):
        return None
    values = torch.cat([other for _, other in pairs])
    weights = torch.cat([mask_at(mask, values.shape[2:]) for mask in masks])
    return FeatureEdit(layer, tuple(range(values.shape[1])), values.float().cpu(), weights.float().cpu())
