"""Pictures of a batch as bytes for the page; drafts of them where a generator is slow."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from PIL import Image

from interpgan_core import Generator, LatentBatch, to_uint8
from interpgan_studio.draft import Draft

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

MOST = 16  # pictures at once
SLOW = 0.1  # seconds a picture; slower generators show drafts while one drags
LARGE = 128  # pixels; drafts beyond it go as JPEG


@dataclass(frozen=True)
class Frame:
    """One picture on its way to the page.

    Args:
        kind: "picture", "original", "changes", "parts", "donor".
        index: which of `count` pictures it is.
        count: of pictures of this kind.
        number: of the message that it answers.
        pixels: (h, w, 3) or (h, w) uint8.
        draft: a quick preview?
        ms: that it took to draw, in milliseconds.
        names: of parts, by the grey of their pixels.
    """

    kind: str
    index: int
    count: int
    number: int
    pixels: Pixels
    draft: bool = False
    ms: float = 0
    names: tuple[str, ...] = ()

    def encoded(self) -> bytes:
        """Length of the header in 4 bytes, the header in JSON, the picture."""
        jpeg = self.draft and min(self.pixels.shape[:2]) > LARGE
        image = BytesIO()
        if jpeg:
            Image.fromarray(self.pixels).save(image, "JPEG", quality=88)
        else:
            Image.fromarray(self.pixels).save(image, "PNG", compress_level=1)
        header: dict[str, Any] = {
            "kind": self.kind,
            "index": self.index,
            "count": self.count,
            "number": self.number,
            "draft": self.draft,
            "ms": round(self.ms),
            "type": "image/jpeg" if jpeg else "image/png",
            "width": self.pixels.shape[1],
            "height": self.pixels.shape[0],
        }
        if self.kind == "parts":
            header["names"] = list(self.names)
        text = json.dumps(header).encode()
        return struct.pack("<I", len(text)) + text + image.getvalue()


class Artist:
    """Draws batches, and learns to draft from what it has drawn."""

    def __init__(self) -> None:
        self._drafts: WeakKeyDictionary[Generator, Draft] = WeakKeyDictionary()
        self._seconds: WeakKeyDictionary[Generator, float] = WeakKeyDictionary()
        self._shapes: WeakKeyDictionary[Generator, Mapping[str, tuple[int, int, int]]] = WeakKeyDictionary()
        self._sizes: WeakKeyDictionary[Generator, tuple[int, int]] = WeakKeyDictionary()

    def shapes(self, generator: Generator) -> Mapping[str, tuple[int, int, int]]:
        """Of each layer the channels, height and width of its maps."""
        if generator not in self._shapes:
            self._shapes[generator] = generator.layer_shapes() if generator.layers else {}
        return self._shapes[generator]

    def size(self, generator: Generator) -> tuple[int, int]:
        """Height and width of what a generator draws, in pixels."""
        if generator not in self._sizes:
            next(self.pictures(generator, generator.sample([0])))
        return self._sizes[generator]

    def pictures(self, generator: Generator, batch: LatentBatch) -> Iterator[Pixels]:
        """Full pictures, one by one, byte for byte those of the step `render`."""
        for one in batch[:MOST].split(1):
            began = time.perf_counter()
            draft = self._draft(generator)
            with draft.watching(generator):
                drawn = generator.images(one)
            (picture,) = to_uint8(drawn)
            self._sizes[generator] = (picture.shape[0], picture.shape[1])
            seconds = time.perf_counter() - began
            # The first one warms up.
            self._seconds[generator] = min(seconds, self._seconds.get(generator, seconds))
            if self._seconds[generator] > SLOW:
                draft.learn(drawn)
            yield picture

    def drafts(self, generator: Generator, batch: LatentBatch) -> Iterator[Pixels] | None:
        """Quick previews of the same; None where pictures are as quick, or too little was drawn to learn from."""
        draft = self._draft(generator)
        if self._seconds.get(generator, 0) <= SLOW or not draft.learnt:
            return None
        return (to_uint8(draft.images(generator, one))[0] for one in batch[:MOST].split(1))

    def _draft(self, generator: Generator) -> Draft:
        if generator not in self._drafts:
            self._drafts[generator] = Draft()
        return self._drafts[generator]
