"""One tab: what it edits, and what its messages do to that."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from interpgan_core import (
    InterpganError,
    MoverSet,
    Sample,
    did_you_mean,
    difference,
    installed,
    read_picture,
)
from interpgan_studio import brush, parts, photo, view, words
from interpgan_studio.document import Document, Step, makes_batch
from interpgan_studio.drawing import MOST, Frame
from interpgan_studio.history import History
from interpgan_studio.opening import FIRST_SEED, started
from interpgan_studio.values import parameter, parameters, plain
from interpgan_studio.workshop import Workshop

MOST_STEPS = 200
DONOR_SEED = "15"


@dataclass(frozen=True)
class Slow:
    """A step that has to be computed in the background before the document is taken.

    Args:
        document: that has the step.
        step: its id.
        what: it is, for the history.
        rebuild: makes the document anew, of what is shown when the step is done.
    """

    document: Document
    step: str
    what: str
    rebuild: Callable[[Document], Document]


class Session:
    """What one tab edits. All of it runs in the thread that draws.

    Args:
        workshop: where results are made.
        document: that is opened.
    """

    def __init__(self, workshop: Workshop, document: Document) -> None:
        self.workshop = workshop
        self.history = History(document)
        self.dragged: Document | None = None
        self.donor = DONOR_SEED

    @property
    def document(self) -> Document:
        """What is shown: what is being dragged, or the last document of the history."""
        return self.dragged or self.history.now

    def handle(self, message: Mapping[str, Any]) -> Slow | None:
        """Do what a message says.

        Returns:
            What has to be computed in the background first; None where all is done.

        Raises:
            InterpganError: if it cannot be done; nothing has changed then.
        """
        before, self.dragged = self.dragged, None
        do = getattr(self, f"_do_{message.get('do')}", None)
        if do is None:
            raise InterpganError("the page and the studio do not understand each other; reload the page")
        try:
            slow: Slow | None = do(message)
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, InterpganError):
                raise
            raise InterpganError(f"the page sent a message that is not whole: {error!r}") from error
        if message.get("do") in _LOOKING:
            self.dragged = before
        return slow

    def take(self, what: str, document: Document, done: bool = True) -> None:
        """Show a document; once the drag is done, it is kept for undo.

        Raises:
            InterpganError: if its batch cannot be made.
        """
        if len(document.steps) > MOST_STEPS:
            raise InterpganError(f"a recipe of more than {MOST_STEPS} steps is not edited here; delete some")
        self.workshop.batch(document)
        if done:
            self.history.add(what, document)
        else:
            self.dragged = document

    # What messages do.

    def _do_generator(self, message: Mapping[str, Any]) -> None:
        name = plain("the generator", message["name"])
        if name not in installed("models"):
            raise InterpganError(f"there is no model '{name}'" + did_you_mean(name, installed("models")))
        base = self.history.now.base
        seeds = str(base["seeds"]) if base["use"] == "sample" else str(FIRST_SEED)
        self.take(f"generator {name}", started(name, self.history.now.folder, seeds))

    def _do_people(self, message: Mapping[str, Any]) -> None:
        document = self.history.now
        seeds = plain("'seeds'", message["seeds"])
        classes = [
            part.strip()
            for part in plain("'classes'", message.get("classes") or "").split(",")
            if part.strip()
        ]
        Sample(seeds=seeds)  # says what is wrong with them
        drawn: dict[str, Any] = {"seeds": seeds, **({"classes": _classes(classes)} if classes else {})}
        if document.base["use"] == "sample":
            made = document.changed(document.base["id"], **{"classes": None, **drawn})
        else:
            made = document.based_on({"use": "sample", "id": document.free_id("people"), **drawn})
        self.take(f"seeds {seeds}", made)

    def _do_psi(self, message: Mapping[str, Any]) -> None:
        document, psi = self.history.now, float(message["value"])
        if view.psi_of(document, self.workshop.generator(document)) is None:
            raise InterpganError("these codes cannot be truncated")
        first = document.edits[:1]
        if first and first[0]["use"] == "truncate":
            made = document.changed(first[0]["id"], psi=psi) if psi != 1 else document.without(first[0]["id"])
        elif psi == 1:
            return
        else:
            made = _first_edit(
                document, {"use": "truncate", "id": document.free_id("truncation"), "psi": psi}
            )
        self.take("truncation", made, bool(message["done"]))

    def _do_slide(self, message: Mapping[str, Any]) -> None:
        document, value = self.history.now, float(message["value"])
        direction = str(message["direction"])
        name, _, item = direction.removeprefix("$").partition(".")
        found = self.workshop.live.result(document.plan(), name) if name in document else None
        if not isinstance(found, MoverSet) or item not in found:
            raise InterpganError(f"there is no direction '{direction}' here")
        layers = plain("'layers'", message.get("layers") or found[item].layers)
        chosen = {"layers": layers if layers != found[item].layers else None}
        own = [step for step in document.edits if view.is_slider(step) and step["direction"] == direction]
        if own and value == 0:
            made = document.without(own[0]["id"])
        elif own:
            made = document.changed(own[0]["id"], strength=value, **chosen)
        elif value == 0:
            return
        else:
            step = {"use": "shift", "id": document.free_id(item), "direction": direction, "strength": value}
            step |= {"unit": "sigma", **{k: v for k, v in chosen.items() if v is not None}}
            made = document.edited(step)
        self.take(f"{item} {value:+g}", made, bool(message["done"]))

    def _do_field(self, message: Mapping[str, Any]) -> None:
        document, name, field = self.history.now, str(message["step"]), str(message["field"])
        step = document[name]
        if step not in document.edits:
            raise InterpganError(f"'{name}' is no edit of what is shown")
        controls = {control.field: control for control in view.shown_controls(step["use"])}
        if field not in controls:
            raise InterpganError(f"'{step['use']}' has no parameter '{field}'")
        value = message["value"]
        value = None if value in (None, "") else parameter(document, controls[field], value)
        self.take(
            f"{view.label(step)}: {field}", document.changed(name, **{field: value}), bool(message["done"])
        )

    def _do_add(self, message: Mapping[str, Any]) -> None:
        document, use = self.history.now, plain("'use'", message["use"])
        if use not in view.names()[0]:
            raise InterpganError(f"'{use}' is no edit")
        step = {"use": use, "id": document.free_id(use), **parameters(document, use, message["fields"])}
        self.take(view.label(step), document.edited(step))

    def _do_find(self, message: Mapping[str, Any]) -> Slow:
        document, use = self.history.now, plain("'use'", message["use"])
        if use not in view.names()[1]:
            raise InterpganError(f"'{use}' finds nothing that edits use")
        name = document.free_id(use)
        step: Step = {"use": use, "id": name, **parameters(document, use, message["fields"])}
        made = document.prepared(step)
        made.plan()
        return Slow(made, name, f"{use}", lambda now: now.prepared(step))

    def _do_describe(self, message: Mapping[str, Any]) -> Slow:
        text = plain("the text", message["text"])
        made, name = words.described(self.history.now, text)
        made.plan()
        return Slow(made, name, f"in words: {text}", lambda now: words.described(now, text)[0])

    def _do_remove(self, message: Mapping[str, Any]) -> None:
        document, name = self.history.now, str(message["step"])
        self.take(f"deleted {view.label(document[name])}", document.without(name))

    def _do_undo(self, message: Mapping[str, Any]) -> None:
        self.history.undo()

    def _do_redo(self, message: Mapping[str, Any]) -> None:
        self.history.redo()

    def _do_reset(self, message: Mapping[str, Any]) -> None:
        document = self.history.now
        for step in reversed(document.edits):
            if step["id"] != document.unedited:
                document = document.without(step["id"])
        self.take("all edits deleted", document)

    def _do_stroke(self, message: Mapping[str, Any]) -> None:
        document, target = self.history.now, dict(message["target"])
        generator = self.workshop.generator(document)
        offered = [each["target"] for each in self.state(False)["targets"]]
        if target not in offered:
            raise InterpganError("what the brush should paint is not there any more; choose again")
        strength = min(1.0, max(0.0, float(message["strength"])))
        draw = message["how"] == "draw"
        mask = brush.saved_mask(message["mask"], 1.0 if draw else strength, document.folder)
        step: dict[str, Any] = {"use": "insert" if draw else "ablate", "id": "", **target, "region": mask}
        if draw:
            ranked = (
                self.workshop.live.result(document.plan(), target["ranked"][1:])
                if "ranked" in target
                else None
            )
            step |= {"level": brush.level_of(generator, target, ranked), "strength": strength}
        step["id"] = document.free_id("draw" if draw else "remove")
        self.take(view.label(step), document.edited(step))

    def _do_donor(self, message: Mapping[str, Any]) -> None:
        seeds = plain("'seeds'", message["seeds"])
        Sample(seeds=seeds)
        self.donor = seeds

    def _do_take(self, message: Mapping[str, Any]) -> None:
        document, part = self.history.now, plain("the part", message["part"])
        generator = self.workshop.generator(document)
        known = parts.names(generator, self._segmenter(document))
        if part not in known:
            raise InterpganError(f"there is no part '{part}' here" + did_you_mean(part, known))
        shapes = self.workshop.artist.shapes(generator)
        layer = plain("the layer", message.get("layer") or parts.usual_layer(shapes))
        people = self._donor_steps(document)
        step = {"use": "exchange", "id": document.free_id(f"{part}-of-{self.donor}")}
        step |= parts.taking(document, generator, part, people[-1]["id"], layer)
        self.take(view.label(step), document.edited(*(s for s in people if s["id"] not in document), step))

    def _do_refine(self, message: Mapping[str, Any]) -> Slow:
        made, name = photo.refined(self.history.now)
        return Slow(made, name, "photograph refined", lambda now: photo.refined(now)[0])

    def _do_show(self, message: Mapping[str, Any]) -> None:
        if message["what"] not in ("original", "changes", "parts", "donor"):
            raise InterpganError("the page asked for a view that there is not; reload it")

    # What is shown.

    def placed(self, name: str) -> Slow:
        """A photograph on the page, by the name of its file in the folder: what has to be computed for it.

        Raises:
            InterpganError: if it is no picture, or this generator has no encoder.
        """
        document = self.history.now
        read_picture(document.folder / name)
        side = min(self.workshop.artist.size(self.workshop.generator(document)))
        made = photo.placed(document, name, side)
        return Slow(made, made.base["id"], "photograph", lambda now: photo.placed(now, name, side))

    def state(self, whole: bool = True) -> dict[str, Any]:
        """What the page is told of it."""
        return view.state(self.workshop, self.document, self.history, self.donor, whole)

    def pictures(self, number: int, drafts: bool) -> Iterator[Frame]:
        """What is shown now; drafts where the generator is slow and they are wanted."""
        began = time.perf_counter()
        generator, batch = self.workshop.batch(self.document)
        count = min(len(batch), MOST)
        drawn = self.workshop.artist.drafts(generator, batch) if drafts else None
        for index, pixels in enumerate(drawn or self.workshop.artist.pictures(generator, batch)):
            ms = (time.perf_counter() - began) * 1000
            yield Frame("picture", index, count, number, pixels, drawn is not None, ms)

    def views(self, what: str, number: int) -> Iterator[Frame]:
        """Other views: the original, what changed, where parts are, the person whose parts are taken."""
        artist, document = self.workshop.artist, self.document
        generator, batch = self.workshop.batch(document)
        if what == "donor":
            people = self._donor_steps(document)
            missing = (step for step in people if step["id"] not in document)
            _, other = self.workshop.batch(
                replace(document, steps=(*document.steps, *missing)), people[-1]["id"]
            )
            for index, pixels in enumerate(artist.pictures(generator, other)):
                yield Frame(what, index, min(len(other), MOST), number, pixels)
            return
        count = min(len(batch), MOST)
        if what == "parts":
            segmenter = self._segmenter(document)
            names = parts.names(generator, segmenter)
            if not names:
                raise InterpganError(
                    "nothing here knows parts of a picture; find a segmenter under 'Find more'"
                )
            for index, found in enumerate(parts.maps(generator, batch[:MOST], segmenter)):
                grey = found.to("cpu").numpy().astype("uint8")
                yield Frame(what, index, count, number, grey, names=names)
            return
        _, original = self.workshop.batch(document, document.unedited)
        befores = list(artist.pictures(generator, original))
        if what == "original":
            for index, pixels in enumerate(befores):
                yield Frame(what, index, len(befores), number, pixels)
            return
        for index, pixels in enumerate(artist.pictures(generator, batch)):
            before = befores[index * len(befores) // count]
            yield Frame(what, index, count, number, difference(before, pixels))

    def _segmenter(self, document: Document) -> Any:
        step = parts.segmenter_step(document)
        return None if step is None else self.workshop.live.result(document.plan(), step)

    def _donor_steps(self, document: Document) -> tuple[Step, ...]:
        """The person whose parts are taken: drawn, and truncated as the others are."""
        name = f"person-{self.donor}".replace(",", "-")
        same = {"use": "sample", "id": name, "seeds": self.donor}
        first = document.edits[:1]
        if not first or first[0]["use"] != "truncate":
            return (same,)
        psi = first[0].get("psi", 0.7)
        name = f"{name}-at-{psi:g}".replace(".", "-")
        return same, {"use": "truncate", "id": name, "batch": f"${same['id']}", "psi": psi}


_LOOKING = ("show", "donor")


def _first_edit(document: Document, step: Step) -> Document:
    """With an edit before all others."""
    base, at = document.base["id"], document.position(document.base["id"]) + 1
    ours = {edit["id"] for edit in document.edits}
    steps = [
        {**s, "batch": f"${step['id']}"}
        if s.get("batch") == f"${base}" and (s["id"] in ours or not makes_batch(s)) else s
        for s in document.steps
    ]  # fmt: skip
    chained = {**step, "batch": f"${base}"}
    shown = step["id"] if document.shown == base else document.shown
    return replace(document, steps=(*steps[:at], chained, *steps[at:]), shown=shown)


def _classes(names: list[str]) -> list[int | str]:
    return [int(name) if name.isdecimal() else name for name in names]


def new_folder(parent: Path, name: str) -> Path:
    """A folder of a tab, for its strokes and photographs."""
    folder = parent / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder
