"""The restricted reader: honest pickles are read, damage and excess refused."""

import argparse
import io
import pickle
import pickletools
import struct
import subprocess
import sys
import textwrap
from collections import OrderedDict

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from interpgan_core.errors import InterpganError
from interpgan_core.files import plain, unpickle
from interpgan_core.files.builders import BUILDERS
from interpgan_core.files.checkpoints import read_weights
from interpgan_core.files.unpickle import RestrictedUnpickler


def load(content):
    return RestrictedUnpickler(io.BytesIO(content), "it").load()


def text(value):
    data = value if isinstance(value, bytes) else value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def name(module, attribute):
    return b"c" + module.encode() + b"\n" + attribute.encode() + b"\n"


numbers = st.integers() | st.floats() | st.booleans() | st.none()
arrays = hnp.arrays(
    hnp.integer_dtypes()
    | hnp.floating_dtypes(sizes=(16, 32, 64))
    | hnp.boolean_dtypes()
    | hnp.unicode_string_dtypes(),
    hnp.array_shapes(min_dims=0, min_side=0, max_side=3),
)
keys = st.text() | st.integers() | st.none()
values = st.recursive(
    numbers | st.text() | st.binary() | arrays,
    lambda inner: st.lists(inner) | st.dictionaries(keys, inner) | st.tuples(inner, inner),
    max_leaves=12,
)


def same(found, value):
    if isinstance(value, np.ndarray):
        return found.dtype == value.dtype.newbyteorder("=") and found.shape == value.shape and (
            np.array_equal(found, value, equal_nan=value.dtype.kind == "f")
        )  # fmt: skip
    if isinstance(value, list | tuple):
        return type(found) is list and len(found) == len(value) and all(map(same, found, value))
    if isinstance(value, dict):
        return found.keys() == value.keys() and all(same(found[k], v) for k, v in value.items())
    return type(found) is type(value) and (found == value or found != found)


@settings(deadline=None, max_examples=150)
@given(value=values, protocol=st.integers(0, 5))
@example(value={"a": np.asfortranarray(np.arange(6).reshape(2, 3))}, protocol=5)
@example(value=[np.zeros((0, 3)), np.arange(3, dtype=">i4"), b""], protocol=0)
@example(value=["\ud800", "x" * 300, -(2**70), b"y" * 300], protocol=4)
def test_honest_pickles_are_read(value, protocol):
    assert same(load(pickle.dumps(value, protocol)), value)


@pytest.mark.parametrize("protocol", range(6))
def test_other_honest_values(protocol):
    shared = np.arange(3)
    value = [
        {1, 2},
        OrderedDict(a=1),
        argparse.Namespace(x=(1,)),
        np.float32(0.5),
        np.bool_(True),
        np.str_("s"),
        shared,
        shared,
        np.array([{"a": 1}, None], dtype=object),
        torch.arange(6.0).view(2, 3).t(),
        torch.nn.Parameter(torch.ones(2)),
        torch.zeros(0, 4),
    ]
    found = load(pickle.dumps(value, protocol))
    assert found[:6] == [[1, 2], {"a": 1}, {"x": [1]}, 0.5, True, "s"]
    assert found[6] is found[7]
    assert found[6].tolist() == [0, 1, 2]
    assert found[8] == [{"a": 1}, None]
    assert torch.equal(found[9], value[9])
    assert type(found[10]) is torch.Tensor
    assert found[11].shape == (0, 4)


def test_bytearrays_and_frozen_sets():
    assert load(pickle.dumps([bytearray(b"x"), frozenset([1])], 5)) == [b"x", [1]]


def test_pickles_of_python_2():
    """A string of bytes is how Python 2 wrote text and the content of arrays."""
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n(I2\n"
        b"tcnumpy\ndtype\n(S'u1'\n"
        b"I0\nI1\ntR(I3\nS'|'\nNNNI-1\nI-1\nI0\ntbI00\nS'\\x7f\\x01'\ntb."
    )
    assert load(array).tolist() == [127, 1]
    assert load(b"\x80\x02U\x03abc.") == "abc"


def test_a_state_dict_with_metadata():
    value = torch.nn.BatchNorm1d(2).state_dict()
    found = load(pickle.dumps(value, 4))
    assert list(found) == list(value)
    assert torch.equal(found["weight"], value["weight"])


NVIDIA = """
    import pickle, sys, types
    import numpy, torch
    from collections import OrderedDict

    persistence = types.ModuleType("torch_utils.persistence")
    util = types.ModuleType("dnnlib.util")
    for module in (persistence, util):
        parent = module.__name__.partition(".")[0]
        sys.modules[parent] = types.ModuleType(parent)
        sys.modules[module.__name__] = module

    def _reconstruct_persistent_obj(meta):
        raise SystemExit("would run the source in the file")

    class EasyDict(dict):
        pass

    for thing, module in ((_reconstruct_persistent_obj, persistence), (EasyDict, util)):
        thing.__module__ = module.__name__
        setattr(module, thing.__name__, thing)

    class Persistent(torch.nn.Module):
        def __reduce__(self):
            meta = {"type": "class", "version": 6, "module_src": "open(%r, 'w')" % sys.argv[2],
                    "class_name": type(self).__name__, "state": self.__dict__}
            return _reconstruct_persistent_obj, (meta,)

    class Layer(Persistent):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.arange(6.).view(2, 3))
            self.register_buffer("w_avg", torch.ones(3).half())
            self.register_buffer("none", None)
            self.noise_strength = torch.nn.Parameter(torch.tensor(0.25))
            self.weight_gain = numpy.float64(0.5)
            self._init_kwargs = EasyDict(lr=0.01, inner=EasyDict(a=1))
            self._init_args = (1, 2)

    class Generator(Persistent):
        def __init__(self):
            super().__init__()
            self.mapping = Layer()
            self.filter = numpy.array([1, 3, 3, 1])

    with open(sys.argv[1], "wb") as file:
        pickle.dump({"G_ema": Generator(), "D": None, "training_set_kwargs": {}}, file, int(sys.argv[3]))
"""


@pytest.mark.parametrize("protocol", ["0", "4"])
def test_networks_of_nvidia(tmp_path, protocol):
    """Written by the same mechanism; read where its modules do not exist, dropping the source."""
    path = tmp_path / "network.pkl"
    subprocess.run(
        [sys.executable, "-c", textwrap.dedent(NVIDIA), path, tmp_path / "ran", protocol], check=True
    )
    found = read_weights(path)
    assert found["D"] is None
    generator = found["G_ema"]
    assert generator.keys() == {"class_name", "version", "state"}
    assert (generator["class_name"], generator["version"]) == ("Generator", 6)
    assert generator["state"]["filter"].tolist() == [1, 3, 3, 1]
    layer = generator["state"]["_modules"]["mapping"]["state"]
    assert torch.equal(layer["_parameters"]["weight"], torch.arange(6.0).view(2, 3))
    assert layer["_buffers"]["w_avg"].dtype == torch.float16
    assert layer["_buffers"]["none"] is None
    assert layer["_parameters"]["noise_strength"] == torch.tensor(0.25)
    assert layer["weight_gain"] == 0.5
    assert layer["_init_kwargs"] == {"lr": 0.01, "inner": {"a": 1}}
    assert layer["_init_args"] == [1, 2]
    assert "module_src" not in repr(found)
    assert not (tmp_path / "ran").exists()


# Damage and excess


@settings(deadline=None, max_examples=300)
@given(content=st.binary(max_size=200))
def test_noise_is_refused_or_plain(content):
    said = "it "
    try:
        load(content)
    except InterpganError as error:
        said = str(error)
    assert said.startswith("it ")


OPCODES = [opcode.code.encode("latin-1") for opcode in pickletools.opcodes]
NAMES = [name(*pair) for pair in BUILDERS]


@settings(deadline=None, max_examples=600)
@given(
    steps=st.lists(
        st.sampled_from([*OPCODES, *NAMES])
        | st.sampled_from(
            [b"K\x01", b"N", b")", b"]", b"}", text("f8"), text("class"), b"C\x08abcdefgh", b"(", b"h\x00"]
        ),
        max_size=40,
    )
)
def test_grammatical_nonsense_is_refused_or_plain(steps):
    """Opcodes and allowed names in any order: whatever the builders are given, only our error comes out."""
    said = "it "
    try:
        load(b"".join(steps) + b".")
    except InterpganError as error:
        said = str(error)
    assert said.startswith("it ")


@pytest.mark.parametrize(
    "content",
    [
        b"]\x94h\x00a.",  # a list in itself
        b"]" * 5000 + b"a" * 4999 + b".",  # deeper than Python's stack
        b"]\x94" + b"".join(b"](h%ch%ce\x94" % (i, i) for i in range(60)) + b".",  # 2^60 leaves
    ],
)
def test_nesting_is_bounded(content, monkeypatch):
    monkeypatch.setattr(plain, "MAX_NODES", 10_000)
    with pytest.raises(InterpganError, match="nested without end"):
        load(content)


def test_a_long_list_is_not_copied_again_and_again():
    pair = b"(K\x01K\x02t"
    many = b"](" + pair * 20_000 + b"e\x94"
    again = name("collections", "OrderedDict") + b"h\x00\x85R0"
    with pytest.raises(InterpganError, match="describes more than it holds"):
        load(many + again * 5000 + b".")


def test_one_buffer_does_not_become_many_arrays():
    head = b"B" + struct.pack("<I", 2**16) + bytes(2**16) + b"\x94"
    dtype = name("numpy", "dtype") + text("u1") + b"\x85R\x94"
    array = (
        name("numpy._core.multiarray", "_reconstruct")
        + b")R(K\x01"
        + b"J"
        + struct.pack("<i", 2**16)
        + b"\x85h\x01\x89h\x00tb"
    )
    with pytest.raises(InterpganError, match="larger than the file"):
        load(head + dtype + b"](" + array * 50 + b"e.")


DOUBLED = b"N" + b"2\x86" * 60  # a tuple of itself twice, of itself twice, and so on: 2^60 leaves


@pytest.mark.parametrize(
    "content",
    [
        b"}" + DOUBLED + b"K\x01s.",
        b"(" + DOUBLED + b"K\x01d.",
        b"\x80\x04\x8f(" + DOUBLED + b"\x90.",
        b"(" + DOUBLED + b"\x91.",
        name("builtins", "set") + b"]" + DOUBLED + b"a\x85R.",
        name("collections", "OrderedDict") + b"]" + DOUBLED + b"K\x01\x86a\x85R.",
        DOUBLED + text("x") + b"\x93.",
        name("numpy", "dtype") + DOUBLED + b"\x85R.",
        name("_codecs", "encode") + text("x") + DOUBLED + b"\x86R.",
        name("torch._utils", "_rebuild_tensor_v2") + b"NK\x00" + DOUBLED + b")\x87" + b"R.",
        name("torch_utils.persistence", "_reconstruct_persistent_obj")
        + b"}"
        + text("type")
        + DOUBLED
        + b"s\x85R.",
    ],
)
def test_what_would_take_for_ever_to_hash_or_show_is_neither(content, monkeypatch):
    monkeypatch.setattr(plain, "MAX_NODES", 10_000)
    with pytest.raises(InterpganError):
        load(content)


def test_long_numbers_are_refused():
    with pytest.raises(InterpganError, match="number that is too long"):
        load(pickle.dumps(1 << 2000))


def test_messages_are_short_and_cannot_command_the_terminal():
    for content in (
        name("\x1b[2J" + "m" * 10_000, "f") + b".",
        name("numpy", "dtype") + text("\x1b[2J" * 10_000) + b"\x85R.",
    ):
        with pytest.raises(InterpganError) as caught:
            load(content)
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 400


def test_the_number_of_steps_is_bounded(monkeypatch):
    monkeypatch.setattr(unpickle, "MAX_STEPS", 1000)
    with pytest.raises(InterpganError, match="too many steps"):
        load(b"N0" * 1000 + b"N.")


@pytest.mark.parametrize(
    ("size", "stride", "offset"),
    [
        ((100,), (1,), 0),
        ((2,), (5,), 0),
        ((2,), (1,), 5),
        ((2,), (-1,), 3),
        ((-2,), (1,), 0),
        ((10**9,), (0,), 0),
        ((2, 2), (1,), 0),
    ],
)
def test_tensors_stay_within_their_storage(size, stride, offset):
    class Hostile:
        def __reduce__(self):
            return torch._utils._rebuild_tensor_v2, (STORAGE, offset, size, stride, False, OrderedDict())

    with pytest.raises(InterpganError, match=r"a tensor of size|no sizes|zip"):
        load(pickle.dumps(Hostile()))


STORAGE = torch.storage.TypedStorage(
    wrap_storage=torch.ones(4).untyped_storage(), dtype=torch.float32, _internal=True
)


@pytest.mark.parametrize("spec", ["O8", "V8", "M8", "f16", "U9999999", "f8,f8", "S0"])
def test_odd_kinds_of_arrays_are_refused(spec):
    content = (
        name("numpy._core.multiarray", "_reconstruct") + b")R(K\x01K\x01\x85"
        + name("numpy", "dtype") + text(spec) + b"\x85R\x89C\x08abcdefghtb."
    )  # fmt: skip
    with pytest.raises(InterpganError):
        load(content)
