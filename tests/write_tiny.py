"""`make tiny`: a tiny checkpoint of every family, and two boundaries of `avatars.pggan`, in the layout of their
publishers, for recipes and for tests of all families.

The checkpoints have random weights, a few kilobytes each: they show patterns, and that a recipe runs.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from interpgan_alae import testing as alae_files
from interpgan_avatars.operators import LoadDirections
from interpgan_biggan import testing as biggan_files
from interpgan_core import load_generator
from interpgan_dcgan import testing as dcgan_files
from interpgan_inversion import testing as encoder_files
from interpgan_lucidrains import testing as lucidrains_files
from interpgan_pggan import testing as pggan_files
from interpgan_projected import testing as projected_files
from interpgan_r3gan import testing as r3gan_files
from interpgan_stylegan.testing import v1 as stylegan1_files
from interpgan_stylegan.testing import v2 as stylegan2_files
from interpgan_stylegan.testing import v3 as stylegan3_files
from interpgan_stylegan.v2.conversion import convert
from interpgan_text import testing as text_files

CODES = 6  # of the tiny StyleGAN 2


def write(folder: Path) -> None:
    """Write them all into a folder, each under the name that its recipe uses."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    torch.save({"generator_smooth": pggan_files.generator()}, folder / "pggan.pth")
    torch.save({"generator_smooth": stylegan1_files.generator()}, folder / "stylegan1.pth")
    torch.save(stylegan2_files.generator(), folder / "stylegan2.pth")
    torch.save(_e4e(), folder / "e4e.pt")
    networks = {"G_ema": ("Generator", stylegan3_files.state("t"), {})}
    stylegan3_files.write_pickle(folder / "stylegan3.pkl", **networks)
    directions = LoadDirections().run(load_generator("avatars.pggan"))
    for attribute in ("age", "gender"):
        vector = directions[attribute].vector.numpy()
        np.save(folder / f"pggan_avatars_{attribute}_boundary.npy", vector[None])
    torch.save({"netG": dcgan_files.generator(), "netD": dcgan_files.discriminator()}, folder / "dcgan.pth")
    torch.save(lucidrains_files.file(), folder / "lucidrains.pt")
    nets = {"G_ema": r3gan_files.generator(), "D": r3gan_files.discriminator()}
    r3gan_files.write_pickle(folder / "r3gan.pkl", nets)
    torch.save({"models": alae_files.models()}, folder / "alae.pth")
    torch.save({"G_ema": projected_files.generator()}, folder / "projected.pt")
    save_file(text_files.hugging_face(text_files.openai()), folder / "clip.safetensors")
    torch.save(biggan_files.ajbrock(), folder / "biggan.pth")
    state = biggan_files.huggingface()
    state["generator.bn.weight"] *= 8  # as they are drawn, these pictures are all but grey
    biggan_files.write_huggingface(folder / "biggan-deep", state)


def _e4e() -> dict[str, Any]:
    """An encoder and its generator in one file, as e4e has them."""
    decoder = convert(stylegan2_files.generator(), "rosinality")
    mean = decoder.pop("latent_avg")
    encoder = encoder_files.style_encoder(encoder_files.plan(CODES, len(mean)))
    for name, tensor in encoder.items():
        if name.endswith("linear.weight"):
            tensor *= 0.2  # codes near the mean, as those of a trained one
    options = {"encoder_type": "Encoder4Editing", "stylegan_size": 16, "start_from_latent_avg": True}
    return encoder_files.published(encoder, decoder, mean.expand(CODES, -1).clone(), **options)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
