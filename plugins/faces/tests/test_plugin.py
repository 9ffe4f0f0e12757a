"""The plugin keeps what all plugins promise."""

import json
from pathlib import Path

import pytest

from interpgan_core import make_plan, run
from interpgan_core.testing import plugin_conformance

test_plugin = plugin_conformance("faces")


@pytest.mark.network
def test_licences_of_nets_reach_the_report(tmp_path):
    photograph = Path(__file__).with_name("astronaut.jpg")
    (tmp_path / "recipe.yaml").write_text(
        "interpgan: 1\nsteps:\n  - {use: faces.landmarks, id: points}\n"
        f"  - {{use: inversion.align, pictures: {photograph}, landmarks: $points, resolution: 64}}\n"
    )
    said = []
    page = run(make_plan(tmp_path / "recipe.yaml"), tmp_path / "out", device="cpu", notice=said.append)
    (licence,) = json.loads((tmp_path / "out/run.json").read_text())["licences"]
    assert licence.startswith("MIT: MTCNN") and licence in page.read_text() and not said
