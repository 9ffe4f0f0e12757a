"""The space that this plugin's encoder and directions are of: W of StyleGAN 2, trained on FFHQ."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from interpgan_core import Generator, InterpganError, read_safetensors

if TYPE_CHECKING:
    from torch import Tensor

FILE = "w.safetensors"
ALIKE = 0.9  # least cosine of the mean codes of two generators with one W


def shipped(name: str) -> Path:
    """A file that comes with the plugin."""
    return Path(str(files(__package__).joinpath("weights", name)))


@dataclass(frozen=True, eq=False)
class W:
    """What is known of the space.

    Args:
        mean: (512,) float32.
        spread: (512,) float32, standard deviations.
    """

    mean: Tensor
    spread: Tensor


def w_of(generator: Generator, what: str) -> W:
    """The space, for a generator that has it.

    Args:
        generator: any.
        what: needs it, for the message.

    Raises:
        InterpganError: if its W is another; the mean codes of two generators with one W are alike.
    """
    from torch.nn.functional import cosine_similarity

    tensors, _ = read_safetensors(shipped(FILE), "w")
    mean = tensors["mean"]
    own = generator.spaces["w"].mean if "w" in generator.spaces else None
    same = own is not None and own.shape == mean.shape and cosine_similarity(own.cpu(), mean, dim=0) > ALIKE
    if not same:
        raise InterpganError(
            f"{what} knows StyleGAN 2 of FFHQ alone, and this is another generator; take weights: mobilestylegan.ffhq, "
            "or a file of StyleGAN2-FFHQ"
        )
    return W(mean.to(generator.device), tensors["spread"].to(generator.device))
