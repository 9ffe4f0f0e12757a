"""What a file is, said without running anything of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from interpgan_core.errors import InterpganError
from interpgan_core.files.checkpoints import read_safetensors
from interpgan_core.files.paths import start_of
from interpgan_core.generators.directions import DirectionSet
from interpgan_core.generators.saving import KIND, SavedGenerator, open_generator
from interpgan_core.loading.backbones import recognise
from interpgan_core.loading.checkpoint import Checkpoint
from interpgan_core.loading.load_generator import load_generator
from interpgan_core.loading.named_models import NamedModel, Published
from interpgan_core.loading.published_directions import load_directions
from interpgan_core.plugins import plugins

_SHOWN = 20  # directions of one file
_WIDTH = 100  # characters of one fact
_UNSAID = "unsaid"  # by the file; a recipe says it with `space`
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
    if not path.exists() and str(path) in plugins().models:
        return _named_model(str(path))
    if kind := _own_kind(path):
        return _own(path, kind)
    checkpoint = Checkpoint(path)
    content = checkpoint.content  # what cannot be read is no question of who knows it
    try:
        backbone = recognise(checkpoint)
    except InterpganError:
        with suppress(InterpganError):
            return _directions(load_directions(path, space=_UNSAID))
        raise
    found = backbone.describe(checkpoint)
    return {
        "family": found.family,
        "layout": found.layout,
        "resolution": f"{found.resolution} px",
        "spaces": ", ".join(f"{name} {shape}" for name, shape in found.spaces.items()),
        "classes": str(found.classes or "none"),
        "parameters": f"{found.parameters:,}",
        "discriminator": "yes" if found.discriminator else "no",
        "licence": _licence(path),
        "code": _code(content),
        **{
            f"note {i}": note
            for i, note in enumerate([*found.notes, *(network.choice for network in checkpoint.taken)], 1)
        },
        **_layers(path),
    }


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
        return {"layers": f"cannot be listed: {error}"}
    facts = {}
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
        if isinstance(inside, Mapping) and "class_name" in inside
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
    """Directions: where they live, and what else the file knows."""
    facts = {"family": f"directions ({len(found)})"}
    for name, direction in list(found.items())[:_SHOWN]:
        known = {"layers": direction.layers, "generator": direction.generator, **direction.notes}
        said = [f"{key} {value}" for key, value in known.items() if value not in ("", None)]
        space = (
            "the file does not say its space" if direction.space == _UNSAID else f"space {direction.space}"
        )
        facts[name] = ", ".join([space, f"shape {tuple(direction.vector.shape)}", *said])
    if len(found) > _SHOWN:
        facts["more"] = str(len(found) - _SHOWN)
    return facts | {"code": _NO_CODE}


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
        return _directions(DirectionSet.read(path))
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
