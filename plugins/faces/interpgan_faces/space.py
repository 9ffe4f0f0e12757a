"""The space that this plugin's encoder and directions are of: W of StyleGAN 2, trained on FFHQ."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from interpgan_core import Generator, InterpganError

if TYPE_CHECKING:
    from torch import Tensor

ALIKE = 0.9  # least cosine of the mean codes of two generators with one W


def shipped(name: str) -> Path:
    """A file that comes with the plugin."""
    return Path(str(files(__package__).joinpath("weights", name)))


def require_w(generator: Generator, mean: Tensor, what: str) -> None:
    """Check that a generator's W is that of StyleGAN2-FFHQ, by its mean code.

    Args:
        generator: any.
        mean: (512,) of W, as it should be.
        what: needs it, for the message.

    Raises:
        InterpganError: if it is another.
    """
    from torch.nn.functional import cosine_similarity

    own = generator.spaces["w"].mean if "w" in generator.spaces else None
    same = own is not None and own.shape == mean.shape and cosine_similarity(own.cpu(), mean, dim=0) > ALIKE
    if not same:
        raise InterpganError(
            f"{what} knows StyleGAN 2 of FFHQ alone, and this is another generator; take weights: mobilestylegan.ffhq, "
            "or a file of StyleGAN2-FFHQ"
        )
