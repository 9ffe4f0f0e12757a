"""Checkpoints of ALAE: the averages over the training, in the names of our networks."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from torch import Tensor

from interpgan_core import InterpganError
from interpgan_core.plugin import Checkpoint, Shapes, StoredNetwork

_NUMBER = r"(\d{1,6})"
_UNUSED = "decode_block.0.blur.weight"  # the first block does not upsample
_GENERATOR = ("const", "decode_block.0.noise_weight_1", "to_rgb.0.to_rgb.weight")
_MAPPING = ("map_blocks.0.fc.weight", "map_blocks.0.fc.bias")
_ENCODER = ("from_rgb.0.from_rgb.weight", "encode_block.0.conv_1.weight")
_JUDGE = ("map_blocks.0.weight", "map_blocks.0.bias")
_MEAN = ("buff",)
_NAMES = {
    "generator": (
        (r"const", "const"),
        (rf"to_rgb\.{_NUMBER}\.to_rgb\.(.*)", r"blocks.\1.picture.\2"),
        (rf"decode_block\.{_NUMBER}\.blur\.weight", r"blocks.\1.first.kernel"),
        *(
            (rf"decode_block\.{_NUMBER}\.{theirs.format(k)}", rf"blocks.\1.{half}.{ours}")
            for k, half in ((1, "first"), (2, "second"))
            for theirs, ours in (
                (r"conv_{}\.weight", "weight"),
                ("noise_weight_{}", "gain"),
                ("bias_{}", "bias"),
                (r"style_{}\.weight", "style.weight"),
                (r"style_{}\.bias", "style.bias"),
            )
        ),
    ),
    "mapping": ((rf"map_blocks\.{_NUMBER}\.fc\.(.*)", r"mapping.layers.\1.\2"),),
    "encoder": (
        (rf"from_rgb\.{_NUMBER}\.from_rgb\.(.*)", r"starts.\1.\2"),
        (rf"encode_block\.{_NUMBER}\.conv_1\.weight", r"blocks.\1.first"),
        (rf"encode_block\.{_NUMBER}\.conv_2\.weight", r"blocks.\1.second"),
        (rf"encode_block\.{_NUMBER}\.blur\.weight", r"blocks.\1.kernel"),
        (rf"encode_block\.{_NUMBER}\.bias_([12])", r"blocks.\1.bias\2"),
        (rf"encode_block\.{_NUMBER}\.style_([12])\.(.*)", r"blocks.\1.style\2.\3"),
    ),
    "head": ((rf"map_blocks\.{_NUMBER}\.(.*)", r"layers.\1.\2"),),
}


@dataclass(frozen=True)
class Parts:
    """The networks of a checkpoint, in the names of the file.

    Args:
        path: the file.
        generator: name -> tensor.
        mapping: z to w.
        encoder: pictures to w; empty where the file has none.
        head: what follows the encoder in the discriminator; likewise.
        mean: (2 blocks, d), the mean of w; None where the file has none.
        place: where the generator stands in the file.
    """

    path: Path
    generator: Mapping[str, Tensor]
    mapping: Mapping[str, Tensor]
    encoder: Mapping[str, Tensor]
    head: Mapping[str, Tensor]
    mean: Tensor | None
    place: str

    @cached_property
    def shapes(self) -> Shapes:
        """Of the generator's tensors."""
        return Shapes(self.generator, self.path, "ALAE")

    @property
    def widths(self) -> list[int]:
        """Channels of the constant, and of each block's maps."""
        count = self.shapes.count(rf"decode_block\.{_NUMBER}\.bias_1")
        first = self.shapes.of("const", 4)[1]
        return [first, *(self.shapes.of(f"decode_block.{i}.bias_1", 4)[1] for i in range(count))]

    @property
    def channels(self) -> int:
        """Of the pictures."""
        return self.shapes.of("to_rgb.0.to_rgb.weight", 4)[0]

    @property
    def mapping_widths(self) -> list[int]:
        """From z to w."""
        return self._dense(self.mapping, "map_blocks.{}.fc.weight")

    @property
    def head_widths(self) -> list[int]:
        """From w to the last layer of the discriminator."""
        return self._dense(self.head, "map_blocks.{}.weight")

    @property
    def encoder_widths(self) -> list[int]:
        """Channels of the first maps, and of each block's."""
        shapes = Shapes(self.encoder, self.path, "ALAE")
        count = shapes.count(rf"encode_block\.{_NUMBER}\.bias_2")
        kernels = [shapes.of(f"encode_block.{i}.conv_2.weight", 4) for i in range(count)]
        return [kernels[0][1], *(kernel[0] for kernel in kernels)]

    def renamed(self, part: str) -> dict[str, Tensor]:
        """The tensors of "generator", "mapping", "encoder" or "head" in the names of our network."""
        tensors: Mapping[str, Tensor] = getattr(self, part)
        return {_renamed(name, _NAMES[part]): t for name, t in tensors.items() if name != _UNUSED}

    def _dense(self, tensors: Mapping[str, Tensor], name: str) -> list[int]:
        shapes = Shapes(tensors, self.path, "ALAE")
        count = shapes.count(name.format(_NUMBER).replace(".", r"\."))
        rows = [shapes.of(name.format(i), 2) for i in range(count)]
        return [rows[0][1], *(row[0] for row in rows)]


def find(checkpoint: Checkpoint) -> StoredNetwork | None:
    """The generator in a file; None where there is none, or no mapping beside it."""
    return _averaged(checkpoint, _GENERATOR) if _averaged(checkpoint, _MAPPING) else None


def read(checkpoint: Checkpoint) -> Parts:
    """The networks of a checkpoint: of each the average over the training, whose name ends in _s, where there is one.

    Raises:
        InterpganError: if it holds no generator and mapping.
    """
    generator = find(checkpoint)
    if generator is None:
        raise InterpganError(f"{checkpoint.path} holds no generator of ALAE with its mapping")
    found = [_averaged(checkpoint, mark) for mark in (_MAPPING, _ENCODER, _JUDGE, _MEAN)]
    known = {network.place for network in checkpoint.taken}
    for network in (generator, *found):
        if network is not None and network.place not in known:
            checkpoint.taken.append(replace(network, passed_over=()))
    mapping, encoder, head, mean = ({} if network is None else network.tensors for network in found)
    return Parts(
        checkpoint.path,
        generator.tensors,
        mapping,
        encoder,
        head if encoder else {},
        mean.get("buff"),
        generator.place,
    )


def _averaged(checkpoint: Checkpoint, mark: Sequence[str]) -> StoredNetwork | None:
    found = checkpoint.networks(mark)
    return min(found, key=lambda network: not network.place.endswith("_s"), default=None)


def _renamed(name: str, rules: Sequence[tuple[str, str]]) -> str:
    for theirs, ours in rules:
        if re.fullmatch(theirs, name):
            return re.sub(theirs, ours, name)
    return name
