"""Families that no plugin loads: what their files are called here, and what can be done with one.

A table of names of tensors, beside those of the backbones: it is asked first, for some of these networks contain one of
another family. When a plugin loads a family, its row goes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from interpgan_core.loading.checkpoint import Checkpoint

_WRITE = "no plugin loads it; plugins/example-backbone of interpgan's repository shows how a backbone is written for it"
_DIFFUSION = "it is no GAN: there is no latent code that draws a picture at once, and nothing here edits it"


@dataclass(frozen=True)
class _Row:
    """A family.

    Args:
        name: of the family.
        has: patterns of names; every one is found in its files.
        lacks: patterns of names that are in none of them.
        advice: what can be done.
    """

    name: str
    has: tuple[str, ...]
    lacks: tuple[str, ...] = ()
    advice: str = _WRITE


_ROWS = (
    _Row("EG3D", (r"backbone\.synthesis\.b4\.const$", r"(superresolution|decoder\.net)\.")),
    _Row("GANformer", (r"synthesis\.b\d+\.conv_last\.weight$",)),
    _Row(
        "StyleGAN-XL",
        (r"synthesis\.input\.freqs$", r"mapping\.embed\.weight$"),
        (r"mapping\.embed\.bias$",),
    ),
    _Row("StyleSwin", (r"input\.input$", r"layers\.0\.blocks\.0\.qkv\.weight$")),
    _Row("SemanticStyleGAN", (r"local_nets\.", r"render_net\.")),
    _Row("SNGAN, as of torch-mimicry", (r"l1\.weight$", r"block2\.c1\.weight$", r"block2\.b1\.")),
    _Row(
        "latent diffusion (Stable Diffusion)",
        (r"diffusion_model\.input_blocks\.0\.0\.weight$",),
        advice=_DIFFUSION,
    ),
    _Row(
        "diffusers",
        (r"(down_blocks\.0\.resnets\.0\.conv1\.weight|model_index\.json)$",),
        advice=_DIFFUSION,
    ),
)


def other_family(checkpoint: Checkpoint) -> str:
    """The family of a file, where it is one that no plugin loads.

    Args:
        checkpoint: a file or folder.

    Returns:
        What it is and what can be done, as "holds a generator of …: …"; "" of any other file.
    """
    names = "\n".join([*checkpoint.shapes, *(checkpoint.keys if checkpoint.path.is_dir() else ())])
    for row in _ROWS:
        if all(_found(p, names) for p in row.has) and not any(_found(p, names) for p in row.lacks):
            what = "a model" if row.advice == _DIFFUSION else "a generator"
            return f"holds {what} of {row.name}: {row.advice}"
    return ""


def _found(pattern: str, names: str) -> bool:
    """Does one of the names, a line each, end or go on as the pattern says, behind any prefix?"""
    return re.search(rf"(?m)(^|\.){pattern}", names) is not None
