"""Training of `avatars.text` on pictures and captions, and its figures on held-out people."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from interpgan_avatars.captions import FACTS, UNKNOWN, caption, fits, part_of, poses, prompts, tokens
from interpgan_avatars.drawing import SIDE
from interpgan_avatars.scorer import AvatarScorer
from interpgan_avatars.text_networks import TextNet
from interpgan_avatars.training import degraded
from interpgan_core import ImageSet, Progress, load_generator
from interpgan_core.plugin import channels_last, placing

BATCH = 128
_CAPTIONS = 2  # a picture
_SEED = 0x57
_SAVE_EVERY = 100


Pictures = Callable[[Any], Tensor]
"""Positions to (m, 3, 64, 64) in [-1, 1]."""


def facts_scored(scorer: AvatarScorer, images: Tensor) -> np.ndarray:
    """What a scorer sees on pictures whose truth is not known; what it is not sure of stays open.

    Args:
        scorer: of avatars, on the scale of probabilities.
        images: (n, 3, 64, 64) in [-1, 1].

    Returns:
        (n, 9) int64, as of `captions.facts_of`.
    """
    with torch.no_grad():
        scores, groups = scorer(images).numpy(), scorer.groups(images)
    facts = np.full((len(images), len(FACTS)), UNKNOWN, np.int64)
    facts[:, 0] = poses(scores[:, 0])
    yes = scores[:, 1:]
    facts[:, 1:6] = np.where(yes > 0.8, 1, np.where(yes < 0.2, 0, UNKNOWN))
    for name in ("hair", "style", "skin"):
        facts[:, list(FACTS).index(name)] = groups[name].numpy()
    return facts


def sampled(name: str, count: int, scratch: Path, progress: Progress) -> tuple[Pictures, np.ndarray]:
    """Samples of a generator, and what the scorer sees on them.

    Args:
        name: of the generator.
        count: seeds 0 to count - 1.
        scratch: where the pixels are kept.
        progress: shows how far it is.

    Returns:
        The pictures, and (count, 9) facts.
    """
    generator, scorer = load_generator(name), AvatarScorer.shipped()
    shape = (count, 3, SIDE, SIDE)
    pixels = np.lib.format.open_memmap(scratch / f"{name}.npy", "w+", dtype=np.uint8, shape=shape)
    facts, done = np.empty((count, len(FACTS)), np.int64), 0
    batches = generator.stream(range(count), 50)
    for batch in progress(batches, total=-(-count // 50), what=f"samples of {name}, batches"):
        with torch.no_grad():
            images = generator.images(batch, 50).clamp(-1, 1)
        rows = slice(done, done + len(images))
        pixels[rows] = ((images + 1) * 127.5).round().byte().numpy()
        facts[rows] = facts_scored(scorer, images)
        done += len(images)
    return ImageSet(pixels).images, facts


def padded(numbers: Sequence[Sequence[int]]) -> Tensor:
    """Args: numbers: m texts; Returns: (m, longest) int64 with zeros behind the last word."""
    table = torch.zeros(len(numbers), max(map(len, numbers)), dtype=torch.int64)
    for row, of in zip(table, numbers, strict=True):
        row[: len(of)] = torch.tensor(of)
    return table


def contrast(net: TextNet, images: Tensor, numbers: Tensor, fit: Tensor, unsure: Tensor) -> Tensor:
    """InfoNCE both ways, where each picture fits several captions and each caption several pictures.

    Args:
        net: trained.
        images: (n, 3, 64, 64).
        numbers: (m, t) of captions.
        fit: (n, m) bool; every row and column has one.
        unsure: (n, m) bool; these pairs do not count.

    Returns:
        The loss.
    """
    scale = net.log_scale.exp().clamp(max=100)
    logits = scale * net.of_images(images) @ net.of_texts(numbers).T
    logits = logits.masked_fill(unsure, -1e4)
    total = logits.new_zeros(())
    for way, want in ((logits, fit), (logits.T, fit.T)):
        shares = want / want.sum(1, keepdim=True)
        total = total - (shares * functional.log_softmax(way, 1)).sum(1).mean()
    return total


def train(
    sets: Sequence[tuple[Pictures, np.ndarray]], steps: Iterable[int], count: int, scratch: Path
) -> TextNet:
    """Train the network; a run that was stopped goes on.

    Args:
        sets: pictures and the (n, 9) facts of each; every batch draws from all, as often as they are large.
        steps: numbers of the steps, 0 to count - 1.
        count: of the steps.
        scratch: for what is kept on the way.

    Returns:
        The network, its weights rounded to half precision, frozen.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_SEED)
        net = TextNet()
    channels_last(net)
    optimiser = torch.optim.AdamW(net.parameters(), weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=3e-3, total_steps=count + 1)
    kept, done = scratch / "text.pt", 0
    parts: dict[str, Any] = {"net": net, "optimiser": optimiser, "schedule": schedule}
    if kept.exists():
        state = torch.load(kept, weights_only=True)
        done = state.pop("done")
        for name, part in parts.items():
            part.load_state_dict(state[name])
    ends = np.cumsum([len(facts) for _, facts in sets])
    net.train()
    for step in steps:
        if step < done:
            continue
        # Of the step alone, so that a run that goes on sees what one in a piece sees.
        random, chance = np.random.RandomState([_SEED, step]), torch.Generator().manual_seed(step)
        rows = np.sort(random.randint(ends[-1], size=BATCH))
        which = np.searchsorted(ends, rows, side="right")
        images, facts = [], []
        for k, (pictures, known) in enumerate(sets):
            mine = rows[which == k] - (ends[k - 1] if k else 0)
            if len(mine):
                images.append(pictures(mine))
                facts.append(known[mine])
        true = np.concatenate(facts)
        said = np.stack([part_of(row, random) for row in true for _ in range(_CAPTIONS)])
        numbers = padded([tokens(caption(row, random)) for row in said])
        fit, unsure = (torch.from_numpy(table) for table in fits(true, said))
        value = contrast(net, degraded(torch.cat(images), chance), numbers, fit, unsure)
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        schedule.step()
        if (step + 1) % _SAVE_EVERY == 0:
            with placing(kept) as partial:
                torch.save({name: p.state_dict() for name, p in parts.items()} | {"done": step + 1}, partial)
    for tensor in net.state_dict().values():
        if tensor.is_floating_point():
            tensor.copy_(tensor.half().float())
    for parameter in net.parameters():
        parameter.data = parameter.data.contiguous()
    return net.eval().requires_grad_(False)


def figures(net: TextNet, pictures: Pictures, facts: np.ndarray) -> dict[str, float]:
    """Held-out figures.

    Args:
        net: trained.
        pictures: n of them, n over 100.
        facts: (n, 9) of them.

    Returns:
        Share of right answers by attribute, zero-shot, the prompts of each value averaged; and "retrieval": the share
        of pictures whose own full caption is the nearest of 100, the others being of people that it does not fit.
    """
    with torch.no_grad():
        found = torch.cat(
            [
                net.of_images(pictures(slice(start, min(start + 256, len(facts)))))
                for start in range(0, len(facts), 256)
            ]
        )
        result = {}
        for k, (name, values) in enumerate(FACTS.items()):
            means = [
                net.of_texts(padded([tokens(text) for text in prompts(name, number)])).mean(0)
                for number in range(len(values))
            ]
            answers = (found @ functional.normalize(torch.stack(means), dim=1).T).argmax(1).numpy()
            known = facts[:, k] != UNKNOWN
            result[name] = float((answers == facts[:, k])[known].mean())
        random = np.random.RandomState(_SEED)
        texts = net.of_texts(padded([tokens(caption(row, random)) for row in facts]))
        similar = (found @ texts.T).numpy()
    fit, unsure = fits(facts, facts)
    wrong, right = ~(fit | unsure), 0
    for row in range(len(facts)):
        others = random.choice(np.flatnonzero(wrong[row]), 99, replace=False)
        right += similar[row, row] > similar[row, others].max()
    return result | {"retrieval": float(right / len(facts))}
