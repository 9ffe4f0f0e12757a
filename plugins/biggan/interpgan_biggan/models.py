"""The published BigGANs that have an address of their own.

The addresses are those of huggingface/pytorch-pretrained-BigGAN; no SHA-256 is published. ajbrock's networks
(128 pixels) lie packed on Google Drive: fetch and unpack them by hand, and name `G_ema.pth` as the file.
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
