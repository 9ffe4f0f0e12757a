"""Direction files of the field's repositories, read safely into `DirectionSet`."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interpgan_core.errors import InterpganError
from interpgan_core.files.arrays import read_npy, read_npz
from interpgan_core.files.checkpoints import read_weights
from interpgan_core.files.paths import start_of
from interpgan_core.generators.directions import Direction, DirectionSet

if TYPE_CHECKING:
    import numpy as np


# InterFaceGAN's names say it all: pggan_celebahq_age_c_gender_eyeglasses_boundary, stylegan_ffhq_age_w_boundary.
_BOUNDARY = re.compile(r"([^\W_]+)_([^\W_]+)_(?P<attribute>\w+?)(_c_(?P<given>\w+?))?(?P<w>_w)?_boundary")


def load_directions(
    path: str | Path, space: str | None = None, layers: str | None = None, flip: bool = False
) -> DirectionSet:
    """Read directions from any published format, without running anything in the file.

    Args:
        path: interpgan's own (`.safetensors`), `.npy` of InterFaceGAN, InterFaceGAN++, HiGAN, IDInvert and others,
            `.pt` of e4e, PTI and ReStyle, `.npz` and `.pkl` of GANSpace.
        space: the space that the file is silent about; a file that knows another one, or an InterFaceGAN
            boundary whose name says another one (`_w`, or else Z), is an error.
        layers: the edit's default layers, in place of the file's.
        flip: turn every direction round.

    Returns:
        One direction named after the file, or a set named "0", "1", … for files with components. The
        length a vector had stands in `notes["norm"]`. A vector given once a layer, always the same, is read
        as the direction of W that it is, so that it fits any number of layers.

    Raises:
        InterpganError: if the file is not such a file, or the space is known from nowhere, or known otherwise.

    Source:
        The files of genforce/interfacegan, genforce/higan, genforce/idinvert, omertov/encoder4editing
        and harskish/ganspace.
    """
    path = Path(path)
    found = _read(path, space)
    out = {}
    for name, direction in found.items():
        vector = -direction.vector if flip else direction.vector
        bias = -direction.bias if flip else direction.bias
        chosen = layers if layers is not None else direction.layers
        notes = dict(direction.notes)
        if flip or chosen != direction.layers:
            notes.pop("score_per_unit", None)  # it was measured the other way, or on other layers
        out[name] = replace(direction, vector=vector, bias=bias, layers=chosen, notes=notes)
    return DirectionSet(out)


def _read(path: Path, space: str | None) -> Mapping[str, Direction]:
    magic = start_of(path)[:6]
    if magic == b"\x93NUMPY":
        content = read_npy(path)
    elif zipfile.is_zipfile(path) and any(n.endswith(".npy") for n in zipfile.ZipFile(path).namelist()):
        content = read_npz(path)
    elif b'"' in magic or path.suffix == ".safetensors":
        found = DirectionSet.read(path)
        for direction in found.values():
            if space not in (None, direction.space):
                raise InterpganError(
                    f"{path} holds directions of {direction.space}, not {space}; leave out 'space'"
                )
        return found
    else:
        content = read_weights(path)
    named = None if isinstance(content, Mapping) else _BOUNDARY.fullmatch(path.stem)
    space = _space(path, space, named)
    if not isinstance(content, Mapping):
        direction = _direction(content, space, path)
        said = {"attribute": named["attribute"]} if named and not named["given"] else {}
        return {path.stem: replace(direction, notes={**direction.notes, **said})}
    if "boundary" in content:  # HiGAN, IDInvert
        where = content.get("meta_data", {}).get("manipulate_layers", "all")
        where = ",".join(map(str, where)) if not isinstance(where, str) else where
        return {path.stem: _direction(content["boundary"], space, path, where)}
    for components, sigmas in (("lat_comp", "lat_stdev"), ("comp", "std")):  # GANSpace, e4e's GANSpace
        if components in content:
            sigma = _array(content.get(sigmas, []), path).flatten()
            return {
                str(i): _direction(row, space, path, sigma=float(sigma[i]) if i < len(sigma) else None)
                for i, row in enumerate(_array(content[components], path))
            }
    raise InterpganError(
        f"{path} holds {', '.join(map(str, content))}: no direction that interpgan knows of; "
        "a file of its own would hold 'boundary' or 'lat_comp'"
    )


def _space(path: Path, space: str | None, named: re.Match[str] | None) -> str:
    """The space that the step says, or else the name of the file."""
    in_name = None if named is None else "w" if named["w"] else "z"
    if space is None and in_name is None:
        raise InterpganError(
            f"{path} does not say which space its directions live in; add space: w (or z, w+)"
        )
    if None not in (space, in_name) and space != in_name:
        raise InterpganError(
            f"{path.name} is named as a boundary of {in_name}, not {space}, and directions of two spaces do not mix; "
            "leave out 'space', or rename the file if its name is wrong"
        )
    return space or str(in_name)


def _direction(
    value: Any, space: str, path: Path, layers: str = "all", sigma: float | None = None
) -> Direction:
    import numpy as np
    import torch

    array = _array(value, path)
    while array.ndim > 1 and array.shape[0] == 1:
        array = array[0]
    if array.ndim not in (1, 2):
        raise InterpganError(
            f"{path} holds an array {array.shape}; a direction is (d,), (1, d), (l, d) or (1, l, d)"
        )
    if array.ndim == 2 and space == "w":
        if (array == array[0]).all():
            array = array[0]
        else:
            space = "w+"
    notes: dict[str, Any] = {"file": path.name, "norm": float(np.linalg.norm(array))}
    if sigma is not None:
        notes["sigma"] = sigma
    return Direction(torch.from_numpy(array), space, layers=layers, notes=notes)


def _array(value: Any, path: Path) -> np.ndarray[Any, Any]:
    import numpy as np
    import torch

    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().numpy()
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InterpganError(
            f"{path} holds something that is not numbers where a direction should be"
        ) from error
