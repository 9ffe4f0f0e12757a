"""For tests: a tiny CLIP in each layout, and a net of text and pictures whose answers can be foreseen."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from interpgan_core import seeded_normal
from interpgan_text.bert import Bert, BertSizes
from interpgan_text.minilm import MiniLM
from interpgan_text.network import ClipNetwork, Sizes, Tower
from interpgan_text.tokens import VOCABULARY

SIZES = Sizes(Tower(64, 1, 2, 256), Tower(64, 1, 1, 256), 8, 32, 77, VOCABULARY, 16, True)


def openai(sizes: Sizes = SIZES) -> dict[str, Tensor]:
    """A state dict with OpenAI's names and seeded weights."""
    with torch.device("meta"):
        shapes = {name: tensor.shape for name, tensor in ClipNetwork(sizes).state_dict().items()}
    state = {}
    for number, (name, shape) in enumerate(shapes.items()):
        drawn = seeded_normal([number], (shape.numel(),)).reshape(shape)
        fan = shape[1:].numel() if len(shape) > 1 else 100
        state[name] = drawn / fan**0.5 + (1 if ".ln_" in f".{name}" and name.endswith("weight") else 0)
    return state


def hugging_face(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same weights with Hugging Face's names."""
    renamed = {
        "text_model.embeddings.token_embedding.weight": state["token_embedding.weight"],
        "text_model.embeddings.position_embedding.weight": state["positional_embedding"],
        "text_model.embeddings.position_ids": torch.arange(77)[None],
        "vision_model.embeddings.class_embedding": state["visual.class_embedding"],
        "vision_model.embeddings.patch_embedding.weight": state["visual.conv1.weight"],
        "vision_model.embeddings.position_embedding.weight": state["visual.positional_embedding"],
        "text_projection.weight": state["text_projection"].T.contiguous(),
        "visual_projection.weight": state["visual.proj"].T.contiguous(),
        "logit_scale": state["logit_scale"],
    }
    for kind in ("weight", "bias"):
        renamed[f"text_model.final_layer_norm.{kind}"] = state[f"ln_final.{kind}"]
        renamed[f"vision_model.pre_layrnorm.{kind}"] = state[f"visual.ln_pre.{kind}"]
        renamed[f"vision_model.post_layernorm.{kind}"] = state[f"visual.ln_post.{kind}"]
    parts = {"attn.out_proj": "self_attn.out_proj", "ln_1": "layer_norm1", "ln_2": "layer_norm2"}
    parts |= {"mlp.c_fc": "mlp.fc1", "mlp.c_proj": "mlp.fc2"}
    for name, tensor in state.items():
        start, found, rest = name.partition("transformer.resblocks.")
        if not found:
            continue
        number, _, part = rest.partition(".")
        layer = f"{'vision' if start else 'text'}_model.encoder.layers.{number}"
        if part.startswith("attn.in_proj_"):
            for letter, rows in zip("qkv", tensor.chunk(3), strict=True):
                renamed[f"{layer}.self_attn.{letter}_proj.{part.removeprefix('attn.in_proj_')}"] = (
                    rows.clone()
                )
        else:
            of, _, kind = part.rpartition(".")
            renamed[f"{layer}.{parts[of]}.{kind}"] = tensor
    return renamed


def reader() -> MiniLM:
    """A tiny BERT with seeded weights, which has pieces for the words of `Colours`."""
    words = [
        "[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "an", "red", "green", "blue", "thing", "very", "##ish", "scar",
        "##let", ",", "!",
    ]  # fmt: skip
    net = Bert(BertSizes(len(words), 128, 64, 128, 2))
    for number, (name, tensor) in enumerate(net.state_dict().items()):
        drawn = seeded_normal([number], (tensor.numel(),)).reshape(tensor.shape)
        middle = 1.0 if name.endswith(("norm.weight", "last.weight")) else 0.0
        tensor.copy_(middle + drawn / 8)
    return MiniLM(net.eval().requires_grad_(False), {word: number for number, word in enumerate(words)})


class Colours:
    """A net that knows the words red, green and blue, and sees how much of each a picture has.

    Example:
        >>> from interpgan_text.testing import Colours
        >>> Colours().embed_texts(["a red thing", "a thing"]).tolist()
        [[2.0, 0.0, 0.0, 1.0], [0.0, 0.0, 0.0, 1.0]]
    """

    name = "colours"
    licence = "none"

    def embed_images(self, images: Tensor) -> Tensor:
        """Args: images: (n, 3, h, w); Returns: (n, 4)."""
        means = images.mean((2, 3)) - images.mean((1, 2, 3))[:, None]
        return torch.cat([4 * means, means.new_ones(len(means), 1)], 1)

    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        """Args: texts: m of them; Returns: (m, 4)."""
        return torch.tensor(
            [[2.0 * (c in text.split()) for c in ("red", "green", "blue")] + [1.0] for text in texts]
        )
