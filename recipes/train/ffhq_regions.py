"""How the head of `faces.regions` was made, on samples of mobilestylegan.ffhq.

`ffhq-regions.png` holds the classes of the samples of seeds 700 to 759, ten in a row, 64 pixels each, 255 where they
are not known: clusters of the generator's feature maps that were named by eye, corrected by strokes. A small net learns
them from the maps, and tells the classes of more samples; then the head learns all of them from what EfficientNet-Lite0
sees of the pictures, as they are, and turned, moved, mirrored, and in other colours. 10 minutes of one core.

    python recipes/train/ffhq_regions.py --out out/regions
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from interpgan_core import Generator, Truncate, load_generator, write_safetensors
from interpgan_faces.efficientnet import EfficientNetLite0
from interpgan_faces.regions_network import CLASSES, COARSE, Head

LABELS = Path(__file__).with_name("ffhq-regions.png")
NAMED, MORE = range(700, 760), range(3000, 3120)  # seeds
HELD_OUT = 20  # of the latter; nothing is fitted to them
MAPS = ("convs.6", "convs.8", "convs.10")
KEPT = 48  # principal coordinates of each
SURE, UNKNOWN = 0.6, 255  # least probability of a class that the head learns; what stands for none
COPIES = (4, 2)  # of the pictures that were named, of the others
BATCH, STEPS, RATE = 8, 420, 4e-3

Row = tuple[list[Tensor], Tensor]  # maps of a picture, and its classes


def drawn(generator: Generator, seeds: range, every: int) -> tuple[Tensor, list[Tensor]]:
    """Pictures of 256 pixels, uint8, and their maps at 64; every so many pairs are truncated by 0.7."""
    pictures, maps = [], []
    with torch.no_grad():
        for seed in seeds[::2]:
            batch = generator.to_space(generator.sample([seed, seed + 1]), "w")
            if seed % every == 0:
                batch = Truncate(psi=0.7).run(batch, generator)
            found = generator.features(batch, MAPS)
            image = functional.avg_pool2d(generator.images(batch), 2).clamp(-1, 1)
            pictures.append((image * 127.5 + 127.5).byte())
            maps.append([_at_64(found[name]).half() for name in MAPS])
    return torch.cat(pictures), [torch.cat(parts) for parts in zip(*maps, strict=True)]


def _at_64(maps: Tensor) -> Tensor:
    if maps.shape[2] > COARSE:
        return functional.avg_pool2d(maps, maps.shape[2] // COARSE)
    return functional.interpolate(maps, size=COARSE, mode="bilinear")


class Reader(nn.Module):
    """Classes of places, from a generator's maps there."""

    def __init__(self, maps: list[Tensor]) -> None:
        super().__init__()
        self.fitted = []
        for part in maps:
            rows = part.movedim(1, 3).flatten(0, 2).float()
            middle, spread = rows.mean(0), rows.std(0).clamp(min=1e-3)
            some = ((rows[torch.randint(len(rows), (6000,))] - middle) / spread).clamp(-4, 4)
            across = torch.linalg.svd(some - some.mean(0), full_matrices=False).Vh[:KEPT].T
            size = ((some - some.mean(0)) @ across).std()
            self.fitted.append((middle, spread, some.mean(0), across / size))
        self.net = nn.Sequential(
            nn.Dropout(0.15), nn.Linear(KEPT * len(maps), 96), nn.ReLU(), nn.Linear(96, len(CLASSES))
        )

    def seen(self, maps: list[Tensor]) -> Tensor:
        """(n·64·64, numbers)."""
        parts = []
        for part, (middle, spread, offset, across) in zip(maps, self.fitted, strict=True):
            rows = part.movedim(1, 3).flatten(0, 2).float()
            parts.append((((rows - middle) / spread).clamp(-4, 4) - offset) @ across)
        return torch.cat(parts, 1)

    def fit(self, maps: list[Tensor], classes: Tensor) -> None:
        rows, wanted = self.seen(maps), classes.flatten()
        known = (wanted != UNKNOWN).nonzero()[:, 0]
        weight = balanced(wanted[known], 0.4)
        adam = torch.optim.AdamW(self.net.parameters(), 2e-3, weight_decay=0.05)
        for _ in range(900):
            chosen = known[torch.randint(len(known), (2048,))]
            loss = functional.cross_entropy(self.net(rows[chosen]), wanted[chosen], weight)
            adam.zero_grad()
            torch.autograd.backward(loss)
            adam.step()
        self.net.eval()

    @torch.no_grad()
    def classes(self, maps: list[Tensor]) -> Tensor:
        """(n, 64, 64) of what it is sure of."""
        likely, found = self.net(self.seen(maps)).softmax(1).max(1)
        found[likely < SURE] = UNKNOWN
        return found.reshape(-1, COARSE, COARSE)


def balanced(classes: Tensor, power: float) -> Tensor:
    """Weights of the classes: rare ones count more."""
    weight = torch.bincount(classes, minlength=len(CLASSES)).float() ** -power
    return weight / weight.mean()


@torch.no_grad()
def rows_of(body: EfficientNetLite0, pictures: Tensor, classes: Tensor, copies: int) -> list[list[Row]]:
    """What the body sees of each picture: as it is, and of changed copies."""
    rows = []
    for copy in range(copies):
        change = float(copy > 0)
        n = len(pictures)
        x = pictures.float() / 127.5 - 1
        x = x * (1 + 0.15 * change * torch.randn(n, 3, 1, 1)) + 0.08 * change * torch.randn(n, 3, 1, 1)
        x = (x + 0.02 * change * torch.randn_like(x)).clamp(-1, 1)
        turn, size = 0.12 * change * torch.randn(n), (1 + 0.15 * change * torch.randn(n)).clamp(0.7, 1.4)
        side = torch.where(torch.rand(n) < 0.5 * change, -1.0, 1.0)
        move = 0.06 * change * torch.randn(n, 2, 1)
        cos, sin = size * turn.cos(), size * turn.sin()
        matrix = torch.stack([torch.stack([cos * side, -sin], 1), torch.stack([sin * side, cos], 1)], 1)
        grid = functional.affine_grid(torch.cat([matrix, move], 2), list(x.shape), align_corners=False)
        x = functional.grid_sample(x, grid, padding_mode="reflection", align_corners=False)
        coarse = functional.interpolate(grid.movedim(3, 1), size=COARSE, mode="area").movedim(1, 3)
        moved = functional.grid_sample(
            classes[:, None].float(), coarse, mode="nearest", padding_mode="reflection", align_corners=False
        )
        found = []
        for picture, wanted in zip(x, moved[:, 0].long(), strict=True):
            maps = body(picture[None])
            maps[0] = functional.adaptive_avg_pool2d(maps[0], COARSE)
            found.append(([each[0].half() for each in maps], wanted))
        rows.append(found)
    return rows


def joined(rows: list[Row]) -> tuple[list[Tensor], Tensor]:
    maps = [torch.stack(parts).float() for parts in zip(*(row[0] for row in rows), strict=True)]
    return maps, torch.stack([row[1] for row in rows])


def fit_head(rows: list[Row]) -> Head:
    head = Head().train()
    every = torch.cat([wanted.flatten() for _, wanted in rows])
    weight = balanced(every[every != UNKNOWN], 0.35)
    adam = torch.optim.AdamW(head.parameters(), RATE, weight_decay=0.03)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(adam, STEPS)
    for step in range(STEPS):
        maps, wanted = joined([rows[int(i)] for i in torch.randint(len(rows), (BATCH,))])
        loss = functional.cross_entropy(head(maps), wanted, weight, ignore_index=UNKNOWN)
        adam.zero_grad()
        torch.autograd.backward(loss)
        adam.step()
        falling.step()
        if step % 60 == 59:
            print(f"step {step + 1}, loss {float(loss.detach()):.3f}", flush=True)
    return head.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    generator, body = load_generator("mobilestylegan.ffhq", resolution=512), EfficientNetLite0.load()
    tiles = torch.from_numpy(np.array(Image.open(LABELS))).long()
    named = tiles.reshape(6, COARSE, 10, COARSE).transpose(1, 2).reshape(60, COARSE, COARSE)
    pictures, maps = drawn(generator, NAMED, 4)
    reader = Reader(maps)
    reader.fit(maps, named)
    rows = [row for copy in rows_of(body, pictures, named, COPIES[0]) for row in copy]
    pictures, maps = drawn(generator, MORE, 6)
    asis, *changed = rows_of(body, pictures, reader.classes(maps), COPIES[1])
    rows += asis[HELD_OUT:] + [row for copy in changed for row in copy[HELD_OUT:]]
    head = fit_head(rows)
    state = {name: t.half() if t.is_floating_point() else t for name, t in head.state_dict().items()}
    samples = {"samples": len(NAMED) + len(MORE) - HELD_OUT - 1}
    write_safetensors(options.out / "regions.safetensors", state, "face regions", samples)
    held, wanted = joined(asis[:HELD_OUT])
    with torch.no_grad():
        found = head(held).argmax(1)
    known = wanted != UNKNOWN
    for number, name in enumerate(CLASSES):
        both, either = (found == number) & (wanted == number), (found == number) | (wanted == number)
        print(f"{name}: intersection over union {float(both.sum() / (either & known).sum()):.2f}")


if __name__ == "__main__":
    main()
