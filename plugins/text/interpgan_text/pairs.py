"""Samples for `text.mapper`: their codes, and where the net sees their pictures, in files; from these, pairs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from interpgan_core import Generator, Progress
from interpgan_text.net import TextImageNet, of_images

FIRST = 2**31
"""The seed from which samples are drawn, above those that recipes use."""


class Pairs:
    """Codes and embeddings of samples, of which two at a time make a pair.

    Args:
        codes: (n, d) float32.
        seen: (n, e) float32, of length 1.
        classes: (n,) int64; zeros where there are none. A pair is of one class: no code leads from one to another.
    """

    def __init__(self, codes: np.ndarray, seen: np.ndarray, classes: np.ndarray) -> None:
        self.codes, self.seen, self.classes = codes, seen, classes
        self.order = np.argsort(classes, kind="stable")
        self.counts = np.bincount(classes)
        self.starts = np.cumsum(self.counts) - self.counts

    def __len__(self) -> int:
        return len(self.codes)

    def part(self, rows: slice) -> Pairs:
        """Pairs of some of the samples."""
        return Pairs(self.codes[rows], self.seen[rows], self.classes[rows])

    def spread(self) -> Tensor:
        """(e, e) float64, how embeddings of one class vary: their covariance about the mean of their class."""
        seen = torch.from_numpy(np.asarray(self.seen)).double()
        of = torch.from_numpy(self.classes)
        sums = seen.new_zeros(len(self.counts), seen.shape[1]).index_add(0, of, seen)
        apart = seen - (sums / torch.from_numpy(self.counts).clamp(min=1)[:, None])[of]
        return apart.T @ apart / len(seen)

    def drawn(self, step: int, count: int, seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Some pairs, by the number of the step alone.

        Args:
            step: its number.
            count: n.
            seed: of the order.

        Returns:
            Codes (n, d) and embeddings (n, e) of the first ones; codes and embeddings of the second ones.
        """
        random = np.random.RandomState([seed, step])
        first = random.randint(len(self), size=count)
        of = self.classes[first]
        second = self.order[self.starts[of] + (random.rand(count) * self.counts[of]).astype(np.int64)]
        return tuple(  # type: ignore[return-value]
            torch.from_numpy(np.asarray(table[rows]))
            for rows in (first, second)
            for table in (self.codes, self.seen)
        )


def sampled(
    generator: Generator, net: TextImageNet, space: str, count: int, scratch: Path, progress: Progress
) -> Pairs:
    """Draw samples, look at them, and keep both in files; a run that was stopped goes on.

    Args:
        generator: that draws.
        net: that looks.
        space: of single vectors, where the codes shall be.
        count: of the samples.
        scratch: for the files.
        progress: shows how far it is.
    """
    at_once = 50
    with torch.no_grad():
        wide = of_images(net, generator.images(generator.sample([FIRST]))).shape[1]
    codes = _table(scratch / "codes.npy", (count, generator.spaces[space].shape[0]), np.float32)
    seen = _table(scratch / "seen.npy", (count, wide), np.float32)
    classes = _table(scratch / "classes.npy", (count,), np.int64)
    # A row of zeros is not there yet; the last lot that is may be half written.
    there = int(np.count_nonzero(np.asarray(seen).any(1)))
    done = max(0, there - 1) // at_once * at_once if there < count else count
    total = -(-(count - done) // at_once)
    lots = generator.stream(range(FIRST + done, FIRST + count), at_once, space)
    for batch in progress(lots, total=total, what=f"looking at {count - done} samples"):
        rows = slice(done, done + len(batch))
        with torch.no_grad():
            pictures = generator.images(batch, at_once).clamp(-1, 1)
            found = of_images(net, pictures)
        codes[rows] = batch.codes.cpu().numpy()
        if batch.labels is not None:
            classes[rows] = batch.labels.argmax(1).cpu().numpy()
        seen[rows] = found.float().cpu().numpy()
        done += len(batch)
    return Pairs(codes, seen, np.asarray(classes))


def _table(file: Path, shape: tuple[int, ...], kind: type) -> np.ndarray:
    if file.exists():
        return np.lib.format.open_memmap(file, "r+")
    return np.lib.format.open_memmap(file, "w+", dtype=kind, shape=shape)
