"""Files of weights and results: written as safetensors; published ones are read without running their code."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interpgan_core.errors import InterpganError
from interpgan_core.files.arrays import NPY_START, ZIP_START, read_npy, read_npz
from interpgan_core.files.atomic import placing, placing_folder, sweep
from interpgan_core.files.builders import BUILDERS, EXTRAS, Global, PlainDict, torch_value
from interpgan_core.files.inert import builder_of, inert, of_python3
from interpgan_core.files.mapping import Mapped, can_be_mapped, mapped
from interpgan_core.files.paths import cache_folder, sha256_of, start_of
from interpgan_core.files.plain import plain
from interpgan_core.files.unpickle import RestrictedUnpickler, damaged, globals_in, refusal

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "cache_folder",
    "placing",
    "placing_folder",
    "read_npy",
    "read_npz",
    "read_safetensors",
    "read_weights",
    "sha256_of",
    "sweep",
    "write_safetensors",
]

VERSION = 1  # of our safetensors headers

_LEGACY_TORCH = 0x1950A86A20F9469CFC6C.to_bytes(10, "little")
# Modules of torch whose globals torch allows, near enough for a message.
_TORCH_OWN = {
    "torch",
    "torch._utils",
    "torch._tensor",
    "torch.nn.parameter",
    "torch.serialization",
    "torch.storage",
}
_CLASSES_OF_DICTS = 8  # in one file, that are found out one by one
_PICKLE_STARTS = {bytes([byte]) for byte in b"\x80(]}cl"}
_ARCHIVES = {
    b"\x1f\x8b": "packed by gzip; unpack it first",
    b"7z\xbc\xaf": "a 7z archive; unpack it first",
    b"Rar!": "a RAR archive; unpack it first",
    b"\x89HDF": "an HDF5 file of Keras or TensorFlow, which is not read; convert it to safetensors first",
}
# Where a file says so, and how, that it is of a format that is not read.
_OTHERS = (
    (
        (4, 12),
        b"TFL3",
        "a TensorFlow Lite model, which is not read; take the PyTorch weights that it was made of",
    ),
    (
        (4, 12),
        b"ftyp",
        "a picture or film of a telephone (HEIC, AVIF, MP4), and no weights; convert pictures to PNG",
    ),
    (
        (0, 64),
        b"\x12\x07pytorch",
        "an ONNX model, which is not read as a generator; take the PyTorch weights that it was made of",
    ),
    (
        (0, 64),
        b"\x12\x04onnx",
        "an ONNX model, which is not read as a generator; take the PyTorch weights that it was made of",
    ),
    (
        (0, 64),
        b"tf2onnx",
        "an ONNX model, which is not read as a generator; take the PyTorch weights that it was made of",
    ),
    (
        (0, 64),
        b"saved_model_schema",
        "a TensorFlow SavedModel, which is not read; convert it to safetensors first",
    ),
    ((0, 4), b"GGUF", "a GGUF file of language models, and no weights of a GAN"),
)


def write_safetensors(
    path: Path, tensors: Mapping[str, Tensor], kind: str, header: Mapping[str, Any]
) -> None:
    """Write a file in interpgan's own format; equal content gives equal bytes.

    Args:
        path: the file, replaced whole or not at all.
        tensors: name -> tensor of any shape and kind of number; on any device.
        kind: what the file holds, such as "batch"; its format is "interpgan.<kind>/1".
        header: any JSON value.

    Raises:
        InterpganError: if the header is no JSON value, or the folder cannot be written to.

    Source:
        The safetensors format: length of the table, table in JSON, numbers. Its own library writes the
        metadata in a random order, so the table is written here.
    """
    import safetensors.torch

    try:
        said = json.dumps(header, sort_keys=True, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise InterpganError(f"the header of {path.name} holds what JSON cannot hold: {error}") from error
    blob = memoryview(safetensors.torch.save({k: _plain(t) for k, t in tensors.items()}))
    start = 8 + int.from_bytes(blob[:8], "little")
    table = {"__metadata__": {"format": f"interpgan.{kind}/{VERSION}", "header": said}}
    table |= json.loads(bytes(blob[8:start]))
    text = json.dumps(table, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # keeps the numbers aligned
    with placing(path) as partial, partial.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.write(blob[start:])


def read_safetensors(path: Path, kind: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `write_safetensors` wrote.

    Args:
        path: the file.
        kind: what it must hold.

    Returns:
        The tensors by name, on the CPU, and the header.

    Raises:
        InterpganError: if the file is missing, damaged, of another program, kind or newer version.
    """
    tensors, metadata = _open_safetensors(path)
    program, _, rest = metadata.get("format", "").partition(".")
    held, _, version = rest.partition("/")
    if program != "interpgan" or not held or not version.isdecimal():
        raise InterpganError(f"{path} was not written by interpgan; name a file that holds {kind}")
    if held != kind:
        raise InterpganError(f"{path} holds {held if held.endswith('s') else 'a ' + held}, not {kind}")
    if int(version) > VERSION:
        raise InterpganError(f"{path} was written by a newer interpgan; upgrade interpgan-core to read it")
    try:
        header = json.loads(metadata["header"])
    except (KeyError, ValueError, RecursionError) as error:
        raise InterpganError(f"the header of {path} is damaged; make the file again") from error
    if not isinstance(header, dict):
        raise InterpganError(f"the header of {path} is damaged; make the file again")
    return tensors, header


def read_weights(path: Path) -> Any:
    """Read a published file of weights, whatever its name, running none of its code.

    Args:
        path: safetensors; torch's own format, new or old; a pickle of arrays or of NVIDIA's networks; or
            numpy's .npy and .npz. The content decides, not the name.

    Returns:
        Nested dicts and lists of tensors on the CPU, numbers, strings and None, and numpy's arrays
        of text. A network of NVIDIA's is
        {class_name, version, state}; an argparse.Namespace is a dict.

    Raises:
        InterpganError: if the file is missing, damaged, of no known format, or asks to run code; the message
            names every function it asks for.
    """
    return _read(path, in_place=False)[0]


def open_weights(path: Path) -> tuple[Any, Mapped | None]:
    """As `read_weights`, but the large tensors of a large file in torch's format stay in it until they are used.

    Returns:
        The content, and where the tensors are that stayed: None where all were read.

    Raises:
        InterpganError: as `read_weights`.
    """
    return _read(path, in_place=True)


def _read(path: Path, in_place: bool) -> tuple[Any, Mapped | None]:
    start = start_of(path)
    if start.startswith(ZIP_START):
        return _read_zip(path, in_place)
    return _read_other(path, start), None


def _read_other(path: Path, start: bytes) -> Any:
    if start.startswith(NPY_START):
        return _as_tensors(read_npy(path))
    if start[8:9] == b"{" and start[4:8] == bytes(4):
        return _open_safetensors(path)[0]
    for magic, what in _ARCHIVES.items():
        if start.startswith(magic):
            raise InterpganError(f"{path} is {what}")
    for (begin, end), magic, what in _OTHERS:
        if magic in start[begin:end]:
            raise InterpganError(f"{path} is {what}")
    if _LEGACY_TORCH in start[:32]:
        return _read_torch(path)
    if start[:1] not in _PICKLE_STARTS:
        raise InterpganError(
            f"{path} is no file of weights that is known here: it starts with {start[:8]!r}; check the path"
        )
    with path.open("rb") as file:
        return _as_tensors(RestrictedUnpickler(file, str(path)).load())


def _read_zip(path: Path, in_place: bool) -> tuple[Any, Mapped | None]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            order = {
                archive.read(m) for m in members if m.filename.endswith("/byteorder") and m.file_size < 8
            }
    except Exception as error:
        raise damaged(error, str(path)) from error
    names = {member.filename.rpartition("/")[2] for member in members}
    if "constants.pkl" in names:
        raise InterpganError(f"{path} is a TorchScript program, not weights; save its state_dict() instead")
    if "data.pkl" in names:
        # torch compresses nothing; a compressed file may unpack to far more than its size.
        if sum(member.file_size for member in members) > path.stat().st_size:
            raise InterpganError(f"{path} unpacks to more than it holds; save it with torch.save again")
        # Where bytes have to be turned round, and where something is packed, the file is no memory.
        if (
            in_place
            and order == {b"little"}
            and can_be_mapped(path)
            and not any(m.compress_type for m in members)
        ):
            return mapped(_read_torch(path, in_place=True))
        return _read_torch(path), None
    if names and all(name.endswith(".npy") for name in names):
        return _as_tensors(read_npz(path)), None
    raise InterpganError(f"{path} is a zip archive; unpack it and name the file of weights in it")


def _read_torch(path: Path, in_place: bool = False) -> Any:
    """torch's own format, by torch's own reader for files that are not trusted; in place: its tensors stay there."""
    named = {pair for pair in _torch_globals(path) if pair[0] not in _TORCH_OWN and pair not in EXTRAS}
    found = {pair: builder_of(*pair) for pair in named}
    if refused := {".".join(pair) for pair, stand_in in found.items() if stand_in is None}:
        raise refusal(refused, str(path))
    stand_ins = {known.name: known for pair, known in found.items() if known and pair not in BUILDERS}
    for module, name in {of_python3(*pair) for pair in named if pair in BUILDERS}:
        if module == "builtins":  # torch's reader meets it as the name of a type
            stand_ins[f"{module}.{name}"] = Global(f"{module}.{name}", inert(module, name))
    try:
        return _as_tensors(plain(_by_torch(path, stand_ins, in_place), path.stat().st_size))
    except Exception as error:
        if "persistent_load of storage" in str(error):
            raise InterpganError(
                f"{path} is a whole network in torch's old format, with its source code; save its state_dict() instead"
            ) from error
        raise damaged(error, str(path)) from error


def _by_torch(path: Path, stand_ins: dict[str, Global], in_place: bool) -> Any:
    """What torch reads. It says of an object that is a dict only that it is of a class that it cannot fill."""
    for _ in range(_CLASSES_OF_DICTS + 1):
        try:
            with path.open("rb") as file:
                return torch_value(path if in_place else file, stand_ins.values())
        except Exception as error:
            unfilled = re.search(r"SETITEMS? for dict.* but got <class '[\w.]*?abc\.(.+)'>", str(error))
            if not unfilled or unfilled[1] not in stand_ins:
                raise
            stand_ins[unfilled[1]] = Global(unfilled[1], PlainDict)
    raise ValueError("it has objects that cannot be filled")


def _torch_globals(path: Path) -> Iterator[tuple[str, str]]:
    """Every global that a torch file names, new format or old."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive, suppress(Exception):
            for member in archive.infolist():
                if member.filename.endswith(".pkl"):
                    yield from globals_in(BytesIO(archive.read(member)), member.file_size)
        return
    with path.open("rb") as file:
        for _ in range(5):  # magic number, protocol, system, the value, the names of its storages
            yield from globals_in(file, path.stat().st_size - file.tell())


def _as_tensors(value: Any) -> Any:
    """Arrays of numbers become tensors; those of text stay."""
    import numpy as np
    import torch

    if isinstance(value, dict):
        return {key: _as_tensors(inside) for key, inside in value.items()}
    if isinstance(value, list):
        return [_as_tensors(inside) for inside in value]
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value) if value.dtype.kind in "biufc" else value
    return value


def _open_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors and the metadata of any safetensors file."""
    from safetensors import safe_open

    start = start_of(path)
    if start[8:9] != b"{":
        raise InterpganError(f"{path} is not a safetensors file; check the path")
    try:
        with safe_open(path, framework="pt") as file:
            # Cloned: what is read must not change when the file does.
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
            return tensors, file.metadata() or {}
    except Exception as error:  # the library raises its own and others'; none of them says what to do
        raise damaged(error, str(path)) from error


def _plain(tensor: Tensor) -> Tensor:
    """Contiguous, on the CPU, sharing memory with no other: what safetensors takes."""
    import torch

    return tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
