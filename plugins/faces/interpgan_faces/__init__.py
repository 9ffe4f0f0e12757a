"""Photographs of faces: where they are, what they show, whose they are, and back into the photograph."""

from collections.abc import Mapping

from interpgan_core import hookimpl


@hookimpl
def interpgan_operators() -> Mapping[str, str]:
    return {
        "faces.encoder": "interpgan_faces.encoder:LoadEncoder",
        "faces.identity": "interpgan_faces.identity:LoadIdentity",
        "faces.directions": "interpgan_faces.directions:LoadDirections",
        "faces.landmarks": "interpgan_faces.landmarks:LoadLandmarks",
        "faces.paste": "interpgan_faces.paste:PasteFaces",
        "faces.pasted": "interpgan_faces.pasted:SeePasted",
        "faces.regions": "interpgan_faces.regions:LoadRegions",
        "faces.scorer": "interpgan_faces.scorer:LoadScorer",
    }
