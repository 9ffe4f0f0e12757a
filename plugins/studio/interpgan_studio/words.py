"""Directions of what a person types, where a net that reads is at hand."""

from __future__ import annotations

import re

from interpgan_core import InterpganError, installed
from interpgan_studio.document import Document
from interpgan_studio.fitting import fitting, offered

FIND = "text.directions"
LONGEST = 300  # characters


def possible(document: Document) -> bool:
    """Can texts be typed: is the plugin there, and a net that reads for this generator's pictures?"""
    return FIND in installed("operators") and any(fitting(document, FIND, "net"))


def described(document: Document, text: str) -> tuple[Document, str]:
    """A document that has the direction of one more text, and the id of the step that finds it.

    Texts share a step, so that their sliders stand together.

    Args:
        document: edits stay.
        text: such as "a smiling person".

    Raises:
        InterpganError: if there is no text, or no net.
    """
    text = " ".join(text.split())
    if not text or len(text) > LONGEST:
        raise InterpganError(
            f"type what should be seen, in 1 to {LONGEST} characters, such as: a smiling person"
        )
    if not possible(document):
        raise InterpganError("nothing here reads texts about these pictures")
    net, document = offered(document, FIND, "net")
    for step in document.steps:
        if step["use"] == FIND and step["net"] == net["net"]:
            texts = {**step["texts"], _name(text): text}
            return document.changed(step["id"], texts=texts), step["id"]
    step = {"use": FIND, "id": document.free_id("words"), **net, "texts": {_name(text): text}}
    return document.prepared(step), step["id"]


def _name(text: str) -> str:
    """A text as the name of its direction."""
    return re.sub(r"[^\w]+", "-", text.lower()).strip("-_")[:40] or "text"
