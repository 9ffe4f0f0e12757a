"""Pictures of the toy generator, whose codes are known, and a run of an operator as a recipe would make it."""

import json
from types import SimpleNamespace

import pytest

from interpgan_core import ImageSet, quiet, to_uint8
from interpgan_core.testing import run_operator, toy


def drawn(generator, numbers, **known):
    """Samples of a generator as a set of pictures."""
    pixels = to_uint8(generator.images(generator.sample(numbers), 8)).transpose(0, 3, 1, 2)
    return ImageSet(pixels, **known)


def run(operator, folder, generator=None, progress=quiet, **more):
    """The result, and the report."""
    made = run_operator(operator, folder, progress, generator=generator or toy(), **more)
    file = folder / "result/report.json"
    return made, json.loads(file.read_text()) if file.exists() else None


@pytest.fixture(scope="session")
def kit():
    return SimpleNamespace(drawn=drawn, run=run, quiet=quiet)
