"""Files of stylegan2-pytorch: the averages SE and GE, their discriminator, and the settings beside them."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from torch import Tensor

from interpgan_core import InterpganError
from interpgan_core.plugin import Checkpoint, Shapes, StoredNetwork

USUAL_RATE = 0.1  # lr_mlp of the package
# The averages over the training, or where somebody has kept the raw networks alone, those.
_MARKS = (("GE.initial_conv.weight", "SE.net.0.weight"), ("G.initial_conv.weight", "S.net.0.weight"))
_CONFIG = ".config.json"  # beside the files of a training
_GENERATOR = (
    (r"initial_block", "start"),
    (r"to_initial_block\.weight", "start"),
    (r"initial_conv\.(.*)", r"stem.\1"),
    (r"blocks\.(\d+)\.to_style([12])\.(.*)", r"blocks.\1.conv\2.style.\3"),
    (r"blocks\.(\d+)\.to_noise([12])\.(.*)", r"blocks.\1.conv\2.noise.\3"),
    (r"blocks\.(\d+)\.conv([12])\.weight", r"blocks.\1.conv\2.weight"),
    (r"blocks\.(\d+)\.to_rgb\.to_style\.(.*)", r"blocks.\1.rgb.style.\2"),
    (r"blocks\.(\d+)\.to_rgb\.conv\.weight", r"blocks.\1.rgb.weight"),
    (r"attns\.(\d+)\.(.*)", r"attention.\1.\2"),
)
_DISCRIMINATOR = (
    (r"blocks\.(\d+)\.conv_res\.(.*)", r"blocks.\1.skip.\2"),
    (r"blocks\.(\d+)\.net\.0\.(.*)", r"blocks.\1.conv1.\2"),
    (r"blocks\.(\d+)\.net\.2\.(.*)", r"blocks.\1.conv2.\2"),
    (r"blocks\.(\d+)\.downsample\.1\.(.*)", r"blocks.\1.down.\2"),
    (
        r"blocks\.(\d+)\.downsample\.(weight|bias)",
        r"blocks.\1.down.\2",
    ),  # the first versions had no blur
    (r"attn_blocks\.(\d+)\.(.*)", r"attention.\1.\2"),
    (r"final_conv\.(.*)", r"last.\1"),
    (r"to_logit\.(.*)", r"logit.\1"),
)
_ATTENTION = (
    (r"(.*)\.0\.fn\.norm\.g", r"\1.first.gain"),
    (r"(.*)\.0\.fn\.norm\.b", r"\1.first.bias"),
    (r"(.*)\.1\.fn\.norm\.g", r"\1.second.gain"),
    (r"(.*)\.1\.fn\.norm\.b", r"\1.second.bias"),
    (r"(.*)\.0\.fn\.fn\.to_q\.weight", r"\1.query.weight"),
    (r"(.*)\.0\.fn\.fn\.to_kv\.net\.0\.weight", r"\1.local"),
    (r"(.*)\.0\.fn\.fn\.to_kv\.net\.1\.weight", r"\1.key_value.weight"),
    (r"(.*)\.0\.fn\.fn\.to_out\.(.*)", r"\1.out.\2"),
    (r"(.*)\.1\.fn\.fn\.0\.(.*)", r"\1.wide.\2"),
    (r"(.*)\.1\.fn\.fn\.2\.(.*)", r"\1.narrow.\2"),
)
_BLUR = r".*\.(?:upsample|downsample)\.\d+\.f"  # the kernel 1 2 1, always


@dataclass(frozen=True)
class Parts:
    """The networks of a checkpoint, in the names of the file.

    Args:
        path: the file.
        averaged: are mapping and generator the averages over the training?
        mapping: name -> tensor.
        generator: name -> tensor.
        discriminator: name -> tensor; empty where the file has none.
    """

    path: Path
    averaged: bool
    mapping: Mapping[str, Tensor]
    generator: Mapping[str, Tensor]
    discriminator: Mapping[str, Tensor]

    @cached_property
    def shapes(self) -> Shapes:
        """Of the generator's tensors."""
        return Shapes(self.generator, self.path, "stylegan2-pytorch")

    @cached_property
    def discriminator_shapes(self) -> Shapes:
        """Of the discriminator's tensors."""
        return Shapes(self.discriminator, self.path, "stylegan2-pytorch")

    @property
    def width(self) -> int:
        """Entries of z and w."""
        return self.shapes.of("blocks.0.to_style1.weight", 2)[1]

    @property
    def depth(self) -> int:
        """Layers of the mapping."""
        numbers = [int(m[1]) for name in self.mapping if (m := re.fullmatch(r"net\.(\d{1,6})\.weight", name))]
        return len(numbers)

    @property
    def blocks(self) -> int:
        """Of the generator."""
        return self.shapes.count(r"blocks\.(\d{1,6})\.conv1\.weight")

    @property
    def channels(self) -> list[int]:
        """Of the maps that the first block takes, and of those that each gives."""
        kernels = [self.shapes.of(f"blocks.{i}.conv1.weight", 4) for i in range(self.blocks)]
        return [kernels[0][1], *(kernel[0] for kernel in kernels)]

    @property
    def colours(self) -> int:
        """Channels of the pictures."""
        return self.shapes.of("blocks.0.to_rgb.conv.weight", 4)[0]

    @property
    def constant(self) -> bool:
        """Are the first maps a constant?"""
        return "to_initial_block.weight" not in self.generator

    @property
    def attention(self) -> list[int]:
        """Numbers of the blocks that have attention before them."""
        return _numbers(self.generator, r"attns\.(\d{1,6})\..*")

    @property
    def discriminator_attention(self) -> list[int]:
        """Numbers of the discriminator's blocks that have attention behind them."""
        return _numbers(self.discriminator, r"attn_blocks\.(\d{1,6})\..*")

    @property
    def discriminator_channels(self) -> list[int]:
        """Of the pictures, and of what each block gives."""
        shapes = self.discriminator_shapes
        kernels = [
            shapes.of(f"blocks.{i}.net.0.weight", 4)
            for i in range(shapes.count(r"blocks\.(\d{1,6})\.net\.0\.weight"))
        ]
        return [kernels[0][1], *(kernel[0] for kernel in kernels)]

    @property
    def blurred(self) -> bool:
        """Are pictures blurred where they are enlarged?"""
        return self.blocks == 1 or "blocks.0.to_rgb.upsample.1.f" in self.generator

    @property
    def discriminator_blurred(self) -> bool:
        """Are the discriminator's maps blurred before they are halved?"""
        return "blocks.0.downsample.0.f" in self.discriminator

    @property
    def quantised(self) -> bool:
        """Has the discriminator a dictionary of features (fq_layers)?"""
        return any(name.startswith("quantize_blocks.") for name in self.discriminator)


def find(checkpoint: Checkpoint) -> StoredNetwork | None:
    """The networks in a file; None where it is of another family."""
    return checkpoint.network(*_MARKS)


def read(checkpoint: Checkpoint) -> Parts:
    """The networks of a checkpoint.

    Raises:
        InterpganError: if it holds none.
    """
    found = find(checkpoint)
    if found is None:
        raise InterpganError(
            f"{checkpoint.path} holds no generator of stylegan2-pytorch (SE and GE, or S and G)"
        )
    averaged = all(name in found.tensors for name in _MARKS[0])
    return Parts(
        checkpoint.path,
        averaged,
        mapping=_part(found.tensors, "SE" if averaged else "S"),
        generator=_part(found.tensors, "GE" if averaged else "G"),
        discriminator=_part(found.tensors, "D"),
    )


def network_tensors(parts: Parts) -> dict[str, Tensor]:
    """Mapping and generator in the names of our network."""
    mapping = {
        f"mapping.layers.{int(match[1]) // 2}.{match[2]}" if match else name: tensor
        for name, tensor in parts.mapping.items()
        for match in [re.fullmatch(r"net\.(\d{0,5}[02468])\.(weight|bias)", name)]
    }
    return mapping | _renamed(parts.generator, _GENERATOR)


def discriminator_tensors(parts: Parts) -> dict[str, Tensor]:
    """The discriminator in the names of ours."""
    return _renamed(parts.discriminator, _DISCRIMINATOR)


def rate_beside(path: Path) -> float | None:
    """lr_mlp as the package wrote it beside its files; None where there is no such file, or it does not say."""
    beside = path.with_name(_CONFIG)
    try:
        if beside.stat().st_size > 100_000:
            return None
        said = json.loads(beside.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    rate = said.get("lr_mlp") if isinstance(said, dict) else None
    is_rate = isinstance(rate, float | int) and not isinstance(rate, bool) and 0 < rate < math.inf
    return float(rate) if is_rate and rate is not None else None


def _part(tensors: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    start = f"{name}."
    return {key.removeprefix(start): t for key, t in tensors.items() if key.startswith(start)}


def _renamed(tensors: Mapping[str, Tensor], names: tuple[tuple[str, str], ...]) -> dict[str, Tensor]:
    renamed = {}
    for name, tensor in tensors.items():
        if re.fullmatch(_BLUR, name):
            continue
        for rules in (names, _ATTENTION):
            for theirs, ours in rules:
                if re.fullmatch(theirs, name):
                    name = re.sub(theirs, ours, name)
                    break
        renamed[name] = tensor
    return renamed


def _numbers(tensors: Mapping[str, Tensor], pattern: str) -> list[int]:
    return sorted({int(match[1]) for name in tensors if (match := re.fullmatch(pattern, name))})
