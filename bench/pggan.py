"""PGGAN at 1024 pixels and StyleGAN 1 at 256 against the plain formulation of the originals: one picture.

    .venv/bin/python bench/pggan.py

Plain: equalised weights multiplied out at each picture, nearest upsampling and a 3x3 convolution (or the 4x4
transposed one where the checkpoint is fused), blur, noise, bias, leaky ReLU, norms, each a pass of its own, in
torch's own order of memory. Both have the same random weights and take turns.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from interpgan_core import Generator, load_generator

THREADS = 2
ROUNDS = 9


def widths(size: int, base: int = 16384) -> list[int]:
    """Channels at 4, 8 … `size` pixels."""
    return [min(base // (4 * 2**b), 512) for b in range(size.bit_length() - 2)]


def pggan_weights(size: int) -> dict[str, Tensor]:
    """A state dict of genforce's PGGAN, of random numbers."""
    shapes: dict[str, tuple[int, ...]] = {}
    for b, width in enumerate(channels := widths(size)):
        shapes[f"layer{2 * b}.weight"] = (width, channels[b - 1], 3, 3) if b else (width, 512, 4, 4)
        shapes[f"layer{2 * b + 1}.weight"] = (width, width, 3, 3)
        shapes |= {f"layer{2 * b}.bias": (width,), f"layer{2 * b + 1}.bias": (width,)}
        shapes |= {f"output{b}.weight": (3, width, 1, 1), f"output{b}.bias": (3,)}
    return random(shapes) | {"lod": torch.zeros(())}


def stylegan_weights(size: int) -> dict[str, Tensor]:
    """A state dict of genforce's StyleGAN 1, of random numbers."""
    shapes: dict[str, tuple[int, ...]] = {
        "truncation.w_avg": (512,),
        "synthesis.layer0.const": (1, 512, 4, 4),
    }
    for i in range(8):
        shapes |= {f"mapping.dense{i}.weight": (512, 512), f"mapping.dense{i}.bias": (512,)}
    for b, width in enumerate(channels := widths(size)):
        side = 4 * 2**b
        for k in (2 * b, 2 * b + 1):
            layer = f"synthesis.layer{k}"
            if k:
                shapes[f"{layer}.weight"] = (width, channels[b - 1] if k % 2 == 0 else width, 3, 3)
            shapes |= {f"{layer}.bias": (width,), f"{layer}.apply_noise.weight": (width,)}
            shapes |= {f"{layer}.apply_noise.noise": (1, 1, side, side)}
            shapes |= {f"{layer}.style.weight": (2 * width, 512), f"{layer}.style.bias": (2 * width,)}
        shapes |= {f"synthesis.output{b}.weight": (3, width, 1, 1), f"synthesis.output{b}.bias": (3,)}
    return random(shapes) | {"synthesis.lod": torch.zeros(())}


def random(shapes: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Weights of deviation 1 (of the mapping 100), the rest of 0.1."""
    torch.manual_seed(0)
    return {
        name: torch.randn(shape)
        * (100 if "mapping" in name else 1 if name.endswith(("weight", "const")) else 0.1)
        for name, shape in shapes.items()
    }


def pixel_norm(x: Tensor) -> Tensor:
    return x / torch.sqrt(torch.mean(x**2, dim=1, keepdim=True) + 1e-8)


def conv(x: Tensor, weight: Tensor, gain: float, padding: int) -> Tensor:
    return functional.conv2d(x, weight * gain / weight[0].numel() ** 0.5, padding=padding)


def bias(x: Tensor, value: Tensor) -> Tensor:
    return x + value.view(1, -1, 1, 1)


def plain_pggan(state: dict[str, Tensor], z: Tensor) -> Tensor:
    """The pictures of codes, (n, 512) -> (n, 3, r, r)."""
    x = pixel_norm(z)[:, :, None, None]
    count = sum(name.startswith("output") for name in state) // 2
    for k in range(2 * count):
        x = pixel_norm(x)
        if k and k % 2 == 0:
            x = functional.interpolate(x, scale_factor=2, mode="nearest")
        x = conv(x, state[f"layer{k}.weight"], 2**0.5, 3 if k == 0 else 1)
        x = functional.leaky_relu(bias(x, state[f"layer{k}.bias"]), 0.2)
    last = f"output{count - 1}"
    return bias(conv(pixel_norm(x), state[f"{last}.weight"], 1.0, 0), state[f"{last}.bias"])


def plain_stylegan(state: dict[str, Tensor], z: Tensor) -> Tensor:
    """The pictures of codes, (n, 512) -> (n, 3, r, r)."""
    w = pixel_norm(z)
    for i in range(8):
        weight, offset = state[f"mapping.dense{i}.weight"], state[f"mapping.dense{i}.bias"]
        w = functional.linear(w, weight * (0.01 * (2 / weight.shape[1]) ** 0.5), offset * 0.01)
        w = functional.leaky_relu(w, 0.2)
    count = sum(name.startswith("synthesis.output") for name in state) // 2
    line = torch.tensor([1.0, 2.0, 1.0]) / 4
    x = state["synthesis.layer0.const"].repeat(len(z), 1, 1, 1)
    for k in range(2 * count):
        part = {name.removeprefix(f"synthesis.layer{k}."): t for name, t in state.items()}
        if k and k % 2 == 0:
            x = plain_up(x, part["weight"], fused=4 * 2 ** (k // 2) >= 128)
            blur = (line[:, None] * line).repeat(x.shape[1], 1, 1, 1)
            x = functional.conv2d(x, blur, padding=1, groups=x.shape[1])
        elif k:
            x = conv(x, part["weight"], 2**0.5, 1)
        x = x + part["apply_noise.noise"] * part["apply_noise.weight"].view(1, -1, 1, 1)
        x = functional.leaky_relu(bias(x, part["bias"]), 0.2)
        x = x - torch.mean(x, dim=[2, 3], keepdim=True)
        x = x / torch.sqrt(torch.mean(x**2, dim=[2, 3], keepdim=True) + 1e-8)
        weight = part["style.weight"] / part["style.weight"].shape[1] ** 0.5
        style = functional.linear(w, weight, part["style.bias"]).view(len(z), 2, -1, 1, 1)
        x = x * (style[:, 0] + 1) + style[:, 1]
    last = f"synthesis.output{count - 1}"
    return bias(conv(x, state[f"{last}.weight"], 1.0, 0), state[f"{last}.bias"])


def plain_up(x: Tensor, weight: Tensor, fused: bool) -> Tensor:
    gain = 2**0.5
    if not fused:
        return conv(functional.interpolate(x, scale_factor=2, mode="nearest"), weight, gain, 1)
    kernel = functional.pad(weight * gain / weight[0].numel() ** 0.5, (1, 1, 1, 1))
    kernel = kernel[:, :, 1:, 1:] + kernel[:, :, :-1, 1:] + kernel[:, :, 1:, :-1] + kernel[:, :, :-1, :-1]
    return functional.conv_transpose2d(x, kernel.permute(1, 0, 2, 3), stride=2, padding=1)


CONTESTS: dict[str, tuple[Callable, Callable, int]] = {
    "PGGAN": (pggan_weights, plain_pggan, 1024),
    "StyleGAN 1": (stylegan_weights, plain_stylegan, 256),
}


def contest(name: str, size: int, path: Path) -> None:
    """Time one picture of both, in turns."""
    weights, plain, _ = CONTESTS[name]
    state = weights(size)
    torch.save({"generator_smooth": state}, path)
    generator: Generator = load_generator(path)
    batch = generator.sample([0])
    runs = {"ours": lambda: generator.forward(batch), "plain": lambda: plain(state, batch.codes)}
    difference = (runs["ours"]() - runs["plain"]()).abs().max()
    seconds: dict[str, list[float]] = {which: [] for which in runs}
    for _ in range(ROUNDS):
        for which, run in runs.items():
            start = time.perf_counter()
            run()
            seconds[which].append(time.perf_counter() - start)
    median = {which: statistics.median(taken) for which, taken in seconds.items()}
    print(f"{name} at {size}")
    for which, value in median.items():
        print(f"  {which:6} {value:.3f} s (fastest {min(seconds[which]):.3f})")
    print(f"  plain / ours {median['plain'] / median['ours']:.2f}; largest difference {difference:.1e}")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, help="pixels of both, in place of 1024 and 256")
    options = parser.parse_args()
    torch.set_num_threads(THREADS)
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        for name, (_, _, size) in CONTESTS.items():
            contest(name, options.size or size, Path(folder, "weights.pth"))


if __name__ == "__main__":
    main()
