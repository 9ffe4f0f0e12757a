"""What was done, to be undone and done again."""

from __future__ import annotations

from interpgan_studio.document import Document

MOST = 500  # documents; the oldest are forgotten


class History:
    """Documents in the order that they were made, each with what made it.

    Args:
        first: the document that is opened.
    """

    def __init__(self, first: Document) -> None:
        self._entries = [("opened", first)]
        self._now = 0

    @property
    def now(self) -> Document:
        """The document that is shown."""
        return self._entries[self._now][1]

    @property
    def undoes(self) -> str | None:
        """What the next undo takes back; None at the first document."""
        return self._entries[self._now][0] if self._now else None

    @property
    def redoes(self) -> str | None:
        """What the next redo does again; None at the last document."""
        return self._entries[self._now + 1][0] if self._now + 1 < len(self._entries) else None

    def add(self, what: str, document: Document) -> None:
        """A new document; what was undone before it is forgotten."""
        if document != self.now:
            self._entries = [*self._entries[: self._now + 1], (what, document)][-MOST:]
            self._now = len(self._entries) - 1

    def undo(self) -> None:
        """Back to the document before."""
        self._now = max(0, self._now - 1)

    def redo(self) -> None:
        """To the document that was undone last."""
        self._now = min(len(self._entries) - 1, self._now + 1)
