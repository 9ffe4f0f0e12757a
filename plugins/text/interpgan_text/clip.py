"""The operator `text.clip`: a CLIP from a file that the user has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from interpgan_core import InputFile, Operator
from interpgan_text.tokens import tokens

if TYPE_CHECKING:
    from torch import Tensor

    from interpgan_text.network import ClipNetwork

Activation = Literal["auto", "quickgelu", "gelu"]

_MEAN = (0.48145466, 0.4578275, 0.40821073)
_STD = (0.26862954, 0.26130258, 0.27577711)


class ClipNet:
    """A `TextImageNet`: CLIP.

    Args:
        net: the network.
        side: of its pictures.
        context: tokens of a text, at most.
        name: for reports.
    """

    name: str
    licence = "that of the file"

    def __init__(self, net: ClipNetwork, side: int, context: int, name: str = "CLIP") -> None:
        self.net, self.side, self.context, self.name = net, side, context, name

    def embed_images(self, images: Tensor) -> Tensor:
        """Embeddings of pictures: their shorter side brought to the net's, the middle cut out, normalised.

        Args:
            images: (n, 3, h, w) float32 in [-1, 1].

        Returns:
            (n, d), not normalised; gradients flow.
        """
        return self.net.of_pictures(self.prepared(images))

    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        """Embeddings of texts.

        Args:
            texts: m of them.

        Returns:
            (m, d), not normalised.

        Raises:
            InterpganError: if one is empty, or longer than the net reads.
        """
        import torch

        table = torch.zeros(len(texts), self.context, dtype=torch.int64)
        for row, text in zip(table, texts, strict=True):
            numbers = tokens(text, self.context)
            row[: len(numbers)] = torch.tensor(numbers)
        return self.net.of_tokens(table.to(self.net.logit_scale.device))

    def prepared(self, images: Tensor) -> Tensor:
        """(n, 3, h, w) in [-1, 1] to (n, 3, side, side), normalised as CLIP was trained."""
        from torch.nn import functional

        scale = self.net.logit_scale
        height, width = images.shape[2:]
        shorter = min(height, width)
        size = (int(self.side * height / shorter), int(self.side * width / shorter))
        x = (images.to(scale.device, scale.dtype) + 1) / 2
        if size != (height, width):
            x = functional.interpolate(x, size, mode="bicubic", antialias=True, align_corners=False).clamp(
                0, 1
            )
        top, left = (round((side - self.side) / 2) for side in size)
        x = x[:, :, top : top + self.side, left : left + self.side]
        return (x - x.new_tensor(_MEAN)[:, None, None]) / x.new_tensor(_STD)[:, None, None]


class LoadClip(Operator):
    """A CLIP from a file: Hugging Face's or open_clip's safetensors or .bin, with a vision transformer of any size.

    OpenAI's own `.pt` files are programs, which are not run; the same weights lie on Hugging Face as safetensors.

    Source: Radford et al., Learning Transferable Visual Models From Natural Language Supervision, ICML 2021.
    """

    keep: ClassVar[bool] = False

    weights: InputFile
    """Such as model.safetensors of openai/clip-vit-base-patch32, or open_clip_model.safetensors."""
    activation: Activation = "auto"
    """auto: as the config beside the file says; without one quickgelu for Hugging Face's names and OpenAI's own state
    dicts, gelu for open_clip's."""

    def run(self, device: str) -> ClipNet:
        from interpgan_text.files import read_clip

        net, sizes = read_clip(self.weights, self.activation)
        kind = f"CLIP, {sizes.vision.layers} layers of {sizes.vision.width}, patches of {sizes.patch}"
        return ClipNet(net.to(device), sizes.side, sizes.context, kind)
