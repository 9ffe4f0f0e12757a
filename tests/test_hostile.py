"""Hostile pickles, bare and inside every kind of file: they run nothing, and their wishes are named."""

import contextlib
import io
import pickle
import struct
import subprocess
import sys
import zipfile

import pytest
import torch

from interpgan_core.errors import InterpganError
from interpgan_core.files.arrays import read_npy, read_npz
from interpgan_core.files.checkpoints import read_weights
from interpgan_core.files.unpickle import RestrictedUnpickler, globals_in


def load(content):
    return RestrictedUnpickler(io.BytesIO(content), "it").load()


# Each would write the file named MARK when Python's own unpickler reads it.

MARK = b"hostile-mark"


def text(value):
    data = value if isinstance(value, bytes) else value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def name(module, attribute):
    return b"c" + module.encode() + b"\n" + attribute.encode() + b"\n"


OPEN = text(MARK) + text("w")
STACK_OPEN = b"\x80\x04" + b"\x8c\x02io" + b"\x8c\x04open" + b"\x93"

HOSTILE = {
    "reduce": name("io", "open") + b"(" + OPEN + b"tR.",
    "reduce of builtins": name("builtins", "open") + b"(" + OPEN + b"tR.",
    "stack global": STACK_OPEN + b"(" + OPEN + b"tR.",
    "stack global by memo": b"\x80\x04\x8c\x02io\x94\x8c\x04open\x940h\x00h\x01\x93(" + OPEN + b"tR.",
    "inst": b"(" + OPEN + b"iio\nopen\n.",
    "obj": b"(" + name("io", "open") + OPEN + b"o.",
    "newobj": b"\x80\x02" + name("io", "FileIO") + b"(" + OPEN + b"t\x81(" + OPEN + b"tb.",
    "newobj_ex": b"\x80\x04" + name("io", "FileIO") + b"(" + OPEN + b"t}\x92.",
    "system": name("os", "system") + b"(" + text(b"echo > " + MARK) + b"tR.",
    "posix": name("posix", "system") + b"(" + text(b"echo > " + MARK) + b"tR.",
    "eval": name("builtins", "eval") + b"(" + text(b"open('" + MARK + b"', 'w')") + b"tR.",
    "exec, python 2": name("__builtin__", "exec") + b"(" + text(b"open('" + MARK + b"', 'w')") + b"tR.",
    "getattr": name("builtins", "getattr") + b"(" + name("os", "path") + text("join") + b"tR.",
    "dotted name": b"\x80\x04\x8c\x0bcollections\x8c\x14OrderedDict.fromkeys\x93(" + text("a") + b"tR.",
    "dotted walk": b"\x80\x04\x8c\x0bcollections\x8c\x0babc.sys.exit\x93)R.",
    "partial": name("functools", "partial") + b"(" + name("io", "open") + OPEN + b"tR)R.",
    "subprocess": name("subprocess", "check_output") + b"(](" + text("touch") + text(MARK) + b"etR.",
    "numpy's back door": name("numpy.testing._private.utils", "runstring")
    + b"(" + text(b"open('" + MARK + b"', 'w')") + b"}tR.",
    "torch's back door": name("torch.jit._script", "RecursiveScriptModule") + b")R.",
    "torch.load": name("torch.serialization", "load") + b"(" + text(MARK) + b"tR.",
    "operator": name("operator", "attrgetter") + b"(" + text("system") + b"tR.",
    "extension": b"\x80\x02\x82\x01.",
    "long extension": b"\x80\x02\x84\x01\x00\x00\x00.",
    "persistent id": b"P123\n.",
    "binary persistent id": text("x") + b"Q.",
    "out of band buffer": b"\x80\x05\x97.",
    "function as the value": name("numpy", "dtype") + b".",
    "functions in the value": b"(" + name("numpy", "ndarray") + b"l.",
    "calling a string": text("os.system") + b"(" + text("x") + b"tR.",
    "calling what may only be named": name("numpy", "ndarray") + b"(K\x05tR.",
    "attributes of a function": name("builtins", "set") + b"}" + text("__doc__") + text("x") + b"sb.",
    "attributes of an instance's class": name("argparse", "Namespace") + b")\x81" + text("no dict") + b"b.",
    "state of a list": b"]" + b"}b.",
    "items into an array": name("numpy.core.multiarray", "_reconstruct") + b")R(K\x01K\x02u.",
    "reconstructor of anything": name("copyreg", "_reconstructor")
    + b"(" + text("os") + name("builtins", "object") + b"NtR.",
    "an encoder of anything": name("_codecs", "encode") + b"(" + text("x") + text("zip") + b"tR.",
    "a network without a class": name("torch_utils.persistence", "_reconstruct_persistent_obj")
    + b"(}" + text("type") + text("function") + b"stR.",
}  # fmt: skip


@pytest.fixture(autouse=True)
def mark(tmp_path, monkeypatch):
    """The file that no test may bring about."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path / MARK.decode()
    assert not (tmp_path / MARK.decode()).exists(), "the file ran code"


@pytest.mark.parametrize("kind", ["reduce", "stack global by memo", "inst", "obj", "system", "eval"])
def test_the_hostile_files_are_live(mark, kind):
    """Python's own reader falls for them: the tests below prove something."""
    code = "import pickle, sys; pickle.loads(sys.stdin.buffer.read())"
    subprocess.run([sys.executable, "-c", code], input=HOSTILE[kind], cwd=mark.parent)
    assert mark.exists()
    mark.unlink()


def wrap_npy(content):
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (), }\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + content


def wrap_npz(content):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a.npy", wrap_npy(content))
    return stream.getvalue()


def wrap_torch_zip(content):
    stream = io.BytesIO()
    torch.save({"w": torch.ones(2)}, stream)
    changed = io.BytesIO()
    with zipfile.ZipFile(stream) as old, zipfile.ZipFile(changed, "w") as new:
        for member in old.namelist():
            new.writestr(member, content if member.endswith("data.pkl") else old.read(member))
    return changed.getvalue()


def wrap_torch_legacy(content):
    stream = io.BytesIO()
    torch.save(1, stream, _use_new_zipfile_serialization=False)
    value = pickle.dumps(1, 2)
    assert stream.getvalue().count(value) == 1
    return stream.getvalue().replace(value, content)


def wrap_storage(content):
    """Inside the bytes of a storage inside a pickle, as in NVIDIA's files."""
    inner = wrap_torch_legacy(content)
    data = b"B" + struct.pack("<I", len(inner)) + inner
    return b"\x80\x03" + name("torch.storage", "_load_from_bytes") + data + b"\x85R."


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_pickles_run_nothing(tmp_path, kind):
    content = HOSTILE[kind]
    with pytest.raises(InterpganError):
        load(content)
    path = tmp_path / "file"
    for wrap, readers in {
        (lambda c: c if c[:1] == b"\x80" else b"\x80\x02" + c): (read_weights, read_npy),
        wrap_npy: (read_weights, read_npy),
        wrap_npz: (read_weights, read_npz),
        wrap_torch_zip: (read_weights,),
        wrap_torch_legacy: (read_weights,),
        wrap_storage: (read_weights,),
    }.items():
        path.write_bytes(wrap(content))
        for read in readers:
            with pytest.raises(InterpganError):
                read(path)


@pytest.mark.parametrize("wrap", [bytes, wrap_torch_zip, wrap_torch_legacy, wrap_npy])
def test_every_refused_global_is_named(tmp_path, wrap):
    content = b"\x80\x02](" + name("os", "system") + name("numpy", "dtype") + name("builtins", "eval") + b"e."
    (tmp_path / "file").write_bytes(wrap(content))
    with pytest.raises(InterpganError) as caught:
        read_weights(tmp_path / "file")
    said = str(caught.value)
    assert (
        "asks to run code that is no part of any weights: builtins.eval, os.system. It was not opened" in said
    )


def test_a_global_deep_inside_is_named(tmp_path):
    (tmp_path / "a.pkl").write_bytes(wrap_storage(name("os", "system") + b"(" + text("x") + b"tR."))
    with pytest.raises(InterpganError, match=r"asks to run code .*os\.system"):
        read_weights(tmp_path / "a.pkl")


def test_many_globals_are_counted(tmp_path):
    content = b"(" + b"".join(name("os", f"f{i:02}") for i in range(30)) + b"l."
    with pytest.raises(InterpganError, match=r"os\.f00, .*, os\.f11 and 18 more"):
        load(content)


@pytest.mark.parametrize(
    ("names", "way"),
    [
        (
            ("dnnlib.tflib.network", "Network"),
            r"StyleGAN 2, convert it with legacy\.py.*stylegan\.v1-ffhq-1024",
        ),
        (("tfutil", "Network"), r"pggan\.celebahq-1024"),
    ],
)
def test_tensorflow_networks_are_explained(names, way):
    with pytest.raises(InterpganError, match=rf"network of TensorFlow.*{way}"):
        load(b"(" + name(*names) + name(*names) + b"t.")


def test_nothing_is_imported():
    with pytest.raises(InterpganError, match=r"this\.s"):
        load(name("this", "s") + b".")
    assert "this" not in sys.modules


def test_the_scan_survives_anything():
    assert list(globals_in(io.BytesIO(b"cos\nsystem\n\xff"), 12)) == [("os", "system")]
    assert list(globals_in(io.BytesIO(b"\x80\x04\x8c\x02os\x8c\x06system\x93."), 99)) == [("os", "system")]
    assert list(globals_in(io.BytesIO(b""), 0)) == []


LOUD = """
import pathlib
pathlib.Path({mark!r}).touch()
class Config(dict):
    def __init__(self, *args):
        pathlib.Path({mark!r}).touch()
    __setstate__ = __reduce_ex__ = __init__
def run(*args):
    pathlib.Path({mark!r}).touch()
"""
OBJECTS = {
    "called": name("loud", "run") + b"(" + text("x") + b"tR.",
    "made": name("loud", "Config") + b")\x81}" + text("a") + text("b") + b"sb.",
    "filled": name("loud", "Config") + b")R(" + text("a") + text("b") + b"u.",
    "made by name": b"(iloud\nConfig\n.",
    "a class alone": name("loud", "Config") + b".",
}


@pytest.mark.parametrize("wrap", [bytes, wrap_torch_zip, wrap_torch_legacy])
@pytest.mark.parametrize("kind", OBJECTS)
def test_objects_of_a_program_that_is_here_are_not_made(tmp_path, monkeypatch, kind, wrap):
    """Their module is importable, and would leave a mark if it were only imported."""
    (tmp_path / "loud.py").write_text(LOUD.format(mark=str(tmp_path / MARK.decode())))
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "file").write_bytes(wrap(b"\x80\x02" + OBJECTS[kind]))
    with contextlib.suppress(InterpganError):
        read_weights(tmp_path / "file")
    assert "loud" not in sys.modules


@pytest.mark.parametrize(
    "pair",
    [
        ("os", "system"), ("posix", "system"), ("nt", "system"), ("subprocess", "Popen"), ("builtins", "eval"),
        ("__builtin__", "eval"), ("builtins", "exec"), ("builtins", "getattr"), ("functools", "partial"),
        ("operator", "attrgetter"), ("importlib", "import_module"), ("runpy", "run_path"), ("pickle", "loads"),
        ("shutil", "rmtree"), ("webbrowser", "open"), ("socket", "socket"), ("ctypes", "CDLL"),
        ("commands", "getoutput"),
        ("torch", "load"), ("torch.hub", "load"), ("torch.jit", "load"), ("numpy", "load"), ("pandas", "read_pickle"),
        ("joblib", "load"), ("dill", "loads"), ("cloudpickle", "loads"), ("pip", "main"), ("sympy", "sympify"),
        ("torch.nn.modules.module", "_load"), ("interpgan_core", "load_generator"), ("builtins", "__import__"),
    ],
)  # fmt: skip
def test_what_could_be_made_to_run_is_refused_whole(tmp_path, pair):
    content = b"\x80\x02](" + text("weights") + name(*pair) + b"(" + text("x") + b"tRe."
    for wrap in (bytes, wrap_torch_zip, wrap_torch_legacy):
        (tmp_path / "file").write_bytes(wrap(content))
        with pytest.raises(InterpganError, match="asks to run code"):
            read_weights(tmp_path / "file")
