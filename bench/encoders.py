"""One photograph through e4e in its full size, of random weights: seconds, and the most memory that it took.

    python bench/encoders.py [--threads 2] [--looks 5]

Beside it, in one run and taking turns, the same network written plainly here, of torch's own layers, as the paper's
code builds it: every layer initialised, the file read by torch.load, its state dict loaded into the layers. (That code
itself cannot be installed: it is no package, and asks for a compiler of CUDA.) Both have to give the same codes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

STAGES = ((64, 3), (128, 4), (256, 14), (512, 3))
CODES, SIZE = 18, 512
MULTIPLICATIONS = 72e9  # of a picture


class PlainUnit(nn.Module):
    """A unit of IR-SE50."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        conv = nn.Conv2d(before, after, 1, stride, bias=False)
        self.shortcut_layer = (
            nn.MaxPool2d(1, stride) if before == after else nn.Sequential(conv, nn.BatchNorm2d(after))
        )
        self.res_layer = nn.Sequential(
            nn.BatchNorm2d(before),
            nn.Conv2d(before, after, 3, 1, 1, bias=False),
            nn.PReLU(after),
            nn.Conv2d(after, after, 3, stride, 1, bias=False),
            nn.BatchNorm2d(after),
            PlainSqueeze(after),
        )

    def forward(self, x: Tensor) -> Tensor:
        added: Tensor = self.shortcut_layer(x) + self.res_layer(x)
        return added


class PlainSqueeze(nn.Module):
    """Squeeze and excitation."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = (
            nn.Conv2d(width, width // 16, 1, bias=False),
            nn.Conv2d(width // 16, width, 1, bias=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(self.fc2(torch.relu(self.fc1(functional.adaptive_avg_pool2d(x, 1)))))


class PlainHead(nn.Module):
    """Reads one code."""

    def __init__(self, depth: int) -> None:
        super().__init__()
        layers = [layer for _ in range(depth) for layer in (nn.Conv2d(SIZE, SIZE, 3, 2, 1), nn.LeakyReLU())]
        self.convs, self.linear = nn.Sequential(*layers), nn.Linear(SIZE, SIZE)

    def forward(self, x: Tensor) -> Tensor:
        weight = self.linear.weight / SIZE**0.5
        return functional.linear(self.convs(x).view(-1, SIZE), weight, self.linear.bias)


class PlainEncoder(nn.Module):
    """e4e."""

    def __init__(self) -> None:
        super().__init__()
        self.input_layer = nn.Sequential(
            nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.PReLU(64)
        )
        units, before = [], 64
        for width, count in STAGES:
            for i in range(count):
                units.append(PlainUnit(before, width, 2 if i == 0 else 1))
                before = width
        self.body = nn.Sequential(*units)
        self.styles = nn.ModuleList(PlainHead(4 if i < 3 else 5 if i < 7 else 6) for i in range(CODES))
        self.latlayer1, self.latlayer2 = nn.Conv2d(256, 512, 1), nn.Conv2d(128, 512, 1)

    def forward(self, x: Tensor) -> Tensor:
        x, maps = self.input_layer(x), []
        for i, unit in enumerate(self.body):
            x = unit(x)
            if i in (6, 20, 23):
                maps.append(x)
        c1, c2, c3 = maps
        p2 = functional.interpolate(c3, c2.shape[2:], mode="bilinear", align_corners=True) + self.latlayer1(
            c2
        )
        p1 = functional.interpolate(p2, c1.shape[2:], mode="bilinear", align_corners=True) + self.latlayer2(
            c1
        )
        first = self.styles[0](c3)
        codes = [first]
        for i in range(1, CODES):
            codes.append(first + self.styles[i](c3 if i < 3 else p2 if i < 7 else p1))
        return torch.stack(codes, 1)


def plain(path: Path) -> nn.Module:
    content = torch.load(path, map_location="cpu", weights_only=True)
    network = PlainEncoder()
    state = {name.removeprefix("encoder."): t for name, t in content["state_dict"].items()}
    network.load_state_dict(state)
    return network.eval()


def ours(path: Path) -> nn.Module:
    from interpgan_core.plugin import Checkpoint
    from interpgan_inversion.published.files import find

    found = find(Checkpoint(path))
    assert found is not None
    return found.network()


def write(path: Path) -> None:
    """A file as e4e's: 267 million random numbers."""
    torch.manual_seed(0)
    network = PlainEncoder()
    state = {f"encoder.{name}": t for name, t in network.state_dict().items()}
    options = {"encoder_type": "Encoder4Editing", "stylegan_size": 1024, "start_from_latent_avg": True}
    torch.save({"state_dict": state, "latent_avg": torch.zeros(CODES, SIZE), "opts": options}, path)


def measured(which: str, path: Path, threads: int, looks: int) -> None:
    """Load, and encode one picture some times; prints figures as JSON."""
    torch.set_num_threads(threads)
    picture = torch.rand(1, 3, 256, 256, generator=torch.Generator().manual_seed(1)) * 2 - 1
    started = _memory()
    began = time.perf_counter()
    network = {"plain": plain, "ours": ours}[which](path)
    loaded = time.perf_counter() - began
    seconds = []
    with torch.no_grad():
        for _ in range(looks):
            began = time.perf_counter()
            codes = network(picture)
            seconds.append(time.perf_counter() - began)
    print(
        json.dumps(
            [loaded, seconds[0], min(seconds), (_memory() - started) / 2**30, codes.flatten().tolist()]
        )
    )


def _memory() -> int:
    """The most memory that this process has taken, in bytes."""
    with Path("/proc/self/status").open() as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def product() -> float:
    """Multiplications and additions a second of a matrix product, in thousands of millions: what the cores can do."""
    a = torch.rand(2048, 2048)
    best = min(_seconds(lambda: a @ a) for _ in range(5))
    return 2 * 2048**3 / best / 1e9


def _seconds(work) -> float:  # type: ignore[no-untyped-def]
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    """Both, in turns."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--looks", type=int, default=5)
    arguments.add_argument("--one", nargs=2)
    chosen = arguments.parse_args()
    if chosen.one:
        measured(chosen.one[0], Path(chosen.one[1]), chosen.threads, chosen.looks)
        return
    torch.set_num_threads(chosen.threads)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "e4e.pt"
        write(path)
        print(f"a file of {path.stat().st_size / 1e9:.2f} GB, {chosen.threads} threads")
        rows: dict[str, list[list[float]]] = {"plain": [], "ours": []}
        codes = {}
        for which in ("plain", "ours") * 3:
            more = ["--threads", str(chosen.threads), "--looks", str(chosen.looks)]
            command = [sys.executable, __file__, "--one", which, str(path), *more]
            *figures, codes[which] = json.loads(
                subprocess.run(command, check=True, capture_output=True).stdout
            )
            rows[which].append(figures)
    best = {which: [min(column) for column in zip(*each, strict=True)] for which, each in rows.items()}
    print(f"{'':28}{'plain':>9}{'ours':>9}{'ratio':>8}")
    for i, what in enumerate(("loading, s", "first picture, s", "best picture, s", "most memory, GiB")):
        a, b = best["plain"][i], best["ours"][i]
        print(f"{what:28}{a:9.2f}{b:9.2f}{a / b:8.2f}")
    whole = [best[which][0] + best[which][1] for which in ("plain", "ours")]
    print(f"{'loading and one picture, s':28}{whole[0]:9.2f}{whole[1]:9.2f}{whole[0] / whole[1]:8.2f}")
    far = max(abs(a - b) for a, b in zip(codes["plain"], codes["ours"], strict=True))
    print(f"largest difference of a code: {far:.1e} of {max(map(abs, codes['plain'])):.1f}")
    reached = 2 * MULTIPLICATIONS / best["ours"][2] / 1e9
    print(
        f"{reached:.0f} thousand million operations a second; a matrix product of these cores: {product():.0f}"
    )


if __name__ == "__main__":
    main()
