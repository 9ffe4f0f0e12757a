"""`make tiny`: a tiny checkpoint of every family, and two boundaries of `avatars.pggan`, in the layout of their
publishers, for recipes and for tests of all families.

The checkpoints have random weights, a few kilobytes each: they show patterns, and that a recipe runs.
"""

import sys
from pathlib import Path

import numpy as np
import torch

from interpgan_alae import testing as alae_files
from interpgan_avatars.operators import LoadDirections
from interpgan_biggan import testing as biggan_files
from interpgan_core import load_generator
from interpgan_dcgan import testing as dcgan_files
from interpgan_lucidrains import testing as lucidrains_files
from interpgan_pggan import testing as pggan_files
from interpgan_projected import testing as projected_files
from interpgan_r3gan import testing as r3gan_files
from interpgan_stylegan.testing import v1 as stylegan1_files
from interpgan_stylegan.testing import v2 as stylegan2_files
from interpgan_stylegan.testing import v3 as stylegan3_files


def write(folder: Path) -> None:
    """Write them all into a folder, each under the name that its recipe uses."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    torch.save({"generator_smooth": pggan_files.generator()}, folder / "pggan.pth")
    torch.save({"generator_smooth": stylegan1_files.generator()}, folder / "stylegan1.pth")
    torch.save(stylegan2_files.generator(), folder / "stylegan2.pth")
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
    torch.save(biggan_files.ajbrock(), folder / "biggan.pth")
    state = biggan_files.huggingface()
    state["generator.bn.weight"] *= 8  # as they are drawn, these pictures are all but grey
    biggan_files.write_huggingface(folder / "biggan-deep", state)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
