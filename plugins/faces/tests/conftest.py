"""NASA's portrait of Eileen Collins, in the public domain; nets with random weights, and those that are fetched."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from interpgan_core import InterpganError
from interpgan_faces.identity import LoadIdentity
from interpgan_faces.landmarks import LoadLandmarks
from interpgan_faces.mesh import load_mesh
from interpgan_faces.regions import LoadRegions
from interpgan_faces.scorer import LoadScorer

FOLDER = Path(__file__).parent


def read(name):
    """(3, h, w) in [-1, 1]."""
    pixels = np.array(Image.open(FOLDER / name).convert("RGB"))
    return torch.from_numpy(pixels).permute(2, 0, 1).float() / 127.5 - 1


def loaded(operator):
    """The nets of an operator; fetched where they are not in the cache yet."""
    try:
        return operator.run("cpu")
    except InterpganError as error:
        pytest.skip(f"the nets cannot be had here: {error}")


@pytest.fixture(scope="session")
def portrait():
    """(3, 280, 320); a woman who smiles, without glasses."""
    return read("astronaut.jpg")


@pytest.fixture(scope="session")
def chip():
    """(3, 150, 150); her face as dlib's identity net takes it."""
    return read("chip.png")


@pytest.fixture(scope="session")
def finder():
    return loaded(LoadLandmarks())


@pytest.fixture(scope="session")
def scorer():
    return loaded(LoadScorer())


@pytest.fixture(scope="session")
def identity():
    return loaded(LoadIdentity())


@pytest.fixture(scope="session")
def mesh():
    try:
        return load_mesh()
    except InterpganError as error:
        pytest.skip(f"the net cannot be had here: {error}")


@pytest.fixture(scope="session")
def regions():
    return loaded(LoadRegions())
