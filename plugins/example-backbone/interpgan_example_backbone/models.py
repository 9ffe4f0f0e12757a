from interpgan_core.plugin import NamedModel

RANDOM = NamedModel(
    family="small DCGAN",
    resolution=32,
    data="nothing: random weights",
    licence="Apache-2.0",
    target="interpgan_example_backbone.backbone:random",
)
