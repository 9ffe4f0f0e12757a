"""GANSpace: principal components of sampled codes, or of first activations carried back to codes."""

from collections.abc import Mapping

from interpgan_core import hookimpl


@hookimpl
def interpgan_operators() -> Mapping[str, str]:
    return {"ganspace": "interpgan_ganspace.operators:FindComponents"}
