"""The solvers of `interfacegan` on a planted direction: their cosines with it, their times, accuracies and stability.

100,000 codes of 512 numbers, scores that grow along one unit vector under noise of twice their standard deviation (the
case of METHODS), in an isotropic space (as Z) and in one stretched 20 to 1 with another mean than 0 (as W). Then the
published protocol on 480,000 codes: `svm` beside the published code's own solver, scikit-learn's SVC, on the same
samples, which takes minutes; the others on all of them.

    .venv/bin/python bench/interfacegan.py [--samples 100000] [--size 512] [--noise 2] [--published 480000]
"""

import argparse
import time

import numpy as np
import torch
from sklearn.svm import SVC
from torch import nn

from interpgan_core import Generator, LatentSpace, Scores, quiet, seeded_normal
from interpgan_interfacegan.boundaries import FitBoundaries
from interpgan_interfacegan.solvers.means import means_planes
from interpgan_interfacegan.solvers.solve import solve

SOLVERS = ("svm", "logistic", "means", "regression")


class Planted(Generator):
    """Codes alone; w is z, stretched and moved."""

    def __init__(self, size: int) -> None:
        self.module = nn.Identity()
        self.scale = torch.linspace(0, -3, size).exp()
        self.spaces = {name: LatentSpace(name, (size,)) for name in ("z", "w")}
        self.fingerprint = "planted"

    def prior(self, seeds):
        return seeded_normal(seeds, self.spaces["z"].shape)

    def map(self, codes, source, target, labels):
        return codes * self.scale + 1

    def forward(self, batch):
        raise NotImplementedError


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--samples", type=int, default=100_000)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--noise", type=float, default=2.0)
    parser.add_argument("--published", type=int, default=480_000)
    options = parser.parse_args()
    generator, random = Planted(options.size), np.random.RandomState(0)
    normal = random.randn(options.size)
    normal /= np.linalg.norm(normal)
    seeds = range(options.samples)
    print(
        f"{options.samples} codes of {options.size} numbers, noise {options.noise:g} of the signal's standard deviation"
    )
    for space in ("z", "w"):
        began = time.perf_counter()
        along = np.concatenate(
            [b.codes.double().numpy() @ normal for b in generator.stream(seeds, 1024, space)]
        )
        drawing = time.perf_counter() - began
        values = along + options.noise * along.std() * random.randn(len(along))
        scores = Scores(torch.tensor(seeds), torch.tensor(values[:, None], dtype=torch.float32), ("planted",))
        print(f"{space}: one pass over the codes takes {drawing:.1f} s")
        print(
            f"  {'solver':9} cosine  expected  stability  validation  the rest  seconds  without halves  converged"
        )
        for solver in SOLVERS:
            seconds = []
            for halves in (5, 0):
                began = time.perf_counter()
                step = FitBoundaries(scores=scores, space=space, solver=solver, bootstrap=halves)
                found = step.run(generator, quiet)["planted"]
                seconds.append(time.perf_counter() - began)
                if halves:
                    first = found
            notes = first.notes
            r = notes["stability"]
            print(
                f"  {solver:10} {float(first.vector.numpy() @ normal):6.3f}  {(2 * r / (1 + r)) ** 0.5:8.3f}  "
                f"{r:9.3f}  {notes['validation_accuracy']:10.3f}  {notes['rest_accuracy']:8.3f}  "
                f"{seconds[0]:7.1f}  {seconds[1]:14.1f}  {notes['converged']}",
                flush=True,
            )
    published(options.published, options.size, options.noise)


def published(count: int, size: int, noise: float) -> None:
    """2 % of the samples a side, 70 % of which are fitted on: two solvers of the same problem."""
    random = np.random.RandomState(0)
    normal = random.randn(size)
    normal /= np.linalg.norm(normal)
    codes = random.standard_normal((count, size)).astype(np.float32)
    values = codes @ normal + noise * random.randn(count)
    order, side = np.argsort(values), count // 50
    extremes = np.concatenate([order[:side], order[-side:]])
    rows = extremes[random.permutation(2 * side)[: int(0.7 * 2 * side)]]
    values -= np.median(values)
    print(f"published protocol, {count} samples, {len(rows)} fitted on by the first two:")

    def show(name: str, began: float, found: np.ndarray) -> float:
        seconds = time.perf_counter() - began
        print(f"  {name:10} {seconds:7.2f} s, cosine with the truth {found @ normal:.4f}", flush=True)
        return seconds

    began = time.perf_counter()
    ours = solve("svm", codes[rows], values[rows]).normal
    fast = show("svm", began, ours)
    began = time.perf_counter()
    exact = SVC(kernel="linear", C=1.0).fit(codes[rows], values[rows] >= 0).coef_[0]
    exact = exact / np.linalg.norm(exact)
    slow = show("SVC", began, exact)
    print(f"  svm and SVC: cosine {ours @ exact:.6f}, {fast / slow:.3f} of its time")
    everything = np.arange(count)
    began = time.perf_counter()
    blocks = ((everything[i : i + 4096], codes[i : i + 4096]) for i in range(0, count, 4096))
    show("means", began, means_planes(blocks, [[(everything, values)]], count)[0][0].normal)
    began = time.perf_counter()
    show("logistic", began, solve("logistic", codes, values).normal)
    began = time.perf_counter()
    show("regression", began, solve("regression", codes, values).normal)


if __name__ == "__main__":
    main()
