from interpgan_core import hookimpl


@hookimpl
def interpgan_backbones() -> dict[str, str]:
    return {"example_backbone": f"{__name__}.backbone:backbone"}


@hookimpl
def interpgan_models() -> dict[str, str]:
    return {"example_backbone.random": f"{__name__}.models:RANDOM"}
