"""`interpretable.partition`'s arithmetic on planted groups of filters, and scikit-learn's GaussianMixture beside it.

First alone, 512 filters of 32 x 32 positions on many samples: the pass that sums a stream of maps, and the fit, which
does not see how many there were. Then both on maps that scikit-learn can hold: each filter one row of all its maps,
spherical covariances, which is the same model. Maps are made beforehand and not timed.

    .venv/bin/python bench/interpretable.py [--samples 10000]
"""

import argparse
import resource
import time
import warnings

import torch
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture

from interpgan_interpretable.partition.mixture import fit
from interpgan_interpretable.partition.moments import moments

BLOCK, POOL = 16, 8  # samples in a block; blocks that are made, and passed again and again


def planted(filters: int, positions: int, samples: int, groups: int, noise: tuple[float, float]):
    """Groups, and maps (samples, filters, positions, 1); groups differ in their noise, filters in their scale."""
    random = torch.Generator().manual_seed(0)
    truth = torch.arange(filters) % groups
    centres = 2 * torch.rand(groups, positions, generator=random)
    scale = 1 + 9 * torch.rand(filters, 1, generator=random)
    maps = torch.randn(samples, filters, positions, generator=random)
    maps = maps.mul_(torch.linspace(*noise, groups)[truth][:, None]).add_(centres[truth]).mul_(scale)
    return truth, maps[..., None]


def megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def timed(call):
    began = time.perf_counter()
    result = call()
    return result, time.perf_counter() - began


def alone(samples: int) -> None:
    truth, maps = planted(512, 1024, BLOCK * POOL, 24, (0.5, 2.0))
    blocks = maps.split(BLOCK)
    fit(moments(blocks).normalised(), 24, restarts=1)  # imports, and the first pass over fresh memory
    print(f"512 filters x 1024 positions, 24 groups, 10 restarts; {torch.get_num_threads()} threads")
    for count in (samples // 10, samples):
        before = megabytes()
        seen, passing = timed(lambda n=count: moments(blocks[i % POOL] for i in range(n // BLOCK)))
        found, fitting = timed(lambda s=seen: fit(s.normalised(), 24))
        print(
            f"  {seen.count:6} samples   pass {passing:6.2f} s ({seen.count * 2 / 1024 / passing:.1f} GB/s)   "
            f"fit {fitting:5.2f} s   {megabytes() - before:4.0f} MB more at the peak   "
            f"adjusted Rand {adjusted_rand_score(truth, found.groups):.4f}"
        )


def beside() -> None:
    print("192 filters x 256 positions x 100 samples, 12 groups; one start each, seeds 0 to 4")
    for noise in ((1.0, 1.0), (0.3, 3.0)):
        truth, maps = planted(192, 256, 100, 12, noise)
        rows = (
            (maps / maps.square().mean((0, 2, 3)).sqrt()[:, None, None]).transpose(0, 1).flatten(1).double()
        )
        for seed in range(5):
            (ours, fast) = timed(lambda s=seed, m=maps: fit(moments(m.split(BLOCK)).normalised(), 12, 1, s))
            peer = GaussianMixture(12, covariance_type="spherical", random_state=seed)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                theirs, slow = timed(lambda p=peer, r=rows: p.fit_predict(r.numpy()))
            print(
                f"  noise {noise[0]} to {noise[1]}, seed {seed}: ours {adjusted_rand_score(truth, ours.groups):.3f} "
                f"in {fast:.2f} s;  GaussianMixture {adjusted_rand_score(truth, theirs):.3f} in {slow:.2f} s, "
                f"{slow / fast:.0f} times as long"
            )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--samples", type=int, default=10_000)
    alone(parser.parse_args().samples)
    beside()


if __name__ == "__main__":
    main()
