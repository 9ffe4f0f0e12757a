"""An encoder of images: its file, the generator that it belongs to, and those that come with the plugin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self, runtime_checkable

from interpgan_core import (
    Generator,
    InterpganError,
    LatentBatch,
    LatentSpace,
    Report,
    Table,
    read_safetensors,
    write_safetensors,
)
from interpgan_core.plugin import build

if TYPE_CHECKING:
    from torch import Tensor

    from interpgan_inversion.encoder_network import EncoderNet
    from interpgan_inversion.scale import Scale

FILE = "encoder.safetensors"


@runtime_checkable
class ImageEncoder(Protocol):
    """Maps images to codes of one generator, and knows which."""

    @property
    def space(self) -> LatentSpace:
        """Of the codes."""

    def encode(self, images: Tensor) -> LatentBatch:
        """Args: images: (n, 3, h, w) float32 in [-1, 1]. Returns: n codes, without seeds."""

    def check(self, generator: Generator) -> None:
        """Raises: InterpganError: if it belongs to another generator."""


@dataclass(frozen=True, eq=False)
class Encoder:
    """Maps images to codes.

    Args:
        net: trained; its output is a deviation from the mean code.
        scale: what these are deviations from.
        generator: fingerprint of the one that it belongs to.
        figures: measured on held-out samples.
    """

    net: EncoderNet
    scale: Scale
    generator: str
    figures: Mapping[str, float]

    @property
    def space(self) -> LatentSpace:
        """Of the codes."""
        return self.scale.space

    def encode(self, images: Tensor) -> LatentBatch:
        """Codes of pictures.

        Args:
            images: (n, 3, h, w) float32 in [-1, 1].

        Returns:
            n codes, without seeds; with classes, of the likeliest.
        """
        import torch

        apart, logits = self.net(images)
        labels = None
        if logits is not None:
            labels = torch.nn.functional.one_hot(logits.argmax(1), logits.shape[1]).float()
        return LatentBatch(self.scale.codes(apart), self.scale.space, labels)

    def check(self, generator: Generator) -> None:
        """Check that it belongs to this generator.

        Raises:
            InterpganError: if it does not.
        """
        if not generator.shares_codes(self.generator):
            raise _of_another_generator()

    @staticmethod
    def owner(path: Path) -> str:
        """The fingerprint of the generator that a file's encoder belongs to."""
        return str(read_safetensors(path, "encoder")[1]["generator"])

    def save(self, folder: Path) -> None:
        """Write `encoder.safetensors`, the net in half precision, to which its training has rounded it."""
        tensors = {f"net.{name}": t.half() for name, t in self.net.state_dict().items()}
        tensors |= {"centre": self.scale.centre, "spread": self.scale.spread}
        header = {
            "space": self.scale.space.name,
            "net": self.net.shape,
            "generator": self.generator,
            "figures": dict(self.figures),
        }
        write_safetensors(folder / FILE, tensors, "encoder", header)

    @classmethod
    def load(cls, folder: Path, generator: Generator | None = None) -> Self:
        """Read what `save` wrote, onto the generator's device; `folder` may be the file itself.

        Raises:
            InterpganError: if there is no generator, or it is another one.
        """
        from interpgan_inversion.encoder_network import EncoderNet
        from interpgan_inversion.scale import Scale

        path = folder / FILE if folder.is_dir() else folder
        tensors, header = read_safetensors(path, "encoder")
        if generator is None:
            raise InterpganError(f"{path} belongs to a generator; load that first")
        if not generator.shares_codes(header["generator"]):
            raise _of_another_generator()
        weights = {name.removeprefix("net."): t for name, t in tensors.items() if name.startswith("net.")}
        net = build(lambda: EncoderNet(**header["net"]), weights, path).to(generator.device)
        centre, spread = (tensors[name].to(generator.device) for name in ("centre", "spread"))
        scale = Scale(generator.spaces[header["space"]], centre, spread)
        return cls(net, scale, header["generator"], header["figures"])

    def summary(self) -> Report:
        """Its figures on held-out samples."""
        table = Table("On samples that it had not seen", ("what", "figure"), tuple(self.figures.items()))
        return Report(tables=(table,), notes=(f"Codes of {self.scale.space.name}.",))


def _of_another_generator() -> InterpganError:
    return InterpganError(
        "this encoder was trained on another generator; train one by inversion.encoder on this one"
    )


def is_own(path: Path) -> bool:
    """Was a file written by interpgan, or is it a folder of such files?"""
    if path.is_dir():
        return True
    with path.open("rb") as file:
        return file.read(64)[8:].startswith(b'{"__metadata__":{"format":"interpgan.')


def shipped_files() -> list[Path]:
    """The files that come with the plugin; each knows the fingerprint of its generator."""
    folder = Path(str(files(__package__).joinpath("weights")))
    return sorted(folder.glob("*.safetensors"))


def shipped_encoder(generator: Generator) -> Encoder:
    """The encoder that comes with the plugin for a generator.

    Raises:
        InterpganError: if there is none.
    """
    for path in shipped_files():
        if generator.shares_codes(Encoder.owner(path)):
            return Encoder.load(path, generator)
    names = ", ".join(path.stem for path in shipped_files())
    raise InterpganError(
        f"no encoder comes with this generator (only with {names}); train one by inversion.encoder, and name it: "
        "encoder: $step"
    )


def encoder_for(generator: Generator, given: ImageEncoder | None) -> ImageEncoder:
    """The encoder that a step names, or that which comes with the plugin for the generator.

    Raises:
        InterpganError: if the one that is named belongs to another generator, or none comes with this one.
    """
    if given is None:
        return shipped_encoder(generator)
    given.check(generator)
    return given


def scale_of(encoder: ImageEncoder, generator: Generator) -> Scale:
    """The scale of an encoder's codes: its own, or that of the generator's samples."""
    from interpgan_inversion.scale import Scale

    return encoder.scale if isinstance(encoder, Encoder) else Scale.of(generator, encoder.space.name)


def predicted(encoder: ImageEncoder, scale: Scale, images: Tensor) -> Tensor:
    """The codes that an encoder sees in images (n, 3, h, w), as deviations (n, *shape); gradients pass."""
    if isinstance(encoder, Encoder):
        apart: Tensor = encoder.net(images)[0]
        return apart
    return scale.apart(encoder.encode(images).codes)


def joined(parts: Sequence[LatentBatch]) -> LatentBatch:
    """Codes of several lots of pictures, one after the other, with their classes where they have any."""
    import torch

    labels = [part.labels for part in parts if part.labels is not None]
    return replace(
        parts[0],
        codes=torch.cat([part.codes for part in parts]),
        labels=torch.cat(labels) if labels else None,
    )
