"""What a file is, said without building anything of it."""

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
from interpgan_core.loading.backbones import Checkpoint, recognise
from interpgan_core.loading.named_models import Published
from interpgan_core.loading.published_directions import load_directions
from interpgan_core.plugins import plugins

_SHOWN = 20  # directions of one file
_WIDTH = 120  # characters of one fact
_UNSAID = "unsaid"  # by the file; a recipe says it with `space`
_NO_CODE = "nothing in it asked for code"


def inspect(path: Path) -> dict[str, str]:
    """Say what a file of weights or directions, or one of ours, is.

    Args:
        path: the file, or a folder of weights.

    Returns:
        Facts by label, in the order in which to show them.

    Raises:
        InterpganError: if it is damaged, asks to run code, or nothing here knows what it is; the message
            says what it looks like.
    """
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
        **{f"note {i}": note for i, note in enumerate(found.notes, 1)},
    }


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
    judge = saved.part("discriminator")
    return {
        "family": f"{saved.backbone}, written by interpgan",
        "parameters": f"{sum(t.numel() for t in saved.part('generator').values()):,}, with constants",
        "discriminator": "yes" if judge else "no",
        **{name: _short(value) for name, value in saved.settings.items()},
        "licence": saved.licence or "not known",
        "code": _NO_CODE,
        **{f"note {name}": _short(value) for name, value in saved.notes.items()},
    }


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"


def _own_kind(path: Path) -> str:
    """What one of our files holds, such as "directions"; "" if it is none of ours."""
    from safetensors import safe_open

    if path.is_dir() or start_of(path)[8:9] != b"{":
        return ""
    with suppress(Exception), safe_open(path, framework="pt") as file:  # damaged: whoever reads it says so
        program, _, kind = (file.metadata() or {}).get("format", "").partition(".")
        return str(kind.partition("/")[0]) if program == "interpgan" else ""
    return ""


def _own(path: Path, kind: str) -> dict[str, str]:
    if kind == "directions":
        return _directions(DirectionSet.read(path))
    if kind == KIND:
        return _generator(open_generator(path))
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
