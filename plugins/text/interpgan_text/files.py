"""Files of CLIP: OpenAI's and open_clip's names, and Hugging Face's, to one state dict and its sizes."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interpgan_core import InterpganError, read_weights
from interpgan_core.plugin import build
from interpgan_text.network import ClipNetwork, Sizes, Tower
from interpgan_text.tokens import VOCABULARY

if TYPE_CHECKING:
    from torch import Tensor

_SAYS_ITS_SIZE = ("input_resolution", "context_length", "vocab_size")
"""Beside the weights of OpenAI's own state dicts."""
# The width of the heads by the width of the tower, where it is not 64.
_HEADS = {1280: 80, 1408: 88, 1664: 104}
_ADVICE = "take a CLIP with a vision transformer, such as openai/clip-vit-base-patch32"
# Hugging Face's names, in the order that they are tried, to OpenAI's.
_RENAMED = (
    (r"text_model\.embeddings\.token_embedding\.weight", "token_embedding.weight"),
    (r"text_model\.embeddings\.position_embedding\.weight", "positional_embedding"),
    (r"text_model\.final_layer_norm\.", "ln_final."),
    (r"vision_model\.embeddings\.class_embedding", "visual.class_embedding"),
    (r"vision_model\.embeddings\.patch_embedding\.weight", "visual.conv1.weight"),
    (r"vision_model\.embeddings\.position_embedding\.weight", "visual.positional_embedding"),
    (r"vision_model\.pre_layrnorm\.", "visual.ln_pre."),
    (r"vision_model\.post_layernorm\.", "visual.ln_post."),
    (r"text_model\.encoder\.layers\.", "transformer.resblocks."),
    (r"vision_model\.encoder\.layers\.", "visual.transformer.resblocks."),
)
_INSIDE = (
    (".self_attn.out_proj.", ".attn.out_proj."),
    (".layer_norm1.", ".ln_1."),
    (".layer_norm2.", ".ln_2."),
    (".mlp.fc1.", ".mlp.c_fc."),
    (".mlp.fc2.", ".mlp.c_proj."),
)


def read_clip(path: Path, activation: str = "auto") -> tuple[ClipNetwork, Sizes]:
    """Read a CLIP.

    Args:
        path: safetensors or .bin, with OpenAI's, open_clip's or Hugging Face's names.
        activation: which one it was trained with, quickgelu or gelu; auto: as the config beside the file
            says, else by the kind of file.

    Returns:
        The network, float32, frozen; and its sizes.

    Raises:
        InterpganError: if it is no file of weights, of another kind of net, damaged, or of another tokeniser.
    """
    try:
        content = read_weights(path)
    except InterpganError as error:
        if "TorchScript" in str(error):
            raise InterpganError(
                f"{path} is OpenAI's TorchScript archive, which is a program and is not run; take the same weights as "
                "safetensors, from openai/clip-vit-base-patch32 and its like on Hugging Face"
            ) from error
        raise
    state = _flat(content, path)
    _refuse_others(state, path)
    published = any(name in state for name in _SAYS_ITS_SIZE)
    state = {name: t for name, t in state.items() if name not in (*_SAYS_ITS_SIZE, "attn_mask")}
    of_hf = "visual.conv1.weight" not in state
    if of_hf:
        state = from_hugging_face(state, path)
    if activation == "auto":
        quick = _by_config(path)
        quick = (of_hf or published) if quick is None else quick
    else:
        quick = activation == "quickgelu"
    sizes = sizes_of(state, quick, path)
    return build(lambda: ClipNetwork(sizes), state, path), sizes


def from_hugging_face(state: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """A state dict of `transformers` in OpenAI's names: queries, keys and values as one, projections turned.

    Raises:
        InterpganError: if a part of an attention is missing.
    """
    import torch

    renamed: dict[str, Tensor] = {}
    for name, tensor in state.items():
        if name.endswith("embeddings.position_ids"):
            continue
        if name in ("text_projection.weight", "visual_projection.weight"):
            renamed["visual.proj" if name.startswith("visual") else "text_projection"] = tensor.T
            continue
        for old, new in _RENAMED:
            name = re.sub(f"^{old}", new, name)
        for part, whole in _INSIDE:
            name = name.replace(part, whole)
        renamed[name] = tensor
    for name in [n for n in renamed if ".self_attn.q_proj." in n]:
        start, kind = name.split(".self_attn.q_proj.")
        names = [f"{start}.self_attn.{letter}_proj.{kind}" for letter in "qkv"]
        if missing := [n for n in names if n not in renamed]:
            raise InterpganError(f"{path} lacks {missing[0]}; it is damaged, download it again")
        renamed[f"{start}.attn.in_proj_{kind}"] = torch.cat([renamed.pop(n) for n in names])
    return renamed


def sizes_of(state: Mapping[str, Tensor], quick: bool, path: Path) -> Sizes:
    """The sizes of a CLIP, by the shapes of its weights in OpenAI's names.

    Raises:
        InterpganError: if they are those of no CLIP, or of another tokeniser.
    """

    def shape(name: str, dims: int) -> tuple[int, ...]:
        if name not in state or state[name].ndim != dims:
            raise InterpganError(f"{path} is no CLIP: it has no {name} of {dims} dimensions; {_ADVICE}")
        return tuple(state[name].shape)

    def tower(start: str) -> Tower:
        width = shape(f"{start}resblocks.0.ln_1.weight", 1)[0]
        numbers = {
            int(found[1]) for n in state if (found := re.match(re.escape(start) + r"resblocks\.(\d+)\.", n))
        }
        head = _HEADS.get(width, 64)
        if width % head:
            raise InterpganError(
                f"{path} has a tower of {width} channels, which no known CLIP has; {_ADVICE}"
            )
        hidden = shape(f"{start}resblocks.0.mlp.c_fc.weight", 2)[0]
        return Tower(width, width // head, len(numbers), hidden)

    patch = shape("visual.conv1.weight", 4)[2]
    places = shape("visual.positional_embedding", 2)[0] - 1
    vocabulary = shape("token_embedding.weight", 2)[0]
    if vocabulary != VOCABULARY:
        raise InterpganError(
            f"{path} was trained with another tokeniser: it knows {vocabulary} tokens, CLIP's own {VOCABULARY}; "
            f"{_ADVICE}"
        )
    grid = math.isqrt(max(places, 0))
    if grid**2 != places or not grid:
        raise InterpganError(f"{path} has {places} places for patches, which make no square; {_ADVICE}")
    return Sizes(
        tower("visual.transformer."),
        tower("transformer."),
        patch,
        grid * patch,
        shape("positional_embedding", 2)[0],
        vocabulary,
        shape("text_projection", 2)[1],
        quick,
    )


def _flat(content: Any, path: Path) -> dict[str, Tensor]:
    import torch

    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    if not isinstance(content, dict) or not any(isinstance(t, torch.Tensor) for t in content.values()):
        raise InterpganError(f"{path} holds no weights by name; {_ADVICE}")
    state = {str(name): tensor for name, tensor in content.items() if isinstance(tensor, torch.Tensor)}
    if all(name.startswith("module.") for name in state):
        state = {name.removeprefix("module."): tensor for name, tensor in state.items()}
    return state


def _refuse_others(state: Mapping[str, Tensor], path: Path) -> None:
    if "logit_bias" in state or any(name.startswith("vision_model.head.") for name in state):
        raise InterpganError(f"{path} is a SigLIP, whose tokeniser is another; {_ADVICE}")
    if any(name.startswith("visual.layer1.") or name.startswith("visual.trunk.") for name in state):
        raise InterpganError(f"{path} is a CLIP whose pictures are read by no plain transformer; {_ADVICE}")
    text = any(name.startswith(("text_model.", "transformer.resblocks.")) for name in state)
    vision = any(name.startswith(("vision_model.", "visual.")) for name in state)
    if not text and not vision:
        raise InterpganError(f"{path} is no CLIP: it has neither a text tower nor a vision tower; {_ADVICE}")
    if not text or not vision:
        lacks = "vision" if text else "text"
        raise InterpganError(f"{path} has no {lacks} tower: it is half a CLIP; {_ADVICE}")


def _by_config(path: Path) -> bool | None:
    """What the config beside the file says of the activation; None where there is none that says it."""
    for name in ("config.json", "open_clip_config.json"):
        file = path.parent / name
        try:
            said = json.loads(file.read_text()) if file.is_file() else None
        except (OSError, ValueError):
            continue
        if not isinstance(said, dict):
            continue
        tower, model = said.get("vision_config"), said.get("model_cfg")
        if isinstance(tower, dict) and isinstance(tower.get("hidden_act"), str):
            return bool(tower["hidden_act"] == "quick_gelu")
        if isinstance(model, dict):
            return bool(model.get("quick_gelu", False))
    return None
