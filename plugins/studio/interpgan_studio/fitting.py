"""Which steps fill a field of another: those of the document, then those that go with its model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from interpgan_core import controls_of
from interpgan_studio.document import Document, Step, operator_of
from interpgan_studio.opening import companions


def offered(document: Document, use: str, field: str, which: int = 0) -> tuple[dict[str, str], Document]:
    """The step that fills a field, of those that there are or go with the model, and the document that has it."""
    found = list(fitting(document, use, field))
    if not found:
        return {}, document
    step = found[which]
    return {field: f"${step['id']}"}, document if step["id"] in document else document.prepared(step)


def fitting(document: Document, use: str, field: str) -> Iterator[Step]:
    """Steps whose results fill a field of an operator."""
    (control,) = (c for c in controls_of(operator_of({"use": use})) if c.field == field)
    there = list(document.steps)
    known = {step["use"] for step in there}
    more: list[dict[str, Any]] = [
        {"use": name, "id": document.free_id(name.rpartition(".")[2])}
        for name in companions(document.generator["weights"])
        if name not in known
    ]
    for step in (*there, *more):
        if control.takes(operator_of(step).result()):
            yield step
