"""The head of `text.sentences`: from what a sentence means to MiniLM to where a net of text and pictures has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from interpgan_core import InterpganError, Report, Table, read_safetensors, write_safetensors
from interpgan_core.plugin import build
from interpgan_text.net import TextImageNet, check_probe, probe

if TYPE_CHECKING:
    from torch import Tensor

    from interpgan_text.head_network import HeadNet

FILE = "sentences.safetensors"
_KIND = "sentence head"


@dataclass(frozen=True, eq=False)
class SentenceHead:
    """A trained head.

    Args:
        net: its network.
        known: (k, 384) sentences, spread over those that it was trained on.
        probe: of the net in whose space it puts sentences.
        of: name of that net.
        figures: measured on captions that it had not seen.
    """

    net: HeadNet
    known: Tensor
    probe: Sequence[float]
    of: str
    figures: Mapping[str, float] = field(default_factory=dict)

    def __call__(self, sentences: Tensor) -> Tensor:
        """Args: sentences: (m, 384) of length 1, of MiniLM. Returns: (m, e) of length 1."""
        found: Tensor = self.net(sentences)
        return found

    def nearness(self, sentences: Tensor) -> Tensor:
        """How near sentences (m, 384) are to those that it was trained on: (m,) cosines with the nearest `known`."""
        found: Tensor = (sentences @ self.known.to(sentences).T).amax(1)
        return found

    def to(self, device: str) -> Self:
        """The same on a device; its network moves."""
        return replace(self, net=self.net.to(device), known=self.known.to(device))

    def check(self, net: TextImageNet) -> None:
        """Check that it puts sentences into a net's space.

        Raises:
            InterpganError: if that is another net's.
        """
        check_probe(
            net,
            self.probe,
            f"this head, of {self.of},",
            "train one by text.train-sentences, and name it: head: $step",
        )

    def save(self, folder: Path) -> None:
        """Write `sentences.safetensors`, in half precision, to which its training has rounded it."""
        header = {
            "net": self.net.shape,
            "probe": list(self.probe),
            "of": self.of,
            "figures": dict(self.figures),
        }
        tensors = {f"net.{name}": tensor.half() for name, tensor in self.net.state_dict().items()}
        tensors["known"] = self.known.half()
        write_safetensors(folder / FILE, tensors, _KIND, header)

    @classmethod
    def load(cls, folder: Path, generator: Any = None) -> Self:
        """Read what `save` wrote; `folder` may be the file itself."""
        from interpgan_text.head_network import HeadNet

        path = folder / FILE if folder.is_dir() else folder
        tensors, header = read_safetensors(path, _KIND)
        known = tensors.pop("known").float()
        weights = {name.removeprefix("net."): tensor for name, tensor in tensors.items()}
        net = build(lambda: HeadNet(**header["net"]), weights, path)
        return cls(net, known, header["probe"], header["of"], header["figures"])

    def summary(self) -> Report:
        """Its figures on captions that it had not seen."""
        note = "Cosine: of a caption by the head and by the net itself, on the mean."
        table = Table(
            "On captions that it had not seen", ("what", "figure"), tuple(self.figures.items()), note
        )
        return Report(tables=(table,), notes=(f"Puts sentences into the space of {self.of}.",))


def shipped_files() -> list[Path]:
    """The heads that come with the plugin; each knows the probe of its net."""
    folder = Path(str(files(__package__).joinpath("weights")))
    return sorted(folder.glob("*.safetensors"))


def shipped_head(net: TextImageNet) -> SentenceHead:
    """The head that comes with the plugin for a net.

    Raises:
        InterpganError: if there is none.
    """
    for path in shipped_files():
        head = SentenceHead.load(path)
        if head.of == net.name and len(head.probe) == len(probe(net)):
            head.check(net)
            return head
    names = ", ".join(path.stem for path in shipped_files())
    raise InterpganError(
        f"no head comes with {net.name} (only with {names}); train one by text.train-sentences, and name it: "
        "head: $step"
    )
