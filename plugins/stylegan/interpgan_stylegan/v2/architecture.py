"""What makes one StyleGAN 2 differ from another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Plan:
    """Of a generator.

    Args:
        z, w: entries of these codes.
        mapping: outputs of each dense layer; the last is w.
        widths: channels at 4, 8, 16 … pixels.
        architecture: "skip": pictures of every size are summed up; "resnet", "orig": the last alone is made.
        classes: 0 = unconditional.
        embedding: entries that a class becomes.
        joint: are z and the class normalised together (genforce), without a bias, or each alone (NVIDIA)?
        shift: added to every style (genforce).
        equalised: are kernels scaled by their fan-in before they are demodulated (genforce, rosinality)?
            Demodulation takes that out again, but for its epsilon.
        noise: does the file have noise maps?
        clamp: bound of the activations.
        base: height and width of the smallest maps; every block doubles them.
        channels: of the pictures: 1 = grey, 3, 4 = with alpha.
    """

    z: int
    w: int
    mapping: tuple[int, ...]
    widths: tuple[int, ...]
    architecture: str
    classes: int = 0
    embedding: int = 0
    joint: bool = False
    shift: float = 0.0
    equalised: bool = False
    noise: bool = True
    clamp: float | None = None
    base: tuple[int, int] = (4, 4)
    channels: int = 3

    def size(self, block: int) -> tuple[int, int]:
        """Height and width of the maps of a block; -1 is the last, whose are the picture's."""
        block = block if block >= 0 else len(self.widths) + block
        return self.base[0] * 2**block, self.base[1] * 2**block

    @property
    def codes(self) -> int:
        """How many codes w+ has: one a convolution, one for the last picture."""
        return 2 * len(self.widths)


@dataclass(frozen=True)
class DiscriminatorPlan:
    """Of a discriminator.

    Args:
        widths: channels at 4, 8, 16 … pixels.
        hidden: outputs of the first dense layer.
        architecture: "resnet", "skip" (every block sees the picture at its size) or "orig".
        outputs: of the last dense layer.
        mapping: outputs of each dense layer that a class passes (NVIDIA); empty without.
        classes: 0 = unconditional. Without a mapping, there is an output for each (genforce).
        embedding: entries that a class becomes.
        statistics: channels of standard deviations over the batch; 0 = none.
        group: over how many samples these are taken; 0 = the whole batch.
        clamp: bound of the activations.
        area: positions of the smallest maps.
        channels: of the pictures.
    """

    widths: tuple[int, ...]
    hidden: int
    architecture: str
    outputs: int
    mapping: tuple[int, ...] = ()
    classes: int = 0
    embedding: int = 0
    statistics: int = 1
    group: int = 4
    clamp: float | None = None
    area: int = 16
    channels: int = 3


def as_tuples(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a plan that was written as JSON, which has no tuples."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in settings.items()}
