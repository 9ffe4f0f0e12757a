"""What a file is, said without running anything of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from interpgan_core.errors import InterpganError, did_you_mean
from interpgan_core.files.checkpoints import read_safetensors
from interpgan_core.files.paths import start_of
from interpgan_core.generators.directions import DirectionSet
from interpgan_core.generators.saving import KIND, SavedGenerator, open_generator
from interpgan_core.loading.arrays import NEITHER, describe_arrays, is_one_vector
from interpgan_core.loading.backbones import recognise
from interpgan_core.loading.checkpoint import Checkpoint
from interpgan_core.loading.encoders import encoders_in
from interpgan_core.loading.load_generator import load_generator
from interpgan_core.loading.named_models import NamedModel, Published
from interpgan_core.loading.published_codes import CODE_NAMES
from interpgan_core.loading.published_directions import StoredDirection, read_stored
from interpgan_core.plugins import plugins

_SHOWN = 20  # directions of one file
_WIDTH = 100  # characters of one fact
_NO_CODE = "nothing in it asked for code"


def inspect(path: Path) -> dict[str, str]:
    """Say what a file is: weights, directions, or one in interpgan's own format.

    Args:
        path: the file, a folder of weights, or the name of a model.

    Returns:
        Facts by label, in the order in which to show them; of a generator, its layers last.

    Raises:
        InterpganError: if it is damaged, asks to run code, or nothing here knows what it is; the message
            says what it looks like.
    """
    if not path.exists():
        if str(path) in plugins().models:
            return _named_model(str(path))
        close = did_you_mean(str(path), plugins().models)
        raise InterpganError(f"there is no file or model {path}{close or '; check the name'}")
    if kind := _own_kind(path):
        return _own(path, kind)
    checkpoint = Checkpoint(path)
    content = checkpoint.content  # what cannot be read is no question of who knows it
    encoder = encoders_in(checkpoint)
    try:
        name, backbone = recognise(checkpoint)
    except InterpganError:
        if encoder:
            return {"family": "an encoder, without a generator", **encoder, "code": _code(content)}
        if facts := _other(path, content):
            return facts | _objects(content)
        raise
    with plugins().get("backbones", name).blamed():
        found = backbone.describe(checkpoint)
    return {
        "family": found.family,
        "layout": found.layout,
        "resolution": found.picture,
        "spaces": ", ".join(f"{name} {shape}" for name, shape in found.spaces.items()),
        "classes": str(found.classes or "none"),
        "parameters": f"{found.parameters:,}",
        "discriminator": "yes" if found.discriminator else "no",
        **encoder,
        "licence": _licence(path),
        "code": _code(content),
        **{
            f"note {i}": note
            for i, note in enumerate([*found.notes, *checkpoint.choices(), *_not_read(checkpoint)], 1)
        },
        **_objects(content),
        **_layers(path),
    }


def _not_read(checkpoint: Checkpoint) -> list[str]:
    """What stands beside the networks that were taken, such as an encoder."""
    places = [place for network in checkpoint.taken for place in (network.place, *network.passed_over)]
    parent = places[0].rpartition(".")[0] if places else ""
    groups = Counter(
        name.removeprefix(f"{parent}.").partition(".")[0]
        for name in checkpoint.shapes
        if "" not in places and not any(name.startswith(f"{place}.") for place in places)
    )
    large = [f"{name} ({count} tensors)" for name, count in groups.items() if count > 1]
    return [f"Beside it, and not read: {', '.join(large[:_SHOWN])}"] if large else []


def _other(path: Path, content: Any) -> dict[str, str]:
    """Directions, codes or other arrays; empty if the file is none of these."""
    if not hasattr(content, "shape") or is_one_vector(content):
        with suppress(InterpganError):
            return _stored(read_stored(path, content)) | {"code": _NO_CODE}
    arrays = describe_arrays(content)
    if not arrays:
        return {}
    codes = any(name.lower() in CODE_NAMES and not fact.endswith(NEITHER) for name, fact in arrays.items())
    family = "codes of another tool; a recipe reads them by the step load" if codes else "arrays"
    return {"family": family, **dict(list(arrays.items())[:_SHOWN]), "code": _NO_CODE}


def _objects(content: Any) -> dict[str, str]:
    """Objects beside the weights, which nothing here needs."""
    named: dict[str, None] = {}

    def walk(value: Any) -> None:
        if isinstance(value, Mapping):
            if "class_name" in value and "state" in value and "version" not in value:
                named[str(value["class_name"])] = None
            for inside in value.values():
                walk(inside)
        elif isinstance(value, list):
            for inside in value:
                walk(inside)

    walk(content)
    return {"objects": f"kept as names, not made: {', '.join(list(named)[:_SHOWN])}"} if named else {}


def _named_model(name: str) -> dict[str, str]:
    """What its table says of a named model, and its layers."""
    model = plugins().get("models", name).load()
    facts = {}
    if isinstance(model, NamedModel | Published):
        facts = {
            "family": model.family,
            "resolution": f"{model.resolution} px",
            "trained on": model.data,
            "licence": model.licence,
        }
    return facts | _layers(name)


def _layers(source: Path | str) -> dict[str, str]:
    """The synthesis layers of a generator: name -> number in ranges, channels and size.

    The network runs on the meta device, where tensors have shapes and no content.
    """
    try:
        generator = load_generator(source).to("meta")
    except InterpganError as error:
        return {"loads": f"no: {error}"}
    facts = {"loads": "yes"}
    for layer, (channels, height, width) in generator.layer_shapes().items():
        number = generator.layer_number(layer)
        place = "" if number is None else f"layer {number}: "
        facts[layer] = f"{place}{channels} channels, {height} x {width}"
    return facts


def _code(content: Any) -> str:
    """Whether the file asked for code, which the reader left alone; any other asking it has refused."""
    networks = [
        str(name)
        for name, inside in (content.items() if isinstance(content, Mapping) else ())
        if isinstance(inside, Mapping)
        and {"class_name", "version"} <= inside.keys()  # others are bare objects
    ]
    if not networks:
        return _NO_CODE
    return (
        f"{', '.join(networks)} came with source code to be run on loading, as in all of NVIDIA's pickles; "
        "it was neither run nor kept"
    )


def _licence(path: Path) -> str:
    """The terms of the published file that has this file's name."""
    for name, provided in sorted(plugins().models.items()):
        with suppress(InterpganError):
            model = provided.load()
            if isinstance(model, Published) and path.name == model.name:
                return f"{model.licence}, if it is the file of {name}, as its name says"
    return "not known"


def _directions(found: DirectionSet) -> dict[str, str]:
    """Directions of our own: where they live, and what else the file knows."""
    return _listed(
        {
            name: (d.space, tuple(d.vector.shape), {"layers": d.layers, "generator": d.generator, **d.notes})
            for name, d in found.items()
        }
    )


def _stored(found: Mapping[str, StoredDirection]) -> dict[str, str]:
    """Directions of a published file: what it states of them."""
    return _listed(
        {
            name: (
                d.space,
                d.array.shape,
                {"layers": d.layers, "norm": float((d.array**2).sum() ** 0.5), "sigma": d.sigma, **d.notes},
            )
            for name, d in found.items()
        }
    )


def _listed(found: Mapping[str, tuple[str | None, tuple[int, ...], Mapping[str, Any]]]) -> dict[str, str]:
    facts = {"family": f"directions ({len(found)})"}
    for name, (space, shape, known) in list(found.items())[:_SHOWN]:
        said = [f"{key} {value}" for key, value in known.items() if value not in ("", None)]
        where = "the file does not say its space" if space is None else f"space {space}"
        facts[name] = ", ".join([where, f"shape {tuple(shape)}", *said])
    if len(found) > _SHOWN:
        facts["more"] = str(len(found) - _SHOWN)
    return facts


def _generator(saved: SavedGenerator) -> dict[str, str]:
    """A generator: its family, how many numbers it has, and where it comes from."""
    return {
        "family": f"{saved.backbone}, written by interpgan",
        "parameters": f"{sum(t.numel() for t in saved.part('generator').values()):,}, with constants",
        "discriminator": "yes" if saved.part("discriminator") else "no",
        **{f"setting {name}": _short(value) for name, value in saved.settings.items()},
        "licence": saved.licence or "not known",
        "code": _NO_CODE,
        **{f"note {name}": _short(value) for name, value in saved.notes.items()},
    }


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"


def _own_kind(path: Path) -> str:
    """What a file in interpgan's own format holds, such as "directions"; "" if it is in another."""
    from safetensors import safe_open

    if path.is_dir() or start_of(path)[8:9] != b"{":
        return ""
    with suppress(Exception), safe_open(path, framework="pt") as file:  # damaged: its reader says so
        program, _, kind = (file.metadata() or {}).get("format", "").partition(".")
        return str(kind.partition("/")[0]) if program == "interpgan" else ""
    return ""


def _own(path: Path, kind: str) -> dict[str, str]:
    if kind == "directions":
        return _directions(DirectionSet.read(path)) | {"code": _NO_CODE}
    if kind == KIND:
        return _generator(open_generator(path)) | _layers(path)
    tensors, header = read_safetensors(path, kind)
    return {
        "family": f"{kind}, written by interpgan",
        **{
            name: f"shape {tuple(t.shape)} of {str(t.dtype).removeprefix('torch.')}"
            for name, t in tensors.items()
        },
        **{name: json.dumps(value) for name, value in header.items()},
        "code": _NO_CODE,
    }
