"""numpy's files, honest and lying about their size."""

import io
import struct
import zipfile

import numpy as np
import pytest

from interpgan_core.errors import InterpganError
from interpgan_core.files.arrays import check_unpacked, read_npy, read_npz, read_rows


def test_boundaries_of_every_kind(tmp_path):
    layerwise = {"boundary": np.ones((1, 14, 512)), "meta_data": {"manipulate_layers": [1, 2], "space": "wp"}}
    np.save(tmp_path / "plain.npy", np.arange(6.0, dtype=np.float32).reshape(1, 6))
    np.save(tmp_path / "fortran.npy", np.asfortranarray(np.arange(6).reshape(2, 3)))
    np.save(tmp_path / "swapped.npy", np.arange(3, dtype=">f4"))
    np.save(tmp_path / "pickled.npy", layerwise)
    np.save(tmp_path / "list.npy", np.array([{"a": np.ones(2)}, None], dtype=object))
    assert read_npy(tmp_path / "plain.npy").tolist() == [[0, 1, 2, 3, 4, 5]]
    assert read_npy(tmp_path / "plain.npy").dtype == np.float32
    assert read_npy(tmp_path / "fortran.npy").tolist() == [[0, 1, 2], [3, 4, 5]]
    assert read_npy(tmp_path / "swapped.npy").tolist() == [0, 1, 2]
    assert read_npy(tmp_path / "swapped.npy").dtype == np.float32
    found = read_npy(tmp_path / "pickled.npy")
    assert found["meta_data"] == layerwise["meta_data"]
    assert np.array_equal(found["boundary"], layerwise["boundary"])
    assert found["boundary"].flags.writeable
    first, second = read_npy(tmp_path / "list.npy")
    assert first["a"].tolist() == [1, 1]
    assert second is None


def npy_declaring(shape, descr="<f8"):
    text = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + bytes(64)


@pytest.mark.parametrize("shape", ["(10000000000,)", "(9,)", "(-1,)", "(2**3,)", "(1" + ", 1000" * 12 + ")"])
def test_declared_shapes_are_checked(tmp_path, shape):
    (tmp_path / "a.npy").write_bytes(npy_declaring(shape))
    with pytest.raises(InterpganError, match="damaged"):
        read_npy(tmp_path / "a.npy")
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("a.npy", npy_declaring(shape))
    with pytest.raises(InterpganError, match="damaged"):
        read_npz(tmp_path / "a.npz")


def test_odd_kinds_are_refused(tmp_path):
    for odd in (np.zeros(2, np.longdouble), np.zeros(2, "M8[s]"), np.zeros(2, [("a", "f4")])):
        np.save(tmp_path / "a.npy", odd)
        with pytest.raises(InterpganError, match="are not numbers"):
            read_npy(tmp_path / "a.npy")


@pytest.mark.parametrize("descr", ["<U0", "|S0", "|V0"])
def test_numbers_of_no_size_are_refused(tmp_path, descr):
    """A trillion of them fit into nothing, until they are copied."""
    (tmp_path / "a.npy").write_bytes(npy_declaring("(1000000000000,)", descr))
    with pytest.raises(InterpganError, match="damaged"):
        read_npy(tmp_path / "a.npy")


def test_what_no_npz_should_hold(tmp_path):
    np.savez(tmp_path / "objects.npz", a=np.array([None]))
    with pytest.raises(InterpganError, match="objects in place of numbers"):
        read_npz(tmp_path / "objects.npz")
    with zipfile.ZipFile(tmp_path / "other.npz", "w") as archive:
        archive.writestr("readme.txt", "x")
    with pytest.raises(InterpganError, match=r"not a .npz file: it holds readme.txt"):
        read_npz(tmp_path / "other.npz")
    for read in (read_npy, read_npz):
        (tmp_path / "x").write_text("hello")
        with pytest.raises(InterpganError, match=r"is not a .np[yz] file; check the path"):
            read(tmp_path / "x")


def test_a_zip_bomb(tmp_path):
    zeros = bytes(2**20)
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        for i in range(3):
            with archive.open(f"{i}.npy", "w") as member:
                member.write(npy_declaring(f"({2**20 * 9},)"))
                for _ in range(72):
                    member.write(zeros)
    assert (tmp_path / "a.npz").stat().st_size < 10**6
    # Seen from its table, before anything is unpacked: make the table say that it is far more.
    content = (tmp_path / "a.npz").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        size = archive.infolist()[0].file_size
    (tmp_path / "a.npz").write_bytes(content.replace(struct.pack("<I", size), struct.pack("<I", 2**31)))
    with pytest.raises(InterpganError, match=r"would unpack to 6.0 GiB"):
        read_npz(tmp_path / "a.npz")


@pytest.mark.parametrize(("shape", "needed"), [("(9,)", 72), ("(3, 3)", 72), ("(-1,)", -8)])
def test_sizes_are_checked_against_the_file(tmp_path, shape, needed):
    """By our own reckoning, before numpy takes memory."""
    (tmp_path / "a.npy").write_bytes(npy_declaring(shape))
    with pytest.raises(InterpganError, match=f"of float64 needs {needed} bytes, and it has 64"):
        read_npy(tmp_path / "a.npy")


@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3), (8,), (2, 2, 2)])
def test_every_shape_that_fits(tmp_path, shape):
    array = np.arange(np.prod(shape)).reshape(shape)
    np.save(tmp_path / "a.npy", array)
    assert np.array_equal(read_npy(tmp_path / "a.npy"), array)
    assert read_npy(tmp_path / "a.npy").shape == shape


def npy(array, version=None):
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version)
    return file.getvalue()


def test_versions(tmp_path):
    """The second has a longer header, and the third only adds names of any letters, which numbers have not."""
    for version in ((1, 0), (2, 0)):
        (tmp_path / "a.npy").write_bytes(npy(np.arange(3), version))
        assert read_npy(tmp_path / "a.npy").tolist() == [0, 1, 2]
    (tmp_path / "a.npy").write_bytes(npy(np.arange(3), (3, 0)))
    with pytest.raises(InterpganError, match=r"version \(3, 0\), which no array of numbers needs"):
        read_npy(tmp_path / "a.npy")


def test_what_unpacks_to_too_much(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"1")
    one, other = zipfile.ZipInfo("one.npy"), zipfile.ZipInfo("other.npy")
    one.file_size, other.file_size = 2**31 - 5, 5  # 2 GiB together
    check_unpacked([one, other], tmp_path / "a.npz")
    other.file_size = 6
    with pytest.raises(InterpganError, match=r"would unpack to 2.0 GiB; save it by numpy.savez"):
        check_unpacked([one, other], tmp_path / "a.npz")
    with (tmp_path / "a.npz").open("r+b") as file:
        file.truncate(2**31 + 1)  # takes no space; as large as what it holds, it packs nothing
    check_unpacked([one, other], tmp_path / "a.npz")


@pytest.mark.parametrize("shape", [(4,), (3, 2), (2, 3, 4), (0, 2)])
def test_row_by_row(shape):
    array = np.arange(np.prod(shape), dtype=np.int16).reshape(shape)
    file = npy(array)
    found, kind, rows = read_rows(io.BytesIO(file), len(file))
    assert (found, kind) == (shape, "int16")
    rows = list(rows)
    assert [row.tolist() for row in rows] == array.tolist()
    assert all(row.shape == shape[1:] for row in rows)


def test_rows_of_a_file_that_ends_early():
    file = npy(np.arange(6.0).reshape(3, 2))
    _, _, rows = read_rows(io.BytesIO(file[:-1]), len(file))
    assert [next(rows).tolist(), next(rows).tolist()] == [[0, 1], [2, 3]]
    with pytest.raises(ValueError, match="ends in the middle of a row"):
        next(rows)


@pytest.mark.parametrize("array", [np.asfortranarray(np.arange(6).reshape(2, 3)), np.array(1.0)])
def test_what_is_not_stored_row_by_row(array):
    file = npy(array)
    with pytest.raises(ValueError, match=r"not stored row by row; save numpy\.ascontiguousarray"):
        read_rows(io.BytesIO(file), len(file))
