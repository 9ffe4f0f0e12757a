"""The space that this plugin's encoder and directions are of: W of StyleGAN 2, trained on FFHQ."""

from __future__ import annotations

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


def mean_of_w(generator: Generator, what: str) -> Tensor:
    """The mean code of the space, for a generator that has it.

    Args:
        generator: any.
        what: needs it, for the message.

    Returns:
        (512,) float32, on the generator's device.

    Raises:
        InterpganError: if its W is another; the mean codes of two generators with one W are alike.
    """
    from torch.nn.functional import cosine_similarity

    mean = read_safetensors(shipped(FILE), "w")[0]["mean"]
    own = generator.spaces["w"].mean if "w" in generator.spaces else None
    same = own is not None and own.shape == mean.shape and cosine_similarity(own.cpu(), mean, dim=0) > ALIKE
    if not same:
        raise InterpganError(
            f"{what} knows StyleGAN 2 of FFHQ alone, and this is another generator; take weights: mobilestylegan.ffhq, "
            "or a file of StyleGAN2-FFHQ"
        )
    return mean.to(generator.device)
