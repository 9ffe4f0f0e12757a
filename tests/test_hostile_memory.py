"""A hostile file is refused before it has taken more memory than twice its size."""

import os
import pickle
import zipfile

import numpy as np
import pytest
import torch
from processes import forked

SIZE = 16 * 2**20
READ = """
import sys
from pathlib import Path
import numpy, safetensors, torch
from interpgan_core import InterpganError, read_npy, read_weights

def most():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))

path = Path(sys.argv[1])
before = most()
try:
    (read_npy if path.suffix == ".npy" else read_weights)(path)
except InterpganError as error:
    print(most() - before, error)
"""


class Evil:
    def __reduce__(self):
        return os.system, ("true",)


def padded():
    return os.urandom(SIZE)


def tensors():
    return {"w": torch.frombuffer(bytearray(padded()), dtype=torch.uint8), "evil": Evil()}


def last_in_a_pickle(path):
    path.write_bytes(pickle.dumps([padded(), Evil()], 4))


def in_torchs_format(path):
    torch.save(tensors(), path)


def in_torchs_old_format(path):
    torch.save(tensors(), path, _use_new_zipfile_serialization=False)


def in_an_array_of_objects(path):
    np.save(path, np.array([padded(), Evil()], dtype=object), allow_pickle=True)


def a_shape_of_terabytes(path):
    with path.open("wb") as file:
        header = {"descr": "<f8", "fortran_order": False, "shape": (10**9, 1000)}
        np.lib.format.write_array_header_1_0(file, header)
        file.write(padded())


def a_zip_in_a_zip(path):
    in_torchs_format(path.with_name("inner.pt"))
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(path.with_name("inner.pt"), "inner.zip")


@pytest.mark.parametrize(
    ("make", "name", "says"),
    [
        (last_in_a_pickle, "a.pkl", "asks to run code"),
        (in_torchs_format, "a.pt", "asks to run code"),
        (in_torchs_old_format, "a.pt", "asks to run code"),
        (in_an_array_of_objects, "a.npy", "asks to run code"),
        (a_shape_of_terabytes, "a.npy", "damaged"),
        (a_zip_in_a_zip, "a.pt", "is a zip archive; unpack it"),
    ],
)
def test_refused_within_twice_its_size(make, name, says, tmp_path):
    make(tmp_path / name)
    taken, _, said = forked(READ, tmp_path / name).partition(" ")
    assert says in said
    # What any reading costs, of however small a file, comes on top.
    assert int(taken) <= 2 * (tmp_path / name).stat().st_size + 4 * 2**20
