"""The same recipe gives the same bytes, and a sample depends on its seed alone."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from interpgan_core import quiet
from interpgan_core.generators.toy import ToyGenerator
from interpgan_core.operators.builtin.render import Render
from interpgan_core.pictures import images

COMMAND = Path(sys.executable).with_name("interpgan-run")
RECIPE = """
interpgan: 1
steps:
  - {use: generator, weights: toy, noise: random}
  - {use: sample, seeds: "3-6,900000000"}
  - {use: sefa, id: styles, layers: 0-2}
  - {use: walk, direction: $styles.0, strengths: [-2, 0, 2]}
  - {use: sample, id: other, seeds: 77}
  - {use: mix, batch: $walk, source: $other, layers: 3-5}
  - {use: ablate, layer: layers.3, units: 0-3}
  - {use: render}
  - {use: save, file: codes.safetensors}
"""

# What may differ between two runs of one recipe: when, and how long.
TIMES = {"run.json": ("started", "finished", "seconds"), "step.json": ("seconds",)}


def bytes_of(folder):
    """Everything in an output folder, name -> bytes, without times."""
    found = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.name != "report.html"):
        data = path.read_bytes()
        if path.name in TIMES:
            value = json.loads(data)
            for record in (value, *value.get("steps", [])):
                for key in TIMES[path.name]:
                    record.pop(key, None)
            data = json.dumps(value).encode()
        found[path.relative_to(folder).as_posix()] = data
    # The page is made of what is compared; its times are words between tags.
    page = (folder / "report.html").read_text()
    found["pictures of the page"] = "".join(
        part.partition('"')[0] for part in page.split('src="data:')[1:]
    ).encode()
    return found


def run(recipe, out, **env):
    command = [COMMAND, recipe, "--out", out]
    subprocess.run(command, check=True, capture_output=True, env=os.environ | env)


@pytest.mark.long
def test_the_same_recipe_gives_the_same_bytes(tmp_path):
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    run(tmp_path / "recipe.yaml", tmp_path / "a", PYTHONHASHSEED="1")
    run(tmp_path / "recipe.yaml", tmp_path / "deep" / "b", PYTHONHASHSEED="2", OMP_NUM_THREADS="1")
    a, b = bytes_of(tmp_path / "a"), bytes_of(tmp_path / "deep" / "b")
    assert a.keys() == b.keys()
    assert [name for name in a if a[name] != b[name]] == []
    assert len([name for name in a if name.endswith(".png")]) > 15


@pytest.fixture(scope="module", params=["const", "random"])
def generator(request):
    return ToyGenerator(classes=3, noise=request.param)


def pictures(generator, seeds, batch_size=1):
    with torch.no_grad():
        return images.to_uint8(generator.images(generator.sample(seeds), batch_size))


SEEDS = st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=6)


@pytest.mark.parametrize("noise", ["const", "random"])
def test_pictures_do_not_depend_on_the_batch_size(tmp_path, noise):
    generator = ToyGenerator(noise=noise)
    batch = generator.sample(range(60))
    files = {}
    for size in (1, 3):
        folder = tmp_path / str(size)
        folder.mkdir()
        Render(batch_size=size).run(generator, batch, folder, quiet)
        files[size] = {path.name: path.read_bytes() for path in folder.glob("*.png")}
    assert len(files[1]) == 61
    assert [name for name in files[1] if files[3][name] != files[1][name]] == []


@pytest.mark.long
@given(seeds=SEEDS, data=st.data())
@settings(max_examples=25, deadline=None)
def test_a_sample_does_not_depend_on_its_neighbours(generator, seeds, data):
    among = pictures(generator, seeds)
    order = data.draw(st.permutations(range(len(seeds))))
    shuffled = pictures(generator, [seeds[i] for i in order])
    for place, i in enumerate(order):
        assert (shuffled[place] == among[i]).all()
    assert (pictures(generator, seeds[-1:])[0] == among[-1]).all()


@given(
    seeds=st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=200),
    space=st.sampled_from(["w", "w+", "s"]),
)
@settings(max_examples=25, deadline=None)
def test_a_code_does_not_depend_on_its_neighbours(generator, seeds, space):
    def codes(seeds):
        return generator.to_space(generator.sample(seeds), space).codes

    among = codes(seeds)
    assert torch.equal(codes(seeds[::-1]), among.flip(0))
    assert torch.equal(codes(seeds[:1]), among[:1])
    parts = [part.codes for part in generator.stream(seeds, batch_size=7, space=space)]
    assert torch.equal(torch.cat(parts), among)
