"""A network that moves codes to any text, its file, and the operator `text.load-mapper`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

from interpgan_core import (
    Generator,
    InputFile,
    InterpganError,
    Operator,
    Report,
    Table,
    read_safetensors,
    write_safetensors,
)
from interpgan_core.plugin import build
from interpgan_text.net import TextImageNet, check_probe

if TYPE_CHECKING:
    from torch import Tensor

    from interpgan_text.mapper_network import MapperNet

FILE = "mapper.safetensors"
_KIND = "text mapper"


@dataclass(frozen=True, eq=False)
class Mapper:
    """Moves codes as a difference of embeddings says.

    Args:
        net: trained.
        space: name of the codes' space.
        mean: (d,) of the codes.
        deviation: (d,) of the codes; 0 where an entry is the same in all samples, and stays.
        shape: (e, e) symmetric; it brings differences of texts near those of pictures.
        generator: fingerprint of the one that the codes are of.
        probe: of the net whose embeddings these are.
        of: name of that net.
        figures: measured on pairs that it had not seen.
    """

    net: MapperNet
    space: str
    mean: Tensor
    deviation: Tensor
    shape: Tensor
    generator: str
    probe: Sequence[float]
    of: str
    figures: Mapping[str, float] = field(default_factory=dict)

    def change(self, codes: Tensor, seen: Tensor, text: Tensor, strength: float) -> Tensor:
        """The change of codes that a difference of texts asks for.

        Args:
            codes: (n, d).
            seen: (n, e) embeddings of their pictures, of length 1.
            text: (e,) difference of the embeddings of two texts; its direction counts.
            strength: 1 is as far as two samples lie apart.

        Returns:
            (n, d).
        """
        from torch.nn import functional

        wanted = strength * functional.normalize(self.shape @ text.to(self.shape), dim=0)
        apart, wanted = self.apart(codes), wanted.expand(len(codes), -1)
        found: Tensor = self.net(apart, seen, wanted)
        # For no difference it brings codes nearer to the mean, as far as their pictures do not tell them. That goes
        # as the strength goes to 0, where nothing shall change.
        if (left := 1 - 2 * abs(strength)) > 0:
            found = found - left * self.net(apart, seen, 0 * wanted)
        return found * self.deviation

    def apart(self, codes: Tensor) -> Tensor:
        """Codes (n, d) as deviations from the mean; 0 where an entry is the same in all samples."""
        moving = self.deviation > 0
        return (codes - self.mean) / self.deviation.where(moving, 1) * moving

    def check(self, generator: Generator, net: TextImageNet) -> None:
        """Check that it was trained on a generator and a net.

        Raises:
            InterpganError: if it was trained on others.
        """
        if not generator.shares_codes(self.generator):
            raise InterpganError(
                "this mapper was trained on another generator; train one by text.mapper on this one"
            )
        check_probe(
            net, self.probe, f"this mapper, of {self.of},", "name that net, or train one by text.mapper"
        )

    def save(self, folder: Path) -> None:
        """Write `mapper.safetensors`, the network in half precision, to which its training has rounded it."""
        tensors = {f"net.{name}": tensor.half() for name, tensor in self.net.state_dict().items()}
        tensors |= {name: getattr(self, name) for name in ("mean", "deviation", "shape")}
        header = {
            "net": self.net.shape,
            "space": self.space,
            "generator": self.generator,
            "probe": list(self.probe),
            "of": self.of,
            "figures": dict(self.figures),
        }
        write_safetensors(folder / FILE, tensors, _KIND, header)

    @classmethod
    def load(cls, folder: Path, generator: Generator | None = None) -> Self:
        """Read what `save` wrote, onto the generator's device; `folder` may be the file itself.

        Raises:
            InterpganError: if it is none, or there is no generator, or it is another one.
        """
        from interpgan_text.mapper_network import MapperNet

        path = folder / FILE if folder.is_dir() else folder
        tensors, header = read_safetensors(path, _KIND)
        if generator is None:
            raise InterpganError(f"{path} belongs to a generator; load that first")
        weights = {name.removeprefix("net."): t for name, t in tensors.items() if name.startswith("net.")}
        net = build(lambda: MapperNet(**header["net"]), weights, path).to(generator.device)
        mean, deviation, shape = (tensors[n].to(generator.device) for n in ("mean", "deviation", "shape"))
        names = ("generator", "probe", "of", "figures")
        return cls(net, header["space"], mean, deviation, shape, *(header[name] for name in names))

    def summary(self) -> Report:
        """Its figures on pairs that it had not seen."""
        note = "Of the change of the code between two samples: the cosine, and the share of the squares explained."
        table = Table("On pairs that it had not seen", ("what", "figure"), tuple(self.figures.items()), note)
        return Report(tables=(table,), notes=(f"Moves codes of {self.space} as {self.of} reads.",))


class LoadMapper(Operator):
    """A mapper that is trained already, from the file of a step `text.mapper`."""

    keep: ClassVar[bool] = False

    file: InputFile
    """`mapper.safetensors`, from the folder of that step."""

    def check(self, generator: Generator) -> Mapper:
        return self.run(generator)

    def run(self, generator: Generator) -> Mapper:
        """Load it.

        Raises:
            InterpganError: if the file holds none, or one of another generator.
        """
        found = Mapper.load(self.file, generator)
        if not generator.shares_codes(found.generator):
            raise InterpganError(
                f"{self.file} was trained on another generator; train one by text.mapper on this one"
            )
        return found
