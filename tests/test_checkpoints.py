"""Our own files, and the reading of everybody else's."""

import argparse
import contextlib
import io
import json
import os
import pickle
import struct
import textwrap
import zipfile
from collections import defaultdict
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from processes import names, output, python

from interpgan_core.errors import InterpganError
from interpgan_core.files.arrays import read_npy, read_npz
from interpgan_core.files.checkpoints import read_safetensors, read_weights, write_safetensors

SHARED_FOLDER = settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


# Our own files


def test_what_is_written_is_read_back(tmp_path):
    grid = torch.arange(12.0).view(3, 4)
    tensors = {
        "turned": grid.T,
        "same": grid,
        "again": grid,
        "row": grid[1],
        "none": torch.zeros(0, 3),
        "one": torch.tensor(3),
        "short": grid.bfloat16(),
        "yes": grid > 4,
        "grad": torch.nn.Parameter(torch.ones(2)),
    }
    header = {"b": [1, None, "é\u2028"], "a": {"x": 0.1}}
    write_safetensors(tmp_path / "deep" / "a.safetensors", tensors, "batch", header)
    found, said = read_safetensors(tmp_path / "deep" / "a.safetensors", "batch")
    assert said == header
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor)
    assert names(tmp_path / "deep") == ["a.safetensors"]


@pytest.mark.long
def test_equal_content_gives_equal_bytes_in_another_process(tmp_path):
    code = """
        import sys, torch
        from pathlib import Path
        from interpgan_core.files.checkpoints import write_safetensors

        def write(path, names):
            tensors = {n: torch.full((2,), float(ord(n))) for n in names}
            write_safetensors(Path(path), tensors, "batch", {n: ord(n) for n in names})

        if len(sys.argv) > 2:
            write(sys.argv[1], sys.argv[2])
    """
    output(python(code, tmp_path / "dcba", "dcba", PYTHONHASHSEED="1"))
    here = {}
    exec(textwrap.dedent(code), here)
    here["write"](tmp_path / "abcd", "abcd")
    assert (tmp_path / "abcd").read_bytes() == (tmp_path / "dcba").read_bytes()


def test_other_programs_read_ours(tmp_path):
    from safetensors import safe_open

    write_safetensors(tmp_path / "a", {"x": torch.ones(2)}, "directions", {"k": 1})
    with safe_open(tmp_path / "a", "np") as file:
        assert file.metadata() == {"format": "interpgan.directions/1", "header": '{"k":1}'}
        assert file.get_tensor("x").tolist() == [1, 1]


def test_a_header_that_json_cannot_hold(tmp_path):
    with pytest.raises(InterpganError, match="JSON cannot hold"):
        write_safetensors(tmp_path / "a", {}, "batch", {"x": torch.ones(1)})
    assert names(tmp_path) == []


def safetensors_with(metadata):
    text = json.dumps({"__metadata__": metadata} if metadata is not None else {}).encode()
    return struct.pack("<Q", len(text)) + text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no file .* check the path"),
        (b"", "is empty"),
        (b"hello", "not a safetensors file"),
        (b"<!DOCTYPE html><html>", "web page"),
        (safetensors_with(None), "not written by interpgan"),
        (safetensors_with({"format": "pt"}), "not written by interpgan"),
        (safetensors_with({"format": "interpgan.directions/1"}), "holds directions, not batch"),
        (safetensors_with({"format": "interpgan.network/1"}), "holds a network, not batch"),
        (safetensors_with({"format": "interpgan.batch/2", "header": "{}"}), "newer interpgan; upgrade"),
        (safetensors_with({"format": "interpgan.batch/1", "header": "[]"}), "header of .* damaged"),
        (safetensors_with({"format": "interpgan.batch/1", "header": "[" * 99999}), "header of .* damaged"),
        (safetensors_with({"format": "interpgan.batch/1"}), "header of .* damaged"),
        (struct.pack("<Q", 10**9) + b"{" + b" " * 99, "cut short or is damaged"),
    ],
)
def test_other_files_are_told_from_ours(tmp_path, content, message):
    path = tmp_path / "x.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InterpganError, match=message):
        read_safetensors(path, "batch")


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(InterpganError, match="is a folder; name a file"):
        read_safetensors(tmp_path, "batch")


# Weights


def weights():
    return {
        "g_ema": torch.nn.Linear(2, 3).state_dict(),
        "half": torch.arange(4).half(),
        "shared": [torch.ones(2, 2)] * 2,
        "step": 7,
        "turned": torch.arange(6.0).view(2, 3).t(),
    }


def same(found, expected):
    if isinstance(expected, dict):
        return found.keys() == expected.keys() and all(same(found[k], v) for k, v in expected.items())
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(same, found, expected))
    if isinstance(expected, torch.Tensor):
        return type(found) is torch.Tensor and found.dtype == expected.dtype and torch.equal(found, expected)
    return type(found) is type(expected) and found == expected


@pytest.mark.parametrize("zipped", [True, False])
def test_torch_files(tmp_path, zipped):
    value = weights()
    path = tmp_path / "misleading.safetensors"
    torch.save(value | {"p": torch.nn.Parameter(torch.ones(2))}, path, _use_new_zipfile_serialization=zipped)
    found = read_weights(path)
    assert same(found.pop("p"), torch.ones(2))
    assert same(found, value)
    assert type(found["g_ema"]) is dict


@pytest.mark.parametrize("zipped", [True, False])
def test_a_training_checkpoint(tmp_path, zipped):
    value = {
        "args": argparse.Namespace(size=256, lr=0.002, path=None),
        "loss": np.float64(0.5),
        "history": np.arange(3),
        "w": torch.ones(1),
    }
    torch.save(value, tmp_path / "a.pt", _use_new_zipfile_serialization=zipped)
    expected = {
        "args": {"size": 256, "lr": 0.002, "path": None},
        "loss": 0.5,
        "history": torch.arange(3),
        "w": torch.ones(1),
    }
    assert same(read_weights(tmp_path / "a.pt"), expected)


def test_a_namespace_in_a_plain_pickle(tmp_path):
    for protocol in range(6):
        (tmp_path / "a").write_bytes(pickle.dumps(argparse.Namespace(x=1), protocol))
        assert read_weights(tmp_path / "a") == {"x": 1}


def test_safetensors_of_others(tmp_path):
    from safetensors.torch import save_file

    save_file({"a": torch.ones(2)}, tmp_path / "model.bin")
    assert same(read_weights(tmp_path / "model.bin"), {"a": torch.ones(2)})


def test_numpy_files_become_tensors(tmp_path):
    np.save(tmp_path / "a.npy", np.ones((1, 3), np.float32))
    np.savez_compressed(tmp_path / "b.npz", x=np.arange(2), y=np.array(["u"]))
    assert same(read_weights(tmp_path / "a.npy"), torch.ones(1, 3))
    found = read_weights(tmp_path / "b.npz")
    assert found.pop("y").tolist() == ["u"]
    assert same(found, {"x": torch.arange(2)})


def file_of(torch_save, value):
    stream = io.BytesIO()
    torch_save(value, stream)
    return stream.getvalue()


def zipped(**members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), content)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty; download or make it again"),
        (b"\n <!-- x --> <!doctype HTML><html>", "is a web page, not data: the download link has died"),
        (b"<html lang=en>", "is a web page"),
        (b"<?xml version='1.0'?><Error>", "an XML answer of a server"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "Git LFS pointer.*git lfs pull"),
        (b"\x1f\x8b\x08", "packed by gzip; unpack"),
        (b"Rar!\x1a", "RAR archive; unpack"),
        (b"\x89HDF\r\n", "HDF5"),
        (b"GIF89a", "no file of weights that is known here: it starts with b'GIF89a'"),
        (zipped(readme_txt="x"), "is a zip archive; unpack it"),
        (zipped(m__data_pkl="x" * 10**6), "unpacks to more than it holds"),
        (zipped(m__data_pkl="x", m__constants_pkl="x"), "TorchScript program"),
        (b"PK\x03\x04", "cut short or is damaged"),
        (b"\x80\x04", "cut short or is damaged"),
        (b"(", "cut short or is damaged"),
    ],
)  # fmt: skip
def test_what_is_no_weights(tmp_path, content, message):
    (tmp_path / "x.pt").write_bytes(content)
    with pytest.raises(InterpganError, match=message):
        read_weights(tmp_path / "x.pt")


def test_a_whole_model_is_its_class_and_its_weights(tmp_path):
    module = torch.nn.Linear(2, 1)
    torch.save({"net": module, "kind": torch.optim.Adam}, tmp_path / "m.pt")
    found = read_weights(tmp_path / "m.pt")
    assert found["net"]["class_name"] == "torch.nn.modules.linear.Linear"
    assert torch.equal(found["net"]["state"]["_parameters"]["weight"], module.weight)
    assert found["kind"] == "torch.optim.adam.Adam"
    torch.save(module, tmp_path / "m.pt", _use_new_zipfile_serialization=False)
    with pytest.raises(InterpganError, match=r"whole network in torch's old format.*save its state_dict\(\)"):
        read_weights(tmp_path / "m.pt")


def test_objects_beside_the_weights_are_kept_as_names(tmp_path):
    """Dates, paths and settings of people's own classes, in torch's formats and in a pickle."""
    beside = {
        "w": torch.ones(2),
        "when": datetime(2026, 1, 1),
        "where": Path("/a"),
        "by": defaultdict(list, a=[1]),
    }
    torch.save(beside, tmp_path / "zip.pt")
    torch.save(beside, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    del beside["w"]
    for protocol in (0, 2, 4):
        (tmp_path / f"{protocol}.pkl").write_bytes(pickle.dumps(beside, protocol))
    for path in tmp_path.iterdir():
        found = read_weights(path)
        assert found["when"] == {"class_name": "datetime.datetime", "state": None}, path
        assert found["where"]["class_name"].startswith("pathlib"), path
        assert found["by"] == {"a": [1]}, path


def test_tensors_must_lie_within_the_file(tmp_path):
    torch.save({"w": torch.ones(1).expand(10**12)}, tmp_path / "a.pt")
    with pytest.raises(InterpganError, match="larger than the file"):
        read_weights(tmp_path / "a.pt")


def test_tensors_without_numbers(tmp_path):
    for odd in (torch.ones(1000, device="meta"), torch.eye(3).to_sparse()):
        torch.save({"w": odd}, tmp_path / "a.pt")
        with pytest.raises(InterpganError, match="without plain numbers"):
            read_weights(tmp_path / "a.pt")


def test_no_environment_variable_opens_the_door(tmp_path):
    class Hostile:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    torch.save(Hostile(), tmp_path / "a.pt")
    code = """
        import sys
        from pathlib import Path
        from interpgan_core.files.checkpoints import read_weights
        try:
            read_weights(Path(sys.argv[1]))
        except ValueError as error:
            print(error)
    """
    said = output(python(code, tmp_path / "a.pt", TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD="1"))
    assert "posix.mkdir" in said
    assert not (tmp_path / "ran").exists()


def samples():
    """One small file of every format."""
    value = {"w": torch.arange(4.0), "n": [1, "x"], "a": argparse.Namespace(b=2)}
    arrays = {"w": np.arange(4.0), "d": {"x": [np.float32(2), b"\xff"]}}
    object_array = np.array({"boundary": np.ones(3), "meta_data": {"manipulate_layers": "6-11"}})
    from safetensors.torch import save

    return {
        "torch zip": file_of(torch.save, value),
        "torch legacy": file_of(lambda v, f: torch.save(v, f, _use_new_zipfile_serialization=False), value),
        "safetensors": save({"w": torch.arange(4.0), "v": torch.ones(2, dtype=torch.int8)}),
        "pickle 2": pickle.dumps(arrays, 2),
        "pickle 5": pickle.dumps(arrays, 5),
        "pickle 0": pickle.dumps(arrays, 0),
        "npy": file_of(lambda v, f: np.save(f, v), np.arange(5.0)),
        "npy pickle": file_of(lambda v, f: np.save(f, v), object_array),
        "npz": file_of(lambda v, f: np.savez_compressed(f, **v), {"a": np.arange(5), "b": np.ones(2)}),
    }


SAMPLES = samples()


@pytest.mark.parametrize("kind", SAMPLES)
def test_a_file_cut_anywhere_is_refused(tmp_path, kind):
    content = SAMPLES[kind]
    path = tmp_path / "whole"
    path.write_bytes(content)
    read_weights(path)
    # Numbers of the pickle trail as text that may end anywhere: only the last byte is its full stop.
    for length in sorted({*range(0, len(content), max(1, len(content) // 60)), len(content) - 1}):
        path.write_bytes(content[:length])
        with pytest.raises(InterpganError):
            read_weights(path)


@pytest.mark.parametrize("kind", SAMPLES)
@SHARED_FOLDER
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused(tmp_path, kind, data):
    content = bytearray(SAMPLES[kind])
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "damaged"
    path.write_bytes(content)
    with contextlib.suppress(InterpganError):
        read_weights(path)


@SHARED_FOLDER
@given(
    start=st.sampled_from([c[:n] for c in SAMPLES.values() for n in (1, 8, 16)]), rest=st.binary(max_size=200)
)
def test_noise_is_read_or_refused(tmp_path, start, rest):
    path = tmp_path / "noise"
    path.write_bytes(start + rest)
    for read in (read_weights, read_npy, read_npz):
        with contextlib.suppress(InterpganError):
            read(path)


def test_memory_is_not_taken_on_a_files_word(tmp_path):
    """Each hostile file declares gigabytes; the process may take 300 MB more than it has."""
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (100000000000,), }\n"
    (tmp_path / "a.npy").write_bytes(
        b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(64)
    )
    (tmp_path / "b.pkl").write_bytes(b"\x80\x04\x8e" + struct.pack("<Q", 2**36) + b"x.")
    (tmp_path / "c.pkl").write_bytes(b"\x80\x02]r\xff\xff\xff\x7f.")  # a memo of two billion places
    (tmp_path / "d.pkl").write_bytes(
        b"cnumpy._core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tC\x01btR"
        b"(K\x01(\x8a\x05\x00\x00\x00\x00\x10t"
        b"cnumpy\ndtype\n(X\x02\x00\x00\x00f8\x89\x88tR\x89C\x08abcdefghtb."
    )
    (tmp_path / "e.safetensors").write_bytes(struct.pack("<Q", 2**40) + b"{" + b" " * 50)
    text = b'{"w":{"dtype":"F32","shape":[10000000000],"data_offsets":[0,40000000000]}}'
    (tmp_path / "f.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + bytes(99))
    one = file_of(lambda v, f: torch.save(v, f, _use_new_zipfile_serialization=False), torch.ones(1))
    (tmp_path / "g.pt").write_bytes(one.replace(b"K\x01Nt", b"J\xff\xff\xff\x7fNt"))  # a storage of 8 GB
    code = """
        import resource, sys
        from pathlib import Path
        import numpy, safetensors.torch, torch
        from interpgan_core.files.checkpoints import read_weights
        in_use = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (in_use + 300 * 2**20,) * 2)
        for path in sorted(Path(sys.argv[1]).iterdir()):
            try:
                print(path.name, read_weights(path))
            except ValueError as error:
                print(path.name, type(error).__name__, error)
    """
    said = output(python(code, tmp_path)).splitlines()
    assert [line.split()[:2] for line in said] == [
        ["a.npy", "InterpganError"],
        ["b.pkl", "InterpganError"],
        ["c.pkl", "[]"],  # harmless: our memo takes one place for one
        ["d.pkl", "InterpganError"],
        ["e.safetensors", "InterpganError"],
        ["f.safetensors", "InterpganError"],
        ["g.pt", "InterpganError"],
    ]
    assert "does not fit the 8 bytes" in said[3]
    said = "".join(said[:-1]).replace(str(tmp_path), "")
    assert not any(word in said for word in ("memory", "alloc", "Memory"))
