"""ReSeFa: directions that change a region of the pictures and little else, without labels or training."""

from collections.abc import Mapping

from interpgan_core import hookimpl


@hookimpl
def interpgan_operators() -> Mapping[str, str]:
    return {"resefa": "interpgan_resefa.operators:FindRegionDirections"}
