"""The operator `text.train-sentences`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol, runtime_checkable

from pydantic import Field

from interpgan_core import Input, InputFile, InterpganError, Operator, Progress
from interpgan_text.head import SentenceHead
from interpgan_text.net import TextImageNet, of_texts, probe

if TYPE_CHECKING:
    from torch import Tensor

    from interpgan_text.minilm import MiniLM

_AT_ONCE = 64  # captions
_HELD_OUT, _TESTED = 10, 500  # one caption in so many tests the head, but no more than the next
_KNOWN = 256  # sentences that the head keeps, to tell what is unlike all of them
_DROPPED = 0.1  # share of a sentence's numbers that a step does not see


@runtime_checkable
class HasCaptions(Protocol):
    """A net that can say what it reads."""

    def captions(self, count: int) -> Sequence[str]:
        """Some texts of the kind that it was trained with; the first ones of a larger count are the same."""


class TrainSentences(Operator):
    """Train a head for `text.sentences`: it puts what captions mean to MiniLM where a net has them.

    No picture is looked at: the net reads the captions, and the head learns to follow it. Words that it never saw then
    lie near those that mean the same to MiniLM. A training that was stopped goes on.
    """

    net: Input[TextImageNet]
    """Into whose space."""
    captions: InputFile | None = None
    """A text file, one caption a line, that the net reads; left out: captions that the net itself can make, as
    avatars.text can."""
    count: Annotated[int, Field(ge=20)] = 6000
    """Of the captions; of a file, the first ones."""
    steps: Annotated[int, Field(ge=1)] = 2000
    """Of 128 captions."""
    rate: Annotated[float, Field(gt=0)] = 2e-3
    """Of Adam, at its highest."""
    width: Annotated[int, Field(ge=1)] = 256
    """Of the layer between."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Of the first weights, and of the order of the captions."""

    def check(self) -> None:
        of_texts(self.net, self._captions()[:_AT_ONCE])

    def run(self, device: str, scratch: Path, progress: Progress) -> SentenceHead:
        """Train.

        Raises:
            InterpganError: if there are no captions, the net cannot read one, or MiniLM cannot be fetched.
        """
        import numpy as np
        import torch

        from interpgan_text.head_network import HeadNet
        from interpgan_text.minilm import MiniLM
        from interpgan_text.work import train

        captions = self._captions()
        sentences, wanted = self._read(captions, MiniLM.fetched(device), progress)
        tested = min(_TESTED, len(captions) // _HELD_OUT)
        known = len(captions) - tested
        kept = probe(self.net)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            net = HeadNet(sentences.shape[1], self.width, len(kept)).to(device)

        def loss(step: int) -> Tensor:
            random = np.random.RandomState([self.seed, step])
            rows = torch.from_numpy(random.randint(known, size=128))
            seen = sentences[rows]
            there = torch.from_numpy(random.rand(*seen.shape) >= _DROPPED).to(seen)
            found = net(seen * there / (1 - _DROPPED))
            return torch.as_tensor((1 - (found * wanted[rows]).sum(1)).mean())

        train(net, loss, self.steps, self.rate, scratch / "head.pt", "training the head", progress)
        with torch.no_grad():
            found = net(sentences[known:])
        same = wanted[known:] @ wanted[known:].T > 1 - 1e-4
        nearest = (found @ wanted[known:].T).argmax(1)
        figures = {
            "captions": float(tested),
            "cosine": float((found * wanted[known:]).sum(1).mean()),
            "the own caption is nearest": float(same[torch.arange(tested), nearest].float().mean()),
        }
        return SentenceHead(net, spread(sentences[:known], _KNOWN), kept, self.net.name, figures)

    def _read(self, captions: Sequence[str], reader: MiniLM, progress: Progress) -> tuple[Tensor, Tensor]:
        """(m, 384) sentences of MiniLM, and (m, e) embeddings of the net, of length 1."""
        import torch

        from interpgan_text.minilm import sentence

        order = sorted(
            range(len(captions)), key=lambda k: len(captions[k])
        )  # few pieces behind the last ones
        lots = [order[start : start + _AT_ONCE] for start in range(0, len(order), _AT_ONCE)]
        rows: dict[int, tuple[Tensor, Tensor]] = {}
        for lot in progress(lots, total=len(lots), what=f"reading {len(captions)} captions"):
            texts = [captions[k] for k in lot]
            meant = sentence(*reader.meanings(texts))
            rows |= dict(zip(lot, zip(meant, of_texts(self.net, texts).to(meant), strict=True), strict=True))
        both = [rows[k] for k in range(len(captions))]
        return torch.stack([pair[0] for pair in both]), torch.stack([pair[1] for pair in both])

    def _captions(self) -> Sequence[str]:
        if self.captions is None:
            if not isinstance(self.net, HasCaptions):
                raise InterpganError(
                    f"{self.net.name} cannot make captions itself; give a text file of them: captions: my-captions.txt"
                )
            return self.net.captions(self.count)
        try:
            lines = self.captions.read_text(encoding="utf-8").splitlines()
        except (UnicodeDecodeError, OSError) as error:
            raise InterpganError(f"{self.captions} is no text file of captions, one a line") from error
        found = [line.strip() for line in lines if line.strip()][: self.count]
        if len(found) < 20:
            raise InterpganError(
                f"{self.captions} has {len(found)} captions; give 20 at least, better thousands"
            )
        return found


def spread(sentences: Tensor, count: int) -> Tensor:
    """Some sentences that lie far apart: each is the one that is farthest from all before it, the first is the first.

    Args:
        sentences: (n, d) of length 1.
        count: at most so many.

    Returns:
        (at most count, d), rounded to half precision.
    """
    import torch

    chosen = [0]
    nearest = sentences @ sentences[0]
    while len(chosen) < min(count, len(sentences)):
        chosen.append(int(nearest.argmin()))
        nearest = torch.maximum(nearest, sentences @ sentences[chosen[-1]])
    return sentences[chosen].half().float()
