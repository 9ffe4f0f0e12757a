"""The operators `text.mapper` and `text.load-mapper`: a network that moves codes to any text, trained without one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Self

from pydantic import Field

from interpgan_core import (
    Generator,
    Input,
    InputFile,
    InterpganError,
    Operator,
    Progress,
    Report,
    Table,
    read_safetensors,
    write_safetensors,
)
from interpgan_core.plugin import build
from interpgan_text.net import TextImageNet, check_probe, probe

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


class TrainMapper(Operator):
    """Train, without any text, a network that moves codes to any text afterwards: the step `text.edit`.

    It learns from pairs of samples what change of the code goes with a difference of the embeddings of their pictures;
    a difference of texts takes that place later. A run that was stopped goes on.

    Source: Lyu et al., DeltaEdit, CVPR 2023: equations 3 to 5. Deviations: one network for all layers; S only
        where there is one; differences of texts are shaped like those of pictures, see `text.edit`.
    """

    net: Input[TextImageNet]
    space: str | None = None
    """Of single vectors; left out: s where there is one, else w, else the first."""
    samples: Annotated[int, Field(ge=100, strict=True)] = 6000
    """Whose pictures are looked at, once; pairs are drawn from them."""
    steps: Annotated[int, Field(ge=1, strict=True)] = 1200
    batch_size: Annotated[int, Field(ge=1, strict=True)] = 128
    """Pairs a step."""
    rate: Annotated[float, Field(gt=0, strict=True, allow_inf_nan=False)] = 2e-3
    """Of Adam, at its highest."""
    width: Annotated[int, Field(ge=1, strict=True)] = 256
    """Of the layers of the network."""
    seed: Annotated[int, Field(ge=0, lt=2**31, strict=True)] = 0
    """Of the first weights, and of the order of the pairs; the samples are drawn from seeds above those of recipes."""

    def check(self, generator: Generator) -> Mapper:
        import torch

        from interpgan_text.mapper_network import MapperNet

        space = self._space(generator)
        kept = probe(self.net)
        size = generator.spaces[space].shape[0]
        net = MapperNet(size, len(kept), 1).requires_grad_(False).to(generator.device)
        zeros = torch.zeros(size, device=generator.device)
        shape = torch.eye(len(kept), device=generator.device)
        return Mapper(net, space, zeros, zeros, shape, generator.fingerprint, kept, self.net.name)

    def run(self, generator: Generator, scratch: Path, progress: Progress) -> Mapper:
        """Train.

        Raises:
            InterpganError: if the generator has no such space, or the training breaks down.
        """
        from interpgan_text.mapper_training import trained

        return trained(self, generator, self._space(generator), scratch, progress)

    def _space(self, generator: Generator) -> str:
        known = [name for name in ("s", "w", *generator.spaces) if name in generator.spaces]
        return generator.vector_space(self.space or known[0]).name


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
