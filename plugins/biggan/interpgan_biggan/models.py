"""The published BigGANs that have an address of their own.

The addresses are those of huggingface/pytorch-pretrained-BigGAN; no SHA-256 is published. ajbrock's networks
(128 pixels) are in archives on Google Drive: download and unpack them, and give the path of `G_ema.pth`.
"""

from __future__ import annotations

from interpgan_core.plugin import Published

LICENCE = "of the conversion: MIT; of DeepMind's weights: not stated"

# Name in recipes -> model.
MODELS: dict[str, Published] = {
    f"biggan.deep-{size}": Published(
        "BigGAN-deep", size, "ImageNet, by class", LICENCE,
        f"https://s3.amazonaws.com/models.huggingface.co/biggan/biggan-deep-{size}-pytorch_model.bin",
    )
    for size in (128, 256, 512)
}  # fmt: skip
