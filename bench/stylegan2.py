"""StyleGAN 2 against the formulas of the original code: one picture from w, on two CPU cores, float32.

    .venv/bin/python bench/stylegan2.py [--size 1024] [--size 256]

The weights are random, which costs the same. The plain formulation is what the publishers' code computes
where its own CUDA kernels are not at hand: every sample's own kernels in one grouped convolution, a transposed
convolution and then the filter, zeros put between the pixels of the picture before it is filtered. Both
networks hold the same weights and take turns in one run, so that they meet the same disturbances.
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

from interpgan_core import load_generator
from interpgan_stylegan.v2.architecture import Plan
from interpgan_stylegan.v2.conversion import convert
from interpgan_stylegan.v2.network import Network

THREADS = 2
ROUNDS = 7
BASE = {1024: 32768, 256: 16384}  # channels times resolution, at most 512: config F, and ADA's for 256


def plain(state: dict[str, Tensor], w: Tensor, plan: Plan) -> Tensor:
    """Pictures of (n, w) codes, as the original code computes them.

    Args:
        state: of our network, in NVIDIA's names.
        w: (n, d).
        plan: of the network.
    """
    taps = torch.outer(*2 * [torch.tensor([1.0, 3.0, 3.0, 1.0])]) / 16

    def filtered(x: Tensor, before: int, after: int) -> Tensor:
        x = functional.pad(x, (before, after, before, after))
        weight = taps.expand(x.shape[1], 1, 4, 4).contiguous()
        return functional.conv2d(x, weight, groups=x.shape[1])

    def styled(name: str, scale: float = 1.0) -> Tensor:
        """(n, o, c, k, k)."""
        affine = state[f"{name}.affine.weight"] * plan.w**-0.5
        style = torch.addmm(state[f"{name}.affine.bias"], w, affine.T) * scale
        return state[f"{name}.weight"] * style[:, None, :, None, None]

    def conv(name: str, x: Tensor, up: bool) -> Tensor:
        kernels = styled(name)
        kernels = kernels * (kernels.square().sum((2, 3, 4)) + 1e-8).rsqrt()[:, :, None, None, None]
        n, outputs, inputs = kernels.shape[:3]
        x = x.reshape(1, n * inputs, *x.shape[2:])
        if up:
            kernels = kernels.transpose(1, 2).reshape(n * inputs, outputs, 3, 3)
            x = filtered(functional.conv_transpose2d(x, kernels, stride=2, groups=n), 1, 1)
        else:
            x = functional.conv2d(x, kernels.reshape(n * outputs, inputs, 3, 3), padding=1, groups=n)
        x = x.reshape(n, outputs, *x.shape[2:])
        x = x + state[f"{name}.noise_const"] * state[f"{name}.noise_strength"]
        return functional.leaky_relu(x + state[f"{name}.bias"][:, None, None], 0.2) * 2**0.5

    def torgb(name: str, x: Tensor) -> Tensor:
        kernels = styled(name, x.shape[1] ** -0.5)
        n = len(x)
        y = functional.conv2d(x.reshape(1, -1, *x.shape[2:]), kernels.reshape(n * 3, -1, 1, 1), groups=n)
        return y.reshape(n, 3, *x.shape[2:]) + state[f"{name}.bias"][:, None, None]

    def enlarged(picture: Tensor) -> Tensor:
        n, c, h, width = picture.shape
        spread = functional.pad(picture.reshape(n, c, h, 1, width, 1), (0, 1, 0, 0, 0, 1))
        return filtered(spread.reshape(n, c, 2 * h, 2 * width), 2, 1)

    x = state["synthesis.b4.const"].expand(len(w), -1, -1, -1)
    picture = None
    for i in range(len(plan.widths)):
        block = f"synthesis.b{4 * 2**i}"
        if i:
            x = conv(f"{block}.conv0", x, up=True)
        x = conv(f"{block}.conv1", x, up=False)
        drawn = torgb(f"{block}.torgb", x)
        picture = drawn if picture is None else enlarged(picture) + drawn
    return picture


def compare(size: int) -> None:
    """Time both formulations of one size."""
    widths = [min(BASE[size] // side, 512) for side in (4 * 2**i for i in range(20)) if side <= size]
    plan = Plan(z=512, w=512, mapping=(512,) * 8, widths=tuple(widths), architecture="skip")
    torch.manual_seed(0)
    state = {name: torch.randn_like(t) for name, t in Network(plan).state_dict().items()}
    state = {
        name: t + 1 if "affine.bias" in name else t * 0.1 if "strength" in name else t
        for name, t in state.items()
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.pt"
        g_ema = convert(state, "rosinality")  # whose networks do not clamp
        torch.save({"g_ema": g_ema, "latent_avg": torch.zeros(512)}, path)
        generator = load_generator(path)
    state = {name: t.contiguous() for name, t in generator.module.state_dict().items()}
    four = generator.to_space(generator.sample(range(4)), "w")
    contestants: dict[str, Callable[[], Tensor]] = {
        "plain, one": lambda: plain(state, four.codes[:1], plan),
        "ours, one": lambda: generator.forward(four[:1]),
        "plain, four": lambda: plain(state, four.codes, plan),
        "ours, four": lambda: generator.forward(four),
    }
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    pictures = {}
    with torch.inference_mode():
        for turn in range(ROUNDS + 1):
            for name, render in contestants.items():
                start = time.perf_counter()
                pictures[name] = render()
                if turn:  # the first warms up
                    seconds[name].append(time.perf_counter() - start)
    print(f"StyleGAN2-{size}, medians of {ROUNDS}, {THREADS} threads")
    median = {name: statistics.median(taken) for name, taken in seconds.items()}
    for name, value in median.items():
        print(f"  {name:12} {value:.3f} s (fastest {min(seconds[name]):.3f})")
    for count in ("one", "four"):
        ratio = median[f"plain, {count}"] / median[f"ours, {count}"]
        far = (pictures[f"plain, {count}"] - pictures[f"ours, {count}"]).abs().max()
        largest = pictures[f"plain, {count}"].abs().max()
        print(f"  {count}: {ratio:.2f} times as fast; largest difference {far:.1e} of {largest:.1f}")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, choices=BASE, action="append", help="pixels; both when left out")
    torch.set_num_threads(THREADS)
    for size in parser.parse_args().size or BASE:
        compare(size)


if __name__ == "__main__":
    main()
