"""What is known of the named model before it is fetched."""

from interpgan_core.plugin import NamedModel

ffhq = NamedModel(
    family="MobileStyleGAN",
    resolution=1024,
    data="FFHQ, by way of StyleGAN 2",
    licence="research, non-commercial (NVIDIA; FFHQ: CC BY-NC-SA 4.0)",
    companions=(
        "faces.directions",
        "faces.scorer",
        "faces.regions",
        "faces.landmarks",
        "faces.encoder",
        "faces.identity",
        "inversion.efficientnet",
    ),
    target="interpgan_mobilestylegan.backbone:ffhq",
)
