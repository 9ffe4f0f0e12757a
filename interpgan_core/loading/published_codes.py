"""Code files of the field's projectors and encoders, read safely into `LatentBatch`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interpgan_core.errors import InterpganError, did_you_mean, remark
from interpgan_core.files.checkpoints import read_weights
from interpgan_core.generators.generator import Generator
from interpgan_core.generators.latents import LatentBatch
from interpgan_core.generators.spaces import LatentSpace

if TYPE_CHECKING:
    from torch import Tensor

# What files call their codes, and the space where the name says it: w and w+ are told apart by the shape.
CODE_NAMES = {
    "w": "w", "ws": "w", "w_plus": "w", "wp": "w", "w+": "w", "projected_w": "w", "dlatents": "w", "dlatent": "w",
    "dlat": "w", "w_pivot": "w", "z": "z", "zs": "z", "latents": None, "latent": None, "codes": None, "code": None,
    "arr_0": None, "latent_code": None, "latent_codes": None, "result_latents": None,
}  # fmt: skip


def load_codes(path: Path, generator: Generator, space: str | None = None) -> LatentBatch:
    """Read codes from any published format, without running anything in the file.

    Args:
        path: `.npz` of NVIDIA's projector (`w`), `.npy`, `.npz` and `.pt` of e4e, pSp, ReStyle, PTI, InterFaceGAN and
            others; interpgan's own is read by `LatentBatch.load`.
        generator: whose codes they are.
        space: which space, where neither the file's names nor its shapes say it.

    Returns:
        A batch without seeds. Codes that are given once a layer, always the same, are codes of W; those of another
        number of layers are taken by the number of the layer that each of the generator's codes drives.

    Raises:
        InterpganError: if the file holds no codes of this generator, or does not say of which space they are.
    """
    import torch

    if space is not None and space not in generator.spaces:
        raise InterpganError(f"this generator has no space '{space}'" + did_you_mean(space, generator.spaces))
    found = list(_arrays(read_weights(path)))
    if not found:
        raise InterpganError(
            f"{path} holds no codes that are known here: an array of them, or one called w, latents or latent"
        )
    said = {name_space for name_space, _ in found} - {None}
    parts = [_rows(array) for _, array in found]
    if len({part.shape[1:] for part in parts}) > 1:
        shapes = ", ".join(str(tuple(array.shape)) for _, array in found[:4])
        raise InterpganError(f"{path} holds codes of different shapes: {shapes}; give a file of one kind")
    codes = torch.cat(parts).float()
    if not codes.isfinite().all():
        raise InterpganError(f"{path} holds numbers that are not finite")
    chosen = space or _space_of(codes, said, generator, path)
    return _batch(codes, generator.spaces[chosen], generator, path).to(generator.device)


def _arrays(content: Any, space: str | None = None) -> Iterator[tuple[str | None, Tensor]]:
    """The arrays of codes in a file, with the space that their names say."""
    if hasattr(content, "is_floating_point"):
        if content.is_floating_point() and content.ndim:
            yield space, content
    elif isinstance(content, Mapping):
        named = {str(key).lower(): key for key in content}
        for name, said in CODE_NAMES.items():
            if name in named:
                yield from _arrays(content[named[name]], said)
                return
        for inside in content.values():  # by the names of pictures
            if isinstance(inside, Mapping) or hasattr(inside, "is_floating_point"):
                yield from _one_each(_arrays(inside))
    elif isinstance(content, list):
        for inside in content:
            yield from _one_each(_arrays(inside, space))


def _one_each(found: Iterator[tuple[str | None, Tensor]]) -> Iterator[tuple[str | None, Tensor]]:
    """Of an entry for each picture: (l, d) is one code there."""
    for space, array in found:
        yield space, array[None] if array.ndim == 2 and len(array) > 1 else array


def _rows(array: Tensor) -> Tensor:
    """(n, d) or (n, l, d)."""
    if array.ndim == 1:
        return array[None]
    if array.ndim == 4 and 1 in array.shape[:2]:  # (n, 1, l, d)
        array = array.reshape(-1, *array.shape[2:])
    return array


def _space_of(codes: Tensor, said: set[str | None], generator: Generator, path: Path) -> str:
    """The space of codes, from what the file calls them and from their shape."""
    spaces = generator.spaces
    if codes.ndim == 3:
        equal = bool((codes == codes[:, :1]).all()) and "w" in spaces
        if not equal and "w+" not in spaces:
            raise InterpganError(
                f"{path} holds codes once a layer, and this generator has none; it is of another model"
            )
        return "w" if equal else "w+"
    if codes.ndim == 2 and len(said) == 1 and (name := str(next(iter(said)))) in spaces:
        return name
    fitting = [name for name, space in spaces.items() if space.shape == tuple(codes.shape[1:])]
    if len(fitting) == 1:
        return fitting[0]
    wide = spaces.get("w+")
    if wide is not None and tuple(codes.shape) == wide.shape:
        remark(
            f"{path.name} holds an array {tuple(codes.shape)} and was read as one code of w+; if it is {len(codes)} "
            "codes of w, say space: w"
        )
        return "w+"
    advice = "it is of another model"
    if fitting:
        layers = (
            f", or space: w+ if it is one code of {len(codes)} layers" if wide and codes.ndim == 2 else ""
        )
        advice = f"say which, as space: {fitting[0]}{layers}"
    raise InterpganError(
        f"{path} holds an array {tuple(codes.shape)}: {len(codes)} codes of "
        f"{' or '.join(fitting) or 'no space of this generator'}; {advice}"
    )


def _batch(codes: Tensor, space: LatentSpace, generator: Generator, path: Path) -> LatentBatch:
    """Codes as codes of a space, if they fit it."""
    rows, wanted = tuple(codes.shape[1:]), tuple(space.shape)
    if rows == wanted:
        return LatentBatch(codes, space)
    if codes.ndim == 2 and tuple(codes.shape) == wanted:
        return LatentBatch(codes[None], space)
    if len(wanted) == 1 and codes.ndim == 3 and rows[1:] == wanted:
        if (codes == codes[:, :1]).all():
            return LatentBatch(codes[:, 0], space)
        raise InterpganError(
            f"{path} holds codes {rows}, other numbers for each layer: they are of w+, not {space.name}"
        )
    if len(wanted) == 2 and rows == wanted[1:]:  # of the space below, once a layer
        return LatentBatch(codes[:, None].expand(-1, *wanted).clone(), space)
    if len(wanted) == 2 and rows[-1:] == wanted[-1:] and space.layer_of is not None:
        layered = codes if codes.ndim == 3 else codes[None]
        numbers = space.layer_of.flatten().cpu()
        if int(numbers.max()) < layered.shape[1]:
            return LatentBatch(layered[:, numbers], space)
    raise InterpganError(
        f"{path} holds codes {rows if codes.ndim > 1 else tuple(codes.shape)}, and a code of {space.name} is {wanted} "
        "in this generator: they are of another model"
    )
