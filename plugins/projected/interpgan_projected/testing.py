"""For tests: small checkpoints of Projected GAN."""

from __future__ import annotations

from torch import Tensor

from interpgan_core import seeded_normal

Z = 12
_MULTIPLES = {4: 16, 8: 8, 16: 4, 32: 2, 64: 2, 128: 1, 256: 0.5, 512: 0.25, 1024: 0.125}


def generator(
    resolution: int = 128, classes: int = 0, channels: int = 3, width: int = 8
) -> dict[str, Tensor]:
    """The state dict of a generator.

    Args:
        resolution: of the pictures: 128, 256, 512, 1024.
        classes: 0 = unconditional.
        channels: of the pictures.
        width: ngf of the training: channels at 128 pixels.
    """
    counts = {size: int(multiple * width) for size, multiple in _MULTIPLES.items()}
    shapes: dict[str, tuple[int, ...]] = {}
    _normed(shapes, "init.init.0", (Z, 2 * counts[4], 4, 4), transposed=True)
    _norm(shapes, "init.init.1", 2 * counts[4])
    for size in [size for size in _MULTIPLES if 8 <= size <= max(256, resolution)]:
        before, after, place = (
            counts[size // 2],
            counts[size],
            f"synthesis.feat_{size}".removeprefix("synthesis."),
        )
        twice = size in (8, 32, 128, 512)
        for k in range(2 if twice else 1):
            conv = f"conv{k + 1 if twice else ''}" if classes else ("1", "5")[k]
            _normed(shapes, f"{place}.{conv}", (2 * after, after if k else before, 3, 3))
            if classes:
                _conditional(shapes, f"{place}.{conv.replace('conv', 'bn')}", 2 * after)
            else:
                _norm(shapes, f"{place}.{int(conv) + (2 if twice else 1)}", 2 * after)
                shapes |= {f"{place}.{int(conv) + 1}.weight": (1,)} if twice else {}
        if classes and twice:
            shapes[f"{place}.noise.weight"] = (1,)
        if 64 <= size <= 512:
            _normed(shapes, f"se_{size}.main.1", (after, counts[size // 16], 4, 4))
            _normed(shapes, f"se_{size}.main.3", (after, after, 1, 1))
    _normed(shapes, "to_big", (channels, counts[resolution], 3, 3))
    shapes["to_big.bias"] = (channels,)
    if classes:
        shapes["embed.weight"] = (classes, Z)
    state = {name: _filled(i, name, shape) for i, (name, shape) in enumerate(sorted(shapes.items()))}
    for name in [n for n in state if n.endswith("weight_orig")]:
        stem = name.removesuffix("_orig")
        weight = state[name].transpose(0, 1) if stem == "init.init.0.weight" else state[name]
        state[f"{stem}_u"], state[f"{stem}_v"] = _singular(weight.flatten(1))
    return {f"synthesis.{name}": tensor for name, tensor in state.items()}


def _normed(
    shapes: dict[str, tuple[int, ...]], place: str, shape: tuple[int, ...], transposed: bool = False
) -> None:
    """A weight under spectral norm, and its two vectors."""
    rows = shape[1] if transposed else shape[0]
    count = 1
    for side in shape:
        count *= side
    shapes |= {
        f"{place}.weight_orig": shape,
        f"{place}.weight_u": (rows,),
        f"{place}.weight_v": (count // rows,),
    }


def _norm(shapes: dict[str, tuple[int, ...]], place: str, channels: int) -> None:
    shapes |= {f"{place}.{part}": (channels,) for part in ("weight", "bias", "running_mean", "running_var")}


def _conditional(shapes: dict[str, tuple[int, ...]], place: str, channels: int) -> None:
    shapes |= {f"{place}.stored_mean": (channels,), f"{place}.stored_var": (channels,)}
    for part in ("gain", "bias"):
        _normed(shapes, f"{place}.{part}", (channels, Z))
        shapes[f"{place}.{part}.bias"] = (channels,)


def _filled(number: int, name: str, shape: tuple[int, ...]) -> Tensor:
    drawn = seeded_normal([number], shape)[0]
    if name.endswith("weight_orig"):
        scaled: Tensor = drawn / drawn[0].numel() ** 0.5
        return scaled
    if name.endswith("var"):
        return drawn.abs() * 0.05 + 0.2
    if name.endswith("weight") and name != "embed.weight":
        return 1 + drawn * 0.1 if shape != (1,) else drawn * 0.2
    return drawn * (1.0 if name == "embed.weight" else 0.1)


def _singular(rows: Tensor) -> tuple[Tensor, Tensor]:
    """The two vectors that some steps of power iteration leave."""
    u = rows.new_ones(len(rows))
    for _ in range(3):
        v = rows.T @ u
        v = v / v.norm()
        u = rows @ v
        u = u / u.norm()
    return u, v
