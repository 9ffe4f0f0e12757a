"""How the encoder of `faces.encoder` was made: codes of the FFHQ model, by ridge regression on features of its samples.

Samples are drawn in blocks of 100 and kept, so that it goes on where it was stopped. 14,200 samples take an hour
of two cores, the regression two minutes and 8 GB of memory.

    python recipes/train/ffhq_encoder.py --out out/encoder --samples 14200
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from interpgan_core import Generator, load_generator, write_safetensors
from interpgan_faces.features import SIDE, FaceFeatures

BLOCK = 100  # samples in a file
FIRST = 10_000  # seed
HELD_OUT = range(600, 760)  # seeds; half of them truncated by a psi from .5 to 1
RIDGE = 0.4  # of the mean square of a sample's features
SMALLEST = 1e-3  # standard deviation of a feature that counts
RANK = 180  # of the linear map that is shipped


def seen(
    generator: Generator, net: FaceFeatures, seeds: range, lowest: float = 1
) -> tuple[list[Tensor], Tensor]:
    """Features (n, k) float16 of each map, and deviations (n, 512) of codes of W from the mean.

    Args:
        generator, net: what draws, and what looks.
        seeds: of the samples.
        lowest: the second half of them is truncated by a psi from this to 1.
    """
    mean, half = generator.spaces["w"].mean, len(seeds) // 2
    batch = generator.to_space(generator.sample(seeds), "w")
    psi = torch.ones(len(seeds), 1)
    psi[half:, 0] = torch.from_numpy(np.random.RandomState(0).uniform(lowest, 1, len(seeds) - half)).float()
    batch.codes[:] = mean + psi * (batch.codes - mean)
    found = []
    with torch.no_grad():
        for images in generator.iter_images(batch, 4):
            # A photograph has 8 bits.
            images = functional.adaptive_avg_pool2d(images.clamp(-1, 1), SIDE)
            found.append([m.half() for m in net(((images + 1) * 127.5).round() / 127.5 - 1)])
    return [torch.cat(maps) for maps in zip(*found, strict=True)], batch.codes - mean


def blocks(
    generator: Generator, net: FaceFeatures, folder: Path, count: int
) -> Iterator[tuple[list[Tensor], Tensor]]:
    """All blocks; those that are not there yet are drawn."""
    for block in range(count):
        file = folder / f"{block:04d}.pt"
        if not file.exists():
            seeds = range(FIRST + block * BLOCK, FIRST + (block + 1) * BLOCK)
            torch.save(seen(generator, net, seeds), folder / "partial")
            (folder / "partial").rename(file)
            print(f"{(block + 1) * BLOCK} samples", flush=True)
        yield torch.load(file, weights_only=True)


class Ridge:
    """A linear map of features, of which each map counts as much as the others; in its dual form.

    Args:
        maps: (n, k) of each map.
        codes: (n, 512).
    """

    def __init__(self, maps: list[Tensor], codes: Tensor) -> None:
        self.scales, self.middles = [], []
        gram = torch.zeros(len(codes), len(codes))
        for m in maps:
            middle = m.float().mean(0)
            scale = m.float().std(0).clamp(min=SMALLEST).reciprocal() / m.shape[1] ** 0.5
            self.middles.append(middle)
            self.scales.append(scale)
            x = (m.float() - middle) * scale
            gram.addmm_(x, x.T)
        gram.diagonal().add_(RIDGE * gram.diagonal().mean())
        self.offset = codes.mean(0)
        dual = torch.cholesky_solve(codes - self.offset, torch.linalg.cholesky(gram))
        del gram
        self.weights = [
            ((m.float() - middle) * scale).T @ dual
            for m, middle, scale in zip(maps, self.middles, self.scales, strict=True)
        ]

    def __call__(self, maps: list[Tensor]) -> Tensor:
        """(n, 512) codes."""
        rows = zip(maps, self.middles, self.scales, self.weights, strict=True)
        return self.offset + sum((m.float() - middle) * scale @ weight for m, middle, scale, weight in rows)

    def shipped(self, maps: list[Tensor]) -> dict[str, Tensor]:
        """The map at a lower rank, that which changes what it finds of these features least, in 8 bits."""
        across = torch.linalg.svd(self(maps) - self.offset, full_matrices=False).Vh[:RANK].T
        down = torch.cat([(w @ across) * s[:, None] for w, s in zip(self.weights, self.scales, strict=True)])
        scale = down.abs().amax(1) / 127
        return {
            "down": (down / scale[:, None]).round().to(torch.int8).T.contiguous(),
            "scale": scale,
            "up": across.contiguous(),
            "offset": self.offset - torch.cat(self.middles) @ down @ across.T,
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--samples", type=int, default=14_200)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    generator, net = load_generator("mobilestylegan.ffhq", resolution=512), FaceFeatures.load()
    drawn = list(blocks(generator, net, options.out, options.samples // BLOCK))
    maps = [torch.cat(m) for m in zip(*(d[0] for d in drawn), strict=True)]
    codes = torch.cat([d[1] for d in drawn])
    test, wanted = seen(generator, net, HELD_OUT, lowest=0.5)
    with (options.out / "log.jsonl").open("w") as log:
        for count in [len(codes) // 2**i for i in (4, 3, 2, 1, 0)]:
            ridge = Ridge([m[:count] for m in maps], codes[:count])
            cosine = functional.cosine_similarity(ridge(test), wanted).median()
            print(json.dumps({"samples": count, "cosine": round(float(cosine), 4)}), file=log, flush=True)
    shipped = ridge.shipped(maps)
    write_safetensors(
        options.out / "encoder.safetensors", shipped, "face encoder", {"generator": generator.fingerprint}
    )
    down = shipped["down"].float() * shipped["scale"]
    found = shipped["offset"] + torch.cat(test, 1).float() @ down.T @ shipped["up"].T
    print(f"shipped: cosine {functional.cosine_similarity(found, wanted).median():.4f}")


if __name__ == "__main__":
    main()
