"""The operators `inversion.encode` and `inversion.load-encoder`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from interpgan_core import Generator, HasEncoder, Input, InputFile, LatentBatch, Operator, Progress
from interpgan_inversion.base import OnPictures
from interpgan_inversion.encoder import Encoder, ImageEncoder, shipped_encoder, shipped_files


class LoadEncoder(Operator):
    """An encoder that is trained already: from a file, or that which comes with interpgan for the generator."""

    keep: ClassVar[bool] = False

    file: InputFile | None = None
    """`encoder.safetensors`, from the folder of a step `inversion.encoder`."""

    def sources(self) -> Iterable[Path]:
        return shipped_files() if self.file is None else ()

    def run(self, generator: Generator) -> Encoder:
        """Load.

        Raises:
            InterpganError: if the file is no encoder, it is another generator's, or none comes with this one.
        """
        return shipped_encoder(generator) if self.file is None else Encoder.load(self.file, generator)


class Encode(OnPictures):
    """The codes of pictures by an encoder: at once, and only near; a good start for `inversion`."""

    encoder: Input[ImageEncoder] | None = None
    """Of the step `inversion.encoder`, or of another plugin; when left out, the generator's own, or that which comes
    with interpgan."""

    def sources(self) -> Iterable[Path]:
        return shipped_files() if self.encoder is None else ()

    def run(self, generator: Generator, folder: Path, scratch: Path, progress: Progress) -> LatentBatch:
        """Encode.

        Raises:
            InterpganError: if there is no encoder, or it is another generator's.
        """
        import torch

        from interpgan_inversion.loss import Likeness
        from interpgan_inversion.measures import compared

        encoder: HasEncoder | ImageEncoder
        own = self.encoder is None and isinstance(generator, HasEncoder)
        if self.encoder is not None:
            self.encoder.check(generator)
            encoder = self.encoder
        elif isinstance(generator, HasEncoder):
            encoder = generator
        else:
            encoder = shipped_encoder(generator)
        originals = self.originals(generator, scratch, progress)
        with torch.no_grad():
            batch = encoder.encode(originals.images(slice(None)).to(generator.device))
            notes = (f"Codes by the encoder{' of the generator' if own else ''}, with no search.",)
            report = compared(folder, generator, {"encoded": batch}, originals, Likeness(), notes=notes)
        report.save(folder)
        return batch
