"""Long tasks, spread over processes, GPUs and machines by Ray."""

from collections.abc import Mapping

from interpgan_core import hookimpl


@hookimpl
def interpgan_engines() -> Mapping[str, str]:
    return {"ray": "interpgan_ray.engine:RayEngine"}
