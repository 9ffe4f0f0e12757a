"""Direction files of the field's repositories, read safely into `DirectionSet`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interpgan_core.errors import InterpganError
from interpgan_core.files.checkpoints import read_weights
from interpgan_core.files.paths import start_of
from interpgan_core.generators.directions import Direction, DirectionSet
from interpgan_core.generators.ranges import Ranges
from interpgan_core.loading.published_codes import CODE_NAMES

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

# InterFaceGAN's names say it all: pggan_celebahq_age_c_gender_eyeglasses_boundary, stylegan_ffhq_age_w_boundary.
_BOUNDARY = re.compile(
    r"(?P<model>[^\W_]+)_([^\W_]+)_(?P<attribute>\w+?)(_c_(?P<given>\w+?))?(?P<w>_w)?_boundary"
)
# What these names, and GANSpace's, call the models whose codes they are of.
_MODELS = {"pggan": "PGGAN", "stylegan": "StyleGAN 1", "stylegan2": "StyleGAN 2", "stylegan3": "StyleGAN 3"}
_MAX_LAYERS = 64  # of a generator: more rows are no direction layer by layer
_SHOWN = 6  # keys of a file, in messages


@dataclass(frozen=True, eq=False)
class StoredDirection:
    """A direction as a file has it.

    Args:
        array: (d,), or layer by layer (l, d).
        space: the space that the file states; None where it is silent.
        layers: the layers that the file states.
        sigma: the standard deviation of codes along it, where the file knows it.
        mean: (d,) or (l, d), the codes' mean, from which distances count; where the file knows it.
        notes: what else the file states.
    """

    array: Array
    space: str | None = None
    layers: str = "all"
    sigma: float | None = None
    mean: Array | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)


def load_directions(
    path: str | Path, space: str | None = None, layers: str | None = None, flip: bool = False
) -> DirectionSet:
    """Read directions from any published format, without running anything in the file.

    Args:
        path: interpgan's own (`.safetensors`); `.npy` of InterFaceGAN, InterFaceGAN++, HiGAN, IDInvert, AdvStyle and
            others; `.pt` of e4e, PTI, ReStyle and rosinality (`factor.pt`); `.npz` and `.pkl` of GANSpace; a dict or
            a list of vectors of one length, in any of these formats.
        space: the space that the file is silent about; a file that states another one, in it or by the name that an
            InterFaceGAN boundary has (`_w`, or else Z), is an error.
        layers: the edit's default layers, in place of the file's.
        flip: turn every direction round.

    Returns:
        One direction named after the file, or a set with the file's names, "0", "1", … for components. The length a
        vector had stands in `notes["norm"]`; where the file knows the mean of the codes, distances count from it. A
        vector given once a layer, always the same, is read as the direction of W that it is, so that it fits any
        number of layers.

    Raises:
        InterpganError: if the file is not such a file, or the space is known from nowhere, or known otherwise.

    Source:
        The files of genforce/interfacegan, genforce/higan, genforce/idinvert, omertov/encoder4editing,
        harskish/ganspace and rosinality/stylegan2-pytorch.
    """
    path = Path(path)
    if is_own(path):
        found = dict(DirectionSet.read(path))
        for direction in found.values():
            if space not in (None, direction.space):
                raise InterpganError(
                    f"{path} holds directions of {direction.space}, not {space}; leave out 'space'"
                )
    else:
        found = {name: _direction(one, path, space) for name, one in read_stored(path).items()}
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


def is_own(path: Path) -> bool:
    """Is it a safetensors file, by its start or its name?"""
    return b'"' in start_of(path)[:16] or path.suffix == ".safetensors"


def read_stored(path: Path, content: Any = None) -> dict[str, StoredDirection]:
    """The directions of a published file, as it has them.

    Args:
        path: the file.
        content: of the file, where it has been read.

    Returns:
        By name, one at least.

    Raises:
        InterpganError: if it holds none.
    """
    content = read_weights(path) if content is None else content
    if isinstance(content, Mapping):
        return _of_mapping(content, path)
    if isinstance(content, list):
        rows = {str(i): _array(value, path) for i, value in enumerate(content)}
        return {name: StoredDirection(row) for name, row in _of_one_length(rows, path).items()}
    named = _BOUNDARY.fullmatch(path.stem)
    array = _array(content, path)
    notes: dict[str, Any] = {}
    if named:
        notes["model"] = _MODELS.get(named["model"].lower(), "")
        notes["attribute"] = "" if named["given"] else named["attribute"]
    space = None if named is None else "w" if named["w"] else "z"
    return {path.stem: StoredDirection(array, space, notes={k: v for k, v in notes.items() if v})}


def _of_mapping(content: Mapping[str, Any], path: Path) -> dict[str, StoredDirection]:
    """Of a dict: one direction with what is stated of it, components, or vectors by name."""
    if "boundary" in content:  # HiGAN, IDInvert, AdvStyle
        about = content.get("meta_data")
        about = {**content, **(about if isinstance(about, Mapping) else {})}
        notes = {key: about[key] for key in ("shift_range",) if key in about}
        array = _array(content["boundary"], path)
        return {path.stem: StoredDirection(array, layers=_layers(about, path), notes=notes)}
    if "eigvec" in content:  # rosinality: a direction is a column, of W always
        columns = _array(content["eigvec"], path, stacked=True).T
        return {str(i): StoredDirection(column, "w") for i, column in enumerate(columns)}
    for components, sigmas, mean in (("lat_comp", "lat_stdev", "lat_mean"), ("comp", "std", "mean")):
        if components in content:  # GANSpace, and e4e's files of it
            return dict(_components(content, components, sigmas, mean, path))
    arrays = {str(name): value for name, value in content.items() if _is_array(value)}
    if codes := [name for name in arrays if name.lower() in CODE_NAMES and name != "arr_0"]:
        raise InterpganError(
            f"{path} holds codes, called {codes[0]}, and no directions; read them by the step load"
        )
    if set(arrays) == {"arr_0"}:  # numpy.savez without a name
        return {path.stem: StoredDirection(_array(arrays["arr_0"], path))}
    if arrays and len(arrays) == len(content) and not any("." in name for name in arrays):
        rows = {name: _array(value, path) for name, value in arrays.items()}
        return {name: StoredDirection(row) for name, row in _of_one_length(rows, path).items()}
    raise _no_direction(path, content)


def _components(
    content: Mapping[str, Any], components: str, sigmas: str, mean: str, path: Path
) -> Iterator[tuple[str, StoredDirection]]:
    """Principal components; of a named edit of GANSpace, the one with its space, layers and name."""
    found = _array(content[components], path, stacked=True)
    sigma = _array(content.get(sigmas, []), path).flatten()
    centre = _array(content[mean], path) if mean in content else None
    space = str(content["latent_space"]).lower() if "latent_space" in content else None
    notes = {
        key: content[name]
        for key, name in (("name", "name"), ("component", "component_index"), ("data", "output_class"))
        if name in content
    }
    if model := _MODELS.get(str(content.get("model_name", "")).lower()):
        notes["model"] = model
    for i, row in enumerate(found):
        one = float(sigma[i]) if i < len(sigma) else None
        yield str(i), StoredDirection(row, space, _layers(content, path), one, centre, notes)


def _layers(about: Mapping[str, Any], path: Path) -> str:
    """The layers that a file states, as a range; "all" where it states none."""
    if isinstance(about.get("edit_start"), int) and isinstance(about.get("edit_end"), int):
        first, last = about["edit_start"], about["edit_end"] - 1  # GANSpace's end is exclusive
        if last < first:  # none: to the last layer
            return f"{first}-"
        return str(first) if first == last else f"{first}-{last}"
    stated = about.get("manipulate_layers", "all")
    stated = ",".join(map(str, stated)) if isinstance(stated, list) else str(stated)
    if stated in ("", "all", "None"):
        return "all"
    try:
        Ranges(stated)
    except InterpganError as error:
        raise InterpganError(
            f"{path} states layers that are none ({error}); say them in the step, as layers: 0-3"
        ) from error
    return stated


def _direction(stored: StoredDirection, path: Path, given: str | None) -> Direction:
    """The direction, in the space that the file or the step says."""
    import numpy as np
    import torch

    array = stored.array
    space = _space(stored, path, given)
    mean = None if stored.mean is None else stored.mean.reshape(-1, array.shape[-1])
    if array.ndim == 2 and space in ("w", "w+"):
        if (array == array[0]).all():
            array, space = array[0], "w"
        else:
            space = "w+"
    elif array.ndim == 1 and space == "w+":
        space = "w"  # of W, to be added layer by layer
    if array.ndim == 2 and (space != "w+" or len(array) > _MAX_LAYERS):
        raise InterpganError(
            f"{path} holds an array {stored.array.shape}, and a direction of {space} is one vector; give one row "
            "of it, or space: w+ if its rows are layers"
        )
    bias = 0.0
    if mean is not None:
        centre = mean.mean(0) if array.ndim == 1 else np.broadcast_to(mean, array.shape)
        bias = -float((centre * array).sum()) / (1 if array.ndim == 1 else len(array))
    notes: dict[str, Any] = {"file": path.name, "norm": float(np.linalg.norm(array)), **stored.notes}
    if stored.sigma is not None:
        notes["sigma"] = stored.sigma
    return Direction(torch.from_numpy(array), space, bias=bias, layers=stored.layers, notes=notes)


def _space(stored: StoredDirection, path: Path, given: str | None) -> str:
    """The space that the step says, or else the file."""
    if given is None and stored.space is None:
        raise InterpganError(
            f"{path} does not say which space its directions live in; add space: w (or z, w+)"
        )
    if stored.space is not None and given not in (None, stored.space, f"{stored.space}+"):
        how = "is named as a boundary" if _BOUNDARY.fullmatch(path.stem) else "states that it is"
        raise InterpganError(
            f"{path.name} {how} of {stored.space}, not {given}, and directions of two spaces do not mix; "
            "leave out 'space', or rename the file if its name is wrong"
        )
    return given or str(stored.space)


def _of_one_length(rows: Mapping[str, Array], path: Path) -> Mapping[str, Array]:
    if not rows or len({row.shape[-1] if row.ndim else 0 for row in rows.values()}) != 1:
        raise _no_direction(path, rows)
    return rows


def _no_direction(path: Path, names: Mapping[str, Any]) -> InterpganError:
    shown = ", ".join(map(str, list(names)[:_SHOWN])) or "nothing"
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return InterpganError(
        f"{path} holds {shown}{more}: no direction that interpgan knows of; a file of directions holds 'boundary', "
        "'lat_comp' or 'eigvec', or vectors of one length by their names"
    )


def _is_array(value: Any) -> bool:
    return hasattr(value, "shape") and hasattr(value, "dtype") and value.ndim > 0


def _array(value: Any, path: Path, stacked: bool = False) -> Array:
    """Numbers as (d,) or (l, d) float64, without axes of length 1; stacked: one such array a row."""
    import numpy as np
    import torch

    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().numpy()
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InterpganError(
            f"{path} holds something that is not numbers where a direction should be"
        ) from error
    shape = array.shape
    while array.ndim > (2 if stacked else 1) and array.shape[0] == 1:
        array = array[0]
    if array.ndim == 3 and array.shape[1] == 1:
        array = array[:, 0]
    if (array.ndim > 2 and not stacked) or array.ndim > 3:
        raise InterpganError(
            f"{path} holds an array {shape}; a direction is (d,), (1, d), (l, d) or (1, l, d)"
        )
    return array
