"""A person's own photograph: the steps that align it, encode it, refine its code, and paste the result back."""

from __future__ import annotations

from interpgan_core import InterpganError, installed
from interpgan_studio.document import Document, Step
from interpgan_studio.fitting import fitting, offered

ALIGN, ENCODE, REFINE, PASTE = "inversion.align", "inversion.encode", "inversion", "faces.paste"
REFINING = {
    "steps": 60, "draft_steps": 50, "noise": 0, "pull": 0.006, "perceptual_weight": 0.05, "identity_weight": 0.2,
}  # fmt: skip
"""As in recipes/my-face.yaml."""


def impossible(document: Document) -> str:
    """Why no photograph can be shown, as a sentence; "" where one can."""
    if any(name not in installed("operators") for name in (ALIGN, ENCODE, REFINE)):
        return "To edit a photograph, install interpgan-inversion."
    if not any(fitting(document, ENCODE, "encoder")):
        return "This generator has no encoder for photographs. Open a recipe that has one."
    return ""


def placed(document: Document, file: str, resolution: int) -> Document:
    """A document whose unedited batch is the code of a photograph.

    Args:
        document: edits stay.
        file: name of the photograph in the document's folder.
        resolution: side of the generator's pictures.

    Raises:
        InterpganError: if no photograph can be shown.
    """
    if reason := impossible(document):
        raise InterpganError(reason)
    document = _without_truncation(document)
    points, document = offered(document, ALIGN, "landmarks")
    encoder, document = offered(document, ENCODE, "encoder")
    me = document.free_id("me")
    align = {"use": ALIGN, "id": me, "pictures": file, "resolution": resolution, **points}
    near = {"use": ENCODE, "id": document.free_id("near"), "pictures": f"${me}", **encoder}
    return document.based_on(align, near)


def refined(document: Document) -> tuple[Document, str]:
    """A document whose unedited batch is a better code of the same photograph, and the id of the step that finds it.

    Raises:
        InterpganError: if what is edited is no photograph.
    """
    near = document.base
    if near["use"] not in (ENCODE, REFINE):
        raise InterpganError("refining betters the code of a photograph; drop one on the page first")
    # Of the nets that tell pictures apart, the first knows persons, and the last sees best.
    identity, document = offered(document, REFINE, "identity", 0)
    perceptual, document = offered(document, REFINE, "perceptual", -1)
    mask = {"mask": "face"} if "landmarks" in document[near["pictures"].removeprefix("$")] else {}
    missing = {
        name for name, net in (("identity_weight", identity), ("perceptual_weight", perceptual)) if not net
    }
    settings = {name: value for name, value in REFINING.items() if name not in missing}
    code = {
        "use": REFINE, "id": document.free_id("code"), "pictures": near["pictures"], "start": f"${near['id']}",
        **mask, **settings, **perceptual, **identity,
    }  # fmt: skip
    return document.based_on(code), code["id"]


def pasted(document: Document) -> Document | None:
    """A document that also pastes the edited face back; None where it is no cut-out of a photograph."""
    base = document.base
    if PASTE not in installed("operators") or base["use"] not in (ENCODE, REFINE) or not document.edits:
        return None
    me = str(base["pictures"]).removeprefix("$")
    if me not in document or document[me]["use"] != ALIGN or "landmarks" not in document[me]:
        return None
    paste: Step = {
        "use": PASTE, "id": document.free_id("pasted"), "faces": f"${me}", "inverted": f"${base['id']}",
        "batches": {"edited": f"${document.shown}"},
    }  # fmt: skip
    return Document((*document.steps, paste), document.shown, document.title, document.folder)


def _without_truncation(document: Document) -> Document:
    first = document.edits[:1]
    return document.without(first[0]["id"]) if first and first[0]["use"] == "truncate" else document
