"""The operators `inversion.encode` and `inversion.load-encoder`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from interpgan_core import (
    Generator,
    HasEncoder,
    Input,
    InputFile,
    InterpganError,
    LatentBatch,
    Operator,
    Progress,
)
from interpgan_inversion.base import Count, OnPictures
from interpgan_inversion.encoder import Encoder, ImageEncoder, is_own, joined, shipped_encoder, shipped_files
from interpgan_inversion.published.files import Kind
from interpgan_inversion.published.load import load

AT_ONCE = 8  # pictures that pass an encoder together


class LoadEncoder(Operator):
    """An encoder that is trained already: from a file, or that which comes with interpgan for the generator.

    Files are those of the step `inversion.encoder`, and the published ones of e4e, pSp, ReStyle and IDInvert.

    Source: Tov et al., Designing an Encoder for StyleGAN Image Manipulation (e4e), SIGGRAPH 2021; Richardson et al.,
        Encoding in Style (pSp), CVPR 2021; Alaluf et al., ReStyle, ICCV 2021; Zhu et al., In-Domain GAN Inversion
        (IDInvert), ECCV 2020.
    """

    keep: ClassVar[bool] = False

    file: InputFile | None = None
    """`encoder.safetensors`, from the folder of a step `inversion.encoder`; or a published one, such as
    e4e_ffhq_encode.pt."""
    iterations: Count | None = None
    """Of ReStyle, how often it looks at a picture and at what its codes draw; when left out, as its file says, or 5."""
    kind: Kind | None = None
    """Only for a published file that does not say it: e4e, the codes of layers are added to the first; psp, they stand
    by themselves."""

    def sources(self) -> Iterable[Path]:
        return shipped_files() if self.file is None else ()

    def check(self, generator: Generator) -> ImageEncoder:
        return self._loaded(generator, ready=False)

    def run(self, generator: Generator) -> ImageEncoder:
        """Load.

        Raises:
            InterpganError: if the file is no encoder, it is another generator's, or none comes with this one.
        """
        return self._loaded(generator, ready=True)

    def _loaded(self, generator: Generator, ready: bool) -> ImageEncoder:
        if self.file is not None and not is_own(self.file):
            return load(self.file, generator, self.kind, self.iterations, ready)
        for name in ("iterations", "kind"):
            if getattr(self, name) is not None:
                what = (
                    "the encoder that comes with interpgan"
                    if self.file is None
                    else f"{self.file}, of interpgan's own,"
                )
                raise InterpganError(f"'{name}' is for published encoders, and {what} has none; leave it out")
        return shipped_encoder(generator) if self.file is None else Encoder.load(self.file, generator)


class Encode(OnPictures):
    """The codes of pictures by an encoder: at once, and only near; a good start for `inversion`."""

    encoder: Input[ImageEncoder] | None = None
    """Of the step `inversion.encoder`, or of another plugin; when left out, the generator's own, or that which comes
    with interpgan."""

    def sources(self) -> Iterable[Path]:
        return shipped_files() if self.encoder is None else ()

    def check(self, generator: Generator) -> LatentBatch | None:
        self.check_pictures(generator)
        if self.encoder is None and isinstance(generator, HasEncoder):
            return None
        encoder = self._found(generator)
        return replace(generator.to_space(generator.sample([0]), encoder.space.name), seeds=None)

    def run(self, generator: Generator, folder: Path, scratch: Path, progress: Progress) -> LatentBatch:
        """Encode.

        Raises:
            InterpganError: if there is no encoder, or it is another generator's.
        """
        import torch

        from interpgan_inversion.loss import Likeness
        from interpgan_inversion.measures import compared

        encoder: HasEncoder | ImageEncoder
        if own := self.encoder is None and isinstance(generator, HasEncoder):
            encoder = generator
        else:
            encoder = self._found(generator)
        originals = self.originals(generator, scratch, progress)
        with torch.no_grad():
            batch = joined(
                [
                    encoder.encode(originals.images(slice(start, start + AT_ONCE)).to(generator.device))
                    for start in progress(range(0, len(originals), AT_ONCE), what="encoding")
                ]
            )
            notes = [f"Codes by the encoder{' of the generator' if own else ''}, with no search."]
            if isinstance(words := getattr(encoder, "in_words", None), str):
                notes.append(f"The encoder: {words}.")
            report = compared(folder, generator, {"encoded": batch}, originals, Likeness(), notes=notes)
        report.save(folder)
        return batch

    def _found(self, generator: Generator) -> ImageEncoder:
        """The encoder that was named, or that which comes with interpgan."""
        if self.encoder is None:
            return shipped_encoder(generator)
        self.encoder.check(generator)
        return self.encoder
