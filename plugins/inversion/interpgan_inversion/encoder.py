"""An encoder and the generator that it belongs to, as a result of a step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from interpgan_core import (
    Generator,
    InterpganError,
    LatentBatch,
    Report,
    Table,
    read_safetensors,
    write_safetensors,
)
from interpgan_core.plugin import build

if TYPE_CHECKING:
    from torch import Tensor

    from interpgan_inversion.learning import EncoderNet
    from interpgan_inversion.starts import Scale

FILE = "encoder.safetensors"


@dataclass(frozen=True, eq=False)
class Encoder:
    """Pictures to codes.

    Args:
        net: trained; it says deviations from the mean code.
        scale: what these are deviations from.
        generator: fingerprint of the one that it belongs to.
        figures: of samples that it had not seen.
    """

    net: EncoderNet
    scale: Scale
    generator: str
    figures: Mapping[str, float]

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
        """See that it is this generator's.

        Raises:
            InterpganError: if not.
        """
        if not generator.shares_codes(self.generator):
            raise _another()

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
        from interpgan_inversion.learning import EncoderNet
        from interpgan_inversion.starts import Scale

        path = folder / FILE if folder.is_dir() else folder
        tensors, header = read_safetensors(path, "encoder")
        if generator is None:
            raise InterpganError(f"{path} belongs to a generator; load that first")
        if not generator.shares_codes(header["generator"]):
            raise _another()
        weights = {name.removeprefix("net."): t for name, t in tensors.items() if name.startswith("net.")}
        net = build(lambda: EncoderNet(**header["net"]), weights, path).to(generator.device)
        centre, spread = (tensors[name].to(generator.device) for name in ("centre", "spread"))
        scale = Scale(generator.spaces[header["space"]], centre, spread)
        return cls(net, scale, header["generator"], header["figures"])

    def summary(self) -> Report:
        """How well it does."""
        table = Table("On samples that it had not seen", ("what", "figure"), tuple(self.figures.items()))
        return Report(tables=(table,), notes=(f"Codes of {self.scale.space.name}.",))


def _another() -> InterpganError:
    return InterpganError(
        "this encoder was trained on another generator; train one by inversion.encoder on this one"
    )
