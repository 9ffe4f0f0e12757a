"""`ganspace`'s streamed components beside the paper's incremental PCA (scikit-learn's), on the same planted numbers.

As W: codes of 512 numbers along planted axes, the i-th with standard deviation 3 / sqrt(i). As a PGGAN's first layer:
8,192 activations of z, without a peer: incremental PCA would take minutes, and does not lead back to codes.

    .venv/bin/python bench/ganspace.py [--samples 50000]
"""

import argparse
import resource
import time

import torch
from sklearn.decomposition import IncrementalPCA

from interpgan_core import seeded_normal
from interpgan_ganspace.pca import principal_components

COUNT, BLOCK = 80, 2000


def rows(samples: int):
    """z, block after block."""
    for start in range(0, samples, BLOCK):
        yield torch.randn(min(BLOCK, samples - start), 512, generator=torch.Generator().manual_seed(start))


def nearness(vectors, axes):
    """Mean cosine of the first 10, and of all, with the planted axes."""
    cosines = (torch.nn.functional.normalize(vectors) * axes[: len(vectors)]).sum(1).abs()
    return f"{cosines[:10].mean():.4f}, {cosines.mean():.4f}"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--samples", type=int, default=50_000)
    samples = parser.parse_args().samples
    axes = torch.linalg.qr(seeded_normal(range(512), (512,)).double()).Q
    stretch = (3 * torch.arange(1, 513)[:, None] ** -0.5 * axes).float()

    began = time.perf_counter()
    found = principal_components(lambda what: ((z @ stretch,) * 2 for z in rows(samples)), COUNT)
    ours = time.perf_counter() - began
    print(
        f"{samples} codes of 512 numbers, {COUNT} components; cosine with the truth of the first 10, of all"
    )
    print(f"  ganspace          {ours:6.1f} s   {nearness(found.directions, axes)}")
    began = time.perf_counter()
    peer = IncrementalPCA(COUNT, batch_size=BLOCK)
    for z in rows(samples):
        peer.partial_fit((z @ stretch).numpy())
    theirs = time.perf_counter() - began
    near = nearness(torch.from_numpy(peer.components_).double(), axes)
    print(f"  IncrementalPCA    {theirs:6.1f} s   {near}   {theirs / ours:.1f} times ours")

    weights = seeded_normal(range(512), (8192,)) * 3 * torch.arange(1, 513)[:, None] ** -0.5
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()

    def pairs(what):
        for z in rows(samples):
            for part in z.split(256):
                yield part, torch.nn.functional.leaky_relu(part @ weights, 0.2)

    found = principal_components(pairs, COUNT)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(
        f"{samples} times 8192 activations of z: {time.perf_counter() - began:.1f} s, {grown:.0f} MB more at the peak"
    )


if __name__ == "__main__":
    main()
