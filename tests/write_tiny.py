"""`make tiny`: a tiny checkpoint of every family and two boundaries, in the layout of their publishers, for the
recipes.

Random weights, a few kilobytes each: they show patterns, and that a recipe runs.
"""

import sys
from pathlib import Path

import numpy as np
import torch

from interpgan_biggan import testing as biggan_files
from interpgan_pggan import testing as pggan_files
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
    for seed, attribute in enumerate(("age", "gender")):
        boundary = np.random.RandomState(seed).randn(1, pggan_files.Z)
        np.save(folder / f"pggan_tiny_{attribute}_boundary.npy", boundary / np.linalg.norm(boundary))
    torch.save(biggan_files.ajbrock(), folder / "biggan.pth")
    biggan_files.write_huggingface(folder / "biggan-deep")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
