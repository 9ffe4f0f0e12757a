"""What the page is told of a document: its people, directions, steps, and the controls of all of them."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from interpgan_core import (
    Control,
    InterpganError,
    LatentBatch,
    Mover,
    MoverSet,
    RankedUnits,
    Report,
    controls_of,
    installed,
)
from interpgan_studio import parts, photo, words
from interpgan_studio.document import Document, Step, makes_batch, operator_of, takes_batch
from interpgan_studio.history import History
from interpgan_studio.workshop import Workshop

LIMITS = {"low": -5, "high": 5, "step": 0.1}  # standard deviations
MOST_DIRECTIONS = 80  # of a set
READY = 8  # directions of a set whose spread is known before they are dragged
SHOWN_SETS = (MoverSet, RankedUnits)


def state(
    workshop: Workshop, document: Document, history: History, donor: str, whole: bool
) -> dict[str, Any]:
    """The state, as the page takes it.

    Args:
        workshop: where results are.
        document: what is shown.
        history: for undo and redo.
        donor: seeds of the person whose parts are taken.
        whole: with what can be added; False while the first picture is awaited.
    """
    plan = document.plan()
    generator = workshop.generator(document, plan)
    shapes = workshop.artist.shapes(generator)
    results = dict(_results(workshop, document))
    batches = [step["id"] for step in document.steps if makes_batch(step)]
    named = parts.names(generator, results.get(parts.segmenter_step(document) or ""))
    height, width = workshop.artist.size(generator)
    base = document.base
    return {
        "title": document.title,
        "generator": {
            "name": str(document.generator.get("weights", document.generator["use"])),
            "height": height,
            "width": width,
            "layers": [{"name": layer, "size": list(shape)} for layer, shape in shapes.items()],
            "classes": generator.classes,
            "concepts": list(generator.concepts),
            "licence": generator.licence,
        },
        "models": sorted(installed("models")),
        "people": {
            "kind": "seeds" if base["use"] == "sample" else "photo" if base["use"] in _PHOTO else "codes",
            "seeds": str(base.get("seeds", "")),
            "classes": ", ".join(map(str, base.get("classes", ()))),
            "psi": psi_of(document, generator),
            "photo": "your photograph" if base["use"] in _PHOTO else None,
            "refined": base["use"] == photo.REFINE,
        },
        "photo": {"possible": not (why := photo.impossible(document)), "why": why},
        "words": words.possible(document),
        "limits": LIMITS,
        "sets": [
            _set(document, name, found) for name, found in results.items() if isinstance(found, MoverSet)
        ],
        "edits": [_edit(document, step, batches, results) for step in document.edits],
        "targets": _targets(generator, results, shapes),
        "take": {
            "parts": list(named),
            "layers": list(shapes),
            "layer": parts.usual_layer(shapes) if shapes else "",
            "donor": donor,
        },
        "operators": _operators(document, results) if whole else {"edits": [], "finders": []},
        "history": {"undo": history.undoes, "redo": history.redoes},
    }


_PHOTO = (photo.ENCODE, photo.REFINE)


def pending(workshop: Workshop, document: Document) -> list[str]:
    """Steps of directions and units that are slow, and of segmenters, which may be fetched; without result yet."""
    plan = document.plan()
    return [
        step["id"]
        for step in document.steps
        if ((_is_set(step) and operator_of(step).keep) or parts.is_segmenter(step))
        and not workshop.live.knows(plan, step["id"])
    ]


def directions(workshop: Workshop, document: Document) -> list[Mover]:
    """The first directions of each set that is there."""
    sets = [found for _, found in _results(workshop, document) if isinstance(found, MoverSet)]
    return [direction for found in sets for direction in list(found.values())[:READY]]


def _is_set(step: Step) -> bool:
    return issubclass(operator_of(step).result(), SHOWN_SETS)


def _results(workshop: Workshop, document: Document) -> Iterator[tuple[str, Any]]:
    """Directions, ranked units and segmenters that are there, or are there at once."""
    plan = document.plan()
    for step in document.steps:
        known = workshop.live.knows(plan, step["id"])
        if (known and not makes_batch(step)) or (_is_set(step) and not operator_of(step).keep):
            try:
                yield step["id"], workshop.live.result(plan, step["id"])
            except InterpganError:  # the page said so when the step was made
                continue


def psi_of(document: Document, generator: Any) -> float | None:
    """How far the people are pulled towards their mean; None where they cannot be."""
    if document.base["use"] != "sample" or all(space.mean is None for space in generator.spaces.values()):
        return None
    first = document.edits[:1]
    return float(first[0].get("psi", 0.7)) if first and first[0]["use"] == "truncate" else 1.0


def _set(document: Document, name: str, found: MoverSet) -> dict[str, Any]:
    moved = {step["direction"]: step for step in document.edits if is_slider(step)}
    layers = next(
        (s["layers"] for r, s in moved.items() if str(r).startswith(f"${name}.") and "layers" in s), None
    )
    own = next(iter(found.values())).layers if found else "all"
    shown = list(found)[:MOST_DIRECTIONS]
    return {
        "id": name,
        "title": name,
        "layers": layers or own,
        "directions": [
            {
                "reference": reference(name, direction),
                "name": direction,
                "value": float(moved.get(reference(name, direction), {}).get("strength", 0)),
            }
            for direction in shown
        ],
    }


def is_slider(step: Step) -> bool:
    """Is an edit what a slider makes?"""
    return step["use"] == "shift" and step.get("unit") == "sigma"


def reference(step: str, item: str) -> str:
    """How a recipe refers to an item of a step's result."""
    return f"${step}.{item}"


def _edit(document: Document, step: Step, batches: list[str], results: Mapping[str, Any]) -> dict[str, Any]:
    controls = [
        _control(document, c, results, step.get(c.field, c.default)) for c in shown_controls(step["use"])
    ]
    return {"id": step["id"], "label": label(step), "controls": controls, "fixed": False}


def label(step: Step) -> str:
    """What a step does, in a few words."""
    use = step["use"]
    if use == "shift":
        return str(step["direction"]).rpartition(".")[2]
    if use == "truncate":
        return "truncation"
    if use in ("ablate", "insert"):
        what = step.get("concept") or str(step.get("ranked", step.get("layer", "units"))).removeprefix("$")
        return f"{'remove' if use == 'ablate' else 'draw'} {what}"
    if use == "exchange":
        what = step.get("concept") or ", ".join(step.get("parts", ())) or step.get("layer", "units")
        person = re.sub(r"^person-(.*?)(-at-.*)?$", r"seed \1", str(step["source"]).removeprefix("$"))
        return f"{what} of {person}"
    return str(use)


@functools.cache
def shown_controls(use: str) -> tuple[Control, ...]:
    """The controls of an operator."""
    return controls_of(operator_of({"use": use}))


def _control(document: Document, control: Control, results: Mapping[str, Any], value: Any) -> dict[str, Any]:
    choices = list(control.choices)
    if control.kind == "step":
        choices = list(_references(document, control, results))
    if isinstance(value, list | tuple):
        value = ", ".join(map(str, value))
    default = control.default if isinstance(control.default, str | int | float | bool | None) else None
    return {
        "field": control.field,
        "label": control.field.replace("_", " "),
        "help": control.help,
        "kind": "text" if control.kind == "list" else control.kind,
        "low": control.low,
        "high": control.high,
        "step": control.step,
        "unit": control.unit,
        "choices": choices,
        "value": value if isinstance(value, str | int | float | bool | None) else str(value),
        "default": default,
        "needed": control.needed,
    }


def _references(document: Document, control: Control, results: Mapping[str, Any]) -> Iterator[str]:
    for step in document.steps:
        result = operator_of(step).result()
        if control.takes(result):
            yield f"${step['id']}"
        elif isinstance(found := results.get(step["id"]), MoverSet):
            for name, direction in list(found.items())[:MOST_DIRECTIONS]:
                if control.takes(type(direction)):
                    yield reference(step["id"], name)


def _targets(generator: Any, results: Mapping[str, Any], shapes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the brush can remove and draw: ranked units first, then concepts, then whole layers."""
    ranked = [
        {"label": f"{name}: {found.title or found.layer}", "target": {"ranked": f"${name}"}}
        for name, found in results.items()
        if isinstance(found, RankedUnits)
    ]
    concepts = [{"label": f"concept {name}", "target": {"concept": name}} for name in generator.concepts]
    layers = [{"label": f"all units of {layer}", "target": {"layer": layer}} for layer in shapes]
    return [*ranked, *concepts, *layers]


def _operators(document: Document, results: Mapping[str, Any]) -> dict[str, Any]:
    edits, finders = names()
    shown: Callable[[str], dict[str, Any]] = lambda use: {  # noqa: E731
        "use": use,
        "about": (operator_of({"use": use}).__doc__ or "").strip().partition("\n")[0],
        "controls": [
            _control(document, control, results, control.default) for control in shown_controls(use)
        ],
    }
    return {"edits": [shown(use) for use in edits], "finders": [shown(use) for use in finders]}


@functools.cache
def names() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The operators that edit a batch, and those that find what edits need, one for the other."""
    classes = {}
    for name in sorted(installed("operators")):
        try:
            classes[name] = operator_of({"use": name})
            shown_controls(name)
        except Exception:
            continue  # a plugin that is damaged; `interpgan-run --list` says how
    edits = {n: c for n, c in classes.items() if makes_batch({"use": n}) and takes_batch({"use": n})}
    others = {
        n: c
        for n, c in classes.items()
        if not takes_batch({"use": n}) and not issubclass(c.result(), LatentBatch | Report)
    }
    found = {n for n, c in others.items() if issubclass(c.result(), SHOWN_SETS)}
    wanted = [control for n in (*edits, *found) for control in shown_controls(n)]
    for _ in range(len(others)):
        more = {n for n, c in others.items() if any(control.takes(c.result()) for control in wanted)} - found
        if not more:
            break
        found |= more
        wanted += [control for n in more for control in shown_controls(n)]
    found -= {"generator"} | {n for n, c in others.items() if "weights" in c.model_fields}
    return tuple(edits), tuple(sorted(found, key=lambda n: (not issubclass(others[n].result(), MoverSet), n)))
