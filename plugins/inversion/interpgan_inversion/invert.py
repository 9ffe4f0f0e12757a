"""The operator `inversion`: codes by optimisation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from interpgan_core import Generator, Input, InterpganError, LatentBatch, Progress
from interpgan_inversion.base import Count, Rate, Weight, WithLikeness
from interpgan_inversion.masks import Mask, in_words, mask_of
from interpgan_inversion.sources import names_of

if TYPE_CHECKING:
    from interpgan_inversion.goal import Goal
    from interpgan_inversion.loss import Likeness
    from interpgan_inversion.scale import Scale


class Invert(WithLikeness):
    """Find codes that reproduce given pictures, by optimisation, so that a person's own picture can be edited.

    Every generator, in any of its spaces; with classes, class weights are searched for too. All pictures of a batch run
    together, the best code of each is kept, and a run that was stopped goes on where it was.

    Source: Shen et al., InterFaceGAN, CVPR 2020, section 3.5; schedules of Karras et al., CVPR 2020, appendix D.
        Deviations: steps are in standard deviations of the samples' codes, which suits every space; a search starts
        from the sample most like the picture. Maps of noise stay as they are, for codes do not hold them.
    """

    mask: Mask | None = None
    """Where pictures have to be like the originals: a picture of the same shape, white where they have to, black where
    not; or face, an ellipse where `inversion.align` puts faces, with a tenth of the weight around it."""
    space: str | None = None
    """Where to search: z, w, w+, s; when left out, that of a code a layer (w+) where there is one, else the first."""
    start: Literal["samples", "mean"] | Input[LatentBatch] = "samples"
    """The start: the sample nearest to each picture, the mean code, or the codes of a step, one for each picture."""
    candidates: Count = 128
    """How many samples to choose from."""
    steps: Count = 300
    draft_steps: Annotated[int, Field(ge=0)] = 40
    """For pictures of 256 pixels and more: how many of the steps, the first ones and at most five sixths, see drafts,
    at a third of the time."""
    rate: Rate = 0.1
    """Highest training rate, in standard deviations of the samples' codes."""
    noise: Weight = 0.05
    """How far codes are shaken at first, in the same unit; it fades in the first three quarters of the steps."""
    pull: Weight = 0.0
    """Weight of the mean squared deviation from the mean code: a larger one reproduces less, and is easier to edit."""
    batch_size: Count = 8
    """Pictures at once."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Of the noise."""

    def check(self, generator: Generator) -> LatentBatch:
        from interpgan_inversion.starts import layered_space

        self.check_pictures(generator)
        return replace(
            generator.to_space(generator.sample([0]), self.space or layered_space(generator)), seeds=None
        )

    def run(self, generator: Generator, folder: Path, scratch: Path, progress: Progress) -> LatentBatch:
        """Search.

        Raises:
            InterpganError: if pictures cannot be read, the space or the start does not fit, or no loss is finite.
        """
        from interpgan_inversion.draft import Draft
        from interpgan_inversion.goal import Goal
        from interpgan_inversion.measures import compared
        from interpgan_inversion.resume import search_all
        from interpgan_inversion.scale import Scale
        from interpgan_inversion.search import Schedule, Search
        from interpgan_inversion.starts import layered_space
        from interpgan_inversion.unlike import ENOUGH, say_unlike

        originals = self.originals(generator, scratch, progress)
        scale = Scale.of(generator, self.space or layered_space(generator))
        likeness = self.likeness()
        mask = mask_of(self.mask, originals, self.fit, scratch, progress)
        draft = None
        drafted = min(self.draft_steps, self.steps * 5 // 6)
        if drafted:
            draft = Draft.of(generator, scale, originals.size, progress)

        def goal(rows: slice, draft: Draft | None = draft) -> Goal:
            return Goal.of(generator, likeness, originals, rows, mask, draft)

        start = self._start(generator, scale, likeness, goal, len(originals), scratch, progress)
        schedule = Schedule(self.steps, self.rate, self.noise, self.pull, self.seed, drafted)

        def begin(rows: slice) -> Search:
            first = None if draft is None else goal(rows)
            return Search(generator, scale, start[rows], likeness, goal(rows, None), schedule, draft=first)

        batch, curves = search_all(begin, names_of(originals), self.batch_size, scratch, progress)
        notes = [likeness.in_words(), f"Codes of {scale.space.name}, {self.steps} steps."]
        if draft is not None:
            notes.append(
                f"The first {drafted} steps saw drafts of {draft.size[0]} pixels, read from the layer "
                f"{draft.layer}: {draft.psnr:.1f} dB on samples."
            )
        notes += in_words(self.mask, originals)
        if self.steps >= ENOUGH:
            say_unlike(generator, batch, originals, mask)
        compared(folder, generator, {"inverted": batch}, originals, likeness, curves, notes).save(folder)
        return batch

    def _start(
        self,
        generator: Generator,
        scale: Scale,
        likeness: Likeness,
        goal: Callable[[slice], Goal],
        count: int,
        scratch: Path,
        progress: Progress,
    ) -> LatentBatch:
        from interpgan_inversion.starts import from_mean, from_samples

        if isinstance(self.start, LatentBatch):
            if len(self.start) != count:
                raise InterpganError(
                    f"{len(self.start)} codes cannot start {count} pictures; give one code a picture"
                )
            return generator.to_space(self.start, scale.space.name)
        if self.start == "mean":
            return from_mean(generator, scale, count)
        if not (kept := scratch / "start").exists():
            found = from_samples(
                generator,
                scale.space.name,
                likeness,
                goal(slice(None)),
                self.candidates,
                self.batch_size,
                progress,
            )
            partial = scratch / "start.partial"
            partial.mkdir(exist_ok=True)
            found.save(partial)
            partial.rename(kept)
        return LatentBatch.load(kept, generator)
