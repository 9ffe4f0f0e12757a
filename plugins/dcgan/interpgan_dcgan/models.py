"""What is known of the named models before they are fetched."""

from __future__ import annotations

from interpgan_core.plugin import NamedModel

# Name in recipes -> model.
MODELS: dict[str, NamedModel] = {
    "dcgan.digiface-64": NamedModel(
        family="DCGAN",
        resolution=64,
        data="DigiFace-1M: drawn faces of Microsoft's",
        licence="MIT (Chien Liu); DigiFace-1M: research, non-commercial",
        target="interpgan_dcgan.wheels:digiface",
    ),
    "dcgan.celeba-64": NamedModel(
        family="DCGAN",
        resolution=64,
        data="CelebA",
        licence="MIT (package generateme); CelebA: research, non-commercial",
        target="interpgan_dcgan.wheels:celeba",
    ),
    "dcgan.eyes-128": NamedModel(
        family="DCGAN",
        resolution=128,
        data="OmniArt Eye: painted eyes of eight colours",
        licence="MIT (Rogier Knoester)",
        target="interpgan_dcgan.wheels:eyes",
    ),
}
