"""BigGAN-deep at 128 pixels against the formulas of the original, taking turns, on two CPU cores.

The original divides every weight by its spectral norm at every pass, normalises with four passes over the
maps, upsamples before the 3x3 convolution, and makes all 128 outputs of the last one. Weights are random.

    .venv/bin/python bench/biggan.py [--threads 2] [--rounds 9] [--resolution 128]
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from interpgan_core import LatentBatch, load_generator

CHANNELS, CODE, CLASSES, ROWS, EPS, ATTENTION = 128, 128, 1000, 51, 1e-4, 8
PAIRS = {128: (16, 16, 8, 4, 2, 1), 256: (16, 16, 8, 8, 4, 2, 1), 512: (16, 16, 8, 8, 4, 2, 1, 1)}


def blocks(resolution: int) -> list[tuple[bool, int, int]]:
    """Up, channels in and out, of each block."""
    widths = PAIRS[resolution]
    return [
        entry
        for i, o in pairwise(widths)
        for entry in ((False, i * CHANNELS, i * CHANNELS), (True, i * CHANNELS, o * CHANNELS))
    ]


def weights(resolution: int) -> dict[str, Tensor]:
    """A state dict in the layout of Hugging Face's files."""
    state = {"embeddings.weight": torch.randn(CODE, CLASSES)}

    def spectral(name: str, *shape: int, bias: bool = True) -> None:
        weight = torch.randn(shape) / 8
        u = functional.normalize(torch.randn(shape[0]), dim=0)
        v = functional.normalize(weight.flatten(1).t() @ u, dim=0)
        u = functional.normalize(weight.flatten(1) @ v, dim=0)
        state.update({f"{name}.weight_orig": weight, f"{name}.weight_u": u, f"{name}.weight_v": v})
        if bias:
            state[f"{name}.bias"] = torch.randn(shape[0]) / 10

    def norm(name: str, channels: int) -> None:
        state[f"{name}.running_means"] = torch.randn(ROWS, channels) / 10
        state[f"{name}.running_vars"] = torch.rand(ROWS, channels) + 0.5

    spectral("generator.gen_z", 16 * blocks(resolution)[0][1], 2 * CODE)
    for k, (_, inputs, outputs) in enumerate(blocks(resolution)):
        name, narrow = f"generator.layers.{k + (k >= ATTENTION)}", inputs // 4
        widths = (inputs, narrow, narrow, narrow, outputs)
        for j, kernel in enumerate((1, 3, 3, 1)):
            norm(f"{name}.bn_{j}", widths[j])
            for part in ("scale", "offset"):
                spectral(f"{name}.bn_{j}.{part}", widths[j], 2 * CODE, bias=False)
            spectral(f"{name}.conv_{j}", widths[j + 1], widths[j], kernel, kernel)
    name, c = f"generator.layers.{ATTENTION}", blocks(resolution)[ATTENTION][1]
    for part, shape in {
        "theta": (c // 8, c),
        "phi": (c // 8, c),
        "g": (c // 2, c),
        "o_conv": (c, c // 2),
    }.items():
        spectral(f"{name}.snconv1x1_{part}", *shape, 1, 1, bias=False)
    state[f"{name}.gamma"] = torch.ones(1) / 2
    norm("generator.bn", CHANNELS)
    state |= {"generator.bn.weight": torch.ones(CHANNELS), "generator.bn.bias": torch.zeros(CHANNELS)}
    spectral("generator.conv_to_rgb", CHANNELS, CHANNELS, 3, 3)
    return state


def plain(state: dict[str, Tensor], resolution: int, z: Tensor, labels: Tensor) -> Tensor:
    """A picture as the original computes it at truncation 1."""

    def weight(name: str) -> Tensor:
        w, u, v = (state[f"{name}.weight_{part}"] for part in ("orig", "u", "v"))
        return w / torch.dot(u, torch.mv(w.flatten(1), v))

    def conv(name: str, x: Tensor) -> Tensor:
        w = weight(name)
        return functional.conv2d(x, w, state.get(f"{name}.bias"), padding=w.shape[2] // 2)

    def norm(name: str, x: Tensor, gain: Tensor, bias: Tensor) -> Tensor:
        mean, variance = (state[f"{name}.running_{part}"][-1][:, None, None] for part in ("means", "vars"))
        return (x - mean) / torch.sqrt(variance + EPS) * gain[..., None, None] + bias[..., None, None]

    def up(x: Tensor) -> Tensor:
        return functional.interpolate(x, scale_factor=2)

    condition = torch.cat([z, functional.linear(labels, state["embeddings.weight"])], 1)
    x = functional.linear(condition, weight("generator.gen_z"), state["generator.gen_z.bias"])
    x = x.view(len(z), 4, 4, -1).permute(0, 3, 1, 2).contiguous()
    for k, (grows, inputs, outputs) in enumerate(blocks(resolution)):
        if k == ATTENTION:
            name, n, (h, w) = f"generator.layers.{k}.snconv1x1", len(x), x.shape[2:]
            theta = conv(f"{name}_theta", x).view(n, -1, h * w)
            phi, g = (functional.max_pool2d(conv(f"{name}_{p}", x), 2).flatten(2) for p in ("phi", "g"))
            beta = torch.softmax(torch.bmm(theta.transpose(1, 2), phi), -1)
            seen = torch.bmm(g, beta.transpose(1, 2)).view(n, -1, h, w)
            x = x + state[f"generator.layers.{k}.gamma"] * conv(f"{name}_o_conv", seen)
        name, maps = f"generator.layers.{k + (k >= ATTENTION)}", x
        for j in range(4):
            scale, offset = (
                functional.linear(condition, weight(f"{name}.bn_{j}.{part}")) for part in ("scale", "offset")
            )
            maps = functional.relu(norm(f"{name}.bn_{j}", maps, 1 + scale, offset))
            maps = conv(f"{name}.conv_{j}", up(maps) if grows and j == 1 else maps)
        x = x[:, : inputs // 2] if inputs != outputs else x
        x = maps + (up(x) if grows else x)
    x = norm("generator.bn", x, state["generator.bn.weight"], state["generator.bn.bias"])
    return torch.tanh(conv("generator.conv_to_rgb", functional.relu(x))[:, :3])


def main() -> None:
    """Time both, picture by picture, and say how far apart their pictures are."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--resolution", type=int, choices=PAIRS, default=128)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    state = weights(options.resolution)
    with tempfile.TemporaryDirectory() as folder:
        torch.save(state, Path(folder, "pytorch_model.bin"))
        layers = [[up, i // CHANNELS, o // CHANNELS] for up, i, o in blocks(options.resolution)]
        config = {"layers": layers, "attention_layer_position": ATTENTION, "n_stats": ROWS, "eps": EPS}
        Path(folder, "config.json").write_text(json.dumps(config))
        began = time.perf_counter()
        generator = load_generator(folder)
        print(f"load {time.perf_counter() - began:.2f} s")
    batches: dict[str, LatentBatch] = {}
    contestants: dict[str, Callable[[], Tensor]] = {}
    for count in (1, 4):
        batch = batches[str(count)] = generator.sample(range(count))
        contestants[f"ours, {count}"] = lambda b=batch: generator.forward(b)
        contestants[f"original, {count}"] = lambda b=batch: plain(
            state, options.resolution, b.codes, b.labels
        )
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    with torch.inference_mode():
        for turn in range(options.rounds + 2):
            for name, run in contestants.items():
                began = time.perf_counter()
                run()
                if turn >= 2:  # the first turns warm up
                    seconds[name].append(time.perf_counter() - began)
        far = (contestants["ours, 4"]() - contestants["original, 4"]()).abs().max()
    median = {name: statistics.median(taken) for name, taken in seconds.items()}
    for name, taken in seconds.items():
        print(f"{name:12} {median[name]:.3f} s (fastest {min(taken):.3f})")
    for count in (1, 4):
        ours, theirs = seconds[f"ours, {count}"], seconds[f"original, {count}"]
        ratio = statistics.median(t / o for o, t in zip(ours, theirs, strict=True))
        print(f"batches of {count}: {ratio:.2f} times as fast (median of the rounds' ratios)")
    print(f"largest difference of the pictures, of -1 to 1: {float(far):.1e}")
    print(f"peak memory of the process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")


if __name__ == "__main__":
    main()
