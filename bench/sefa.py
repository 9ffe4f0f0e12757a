"""SeFa on every style layer of the FFHQ model, against the solver that the published code uses, in one run."""

import statistics
import time

import numpy as np
import torch

from interpgan_core import load_generator
from interpgan_sefa.factorise import FindSemantics, factorise

RUNS = 7
PAUSE = 0.3  # seconds; numpy's threads go on spinning after their work, and torch's would wait for them


def published(weights: np.ndarray) -> np.ndarray:
    """The general eigen-solver on A of unit rows, neither symmetric nor sorted, as the field runs SeFa."""
    rows = weights / np.linalg.norm(weights, axis=1, keepdims=True)
    return np.linalg.eig(rows.T @ rows)[1].T


def main() -> None:
    generator = load_generator("mobilestylegan.ffhq", resolution=512)
    layers = generator.spaces["w+"].layer_numbers()
    weights = torch.cat([generator.style_weight("w+", n) for n in layers])
    array = weights.numpy()
    ours: list[float] = []
    whole: list[float] = []
    theirs: list[float] = []
    for _ in range(RUNS):
        for times, call in (
            (ours, lambda: factorise(weights)),
            (whole, lambda: FindSemantics().run(generator)),
            (theirs, lambda: published(array)),
        ):
            time.sleep(PAUSE)
            began = time.perf_counter()
            call()
            times.append(time.perf_counter() - began)
    values, vectors = factorise(weights)
    a = torch.nn.functional.normalize(weights.double(), dim=1)
    singular = torch.linalg.svdvals(a) ** 2
    pairs = zip(theirs, ours, strict=True)
    print(
        f"SeFa: {len(generator.spaces['w+'].mean)} style layers, A is {tuple(weights.shape)}; median of {RUNS}"
    )
    print(f"  factorise               {statistics.median(ours) * 1e3:7.1f} ms")
    print(f"  the whole step `sefa`   {statistics.median(whole) * 1e3:7.1f} ms")
    print(f"  general eigen-solver    {statistics.median(theirs) * 1e3:7.1f} ms")
    print(f"  ratio                   {statistics.median(t / o for t, o in pairs):7.1f} times as fast")
    print(f"  eigenvalues descending  {bool((values.diff() <= 0).all())}")
    print(
        f"  against SVD of A        {float(((values - singular).abs() / singular[0]).max()):.1e} of the largest"
    )
    print(
        f"  orthonormal to          {float((vectors @ vectors.T - torch.eye(len(vectors))).abs().max()):.1e}"
    )


if __name__ == "__main__":
    main()
