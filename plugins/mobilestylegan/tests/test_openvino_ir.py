"""Reading IR: what a broken or hostile file leads to is always one InterpganError."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpgan_core import InterpganError
from interpgan_mobilestylegan.files import read_network
from interpgan_mobilestylegan.openvino_ir import MAX_XML, Graph

CONST = '<layer id="0" name="c" type="Const"><data element_type="{t}" shape="{s}" offset="{o}" size="{b}"/></layer>'


def one_constant(blob: bytes = bytes(16), t: str = "f32", s: str = "4", o: str = "0", b: str = "16") -> Graph:
    layer = CONST.format(t=t, s=s, o=o, b=b)
    return Graph(f'<net version="10"><layers>{layer}</layers><edges/></net>'.encode(), blob, "small")


def test_a_constant_is_read_in_its_shape() -> None:
    numbers = np.arange(6, dtype="<i8")
    graph = one_constant(bytes(3) + numbers.tobytes(), "i64", "2, 3", "3", "48")
    found = graph.constant(graph.named("c"))
    assert np.array_equal(found, numbers.reshape(2, 3))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"o": "-4"}, "'-4' in constant 'c' is no offset"),
        ({"b": "-16"}, "'-16' in constant 'c'"),
        ({"s": "-4"}, "'-4' in constant 'c'"),
        ({"s": "4, x"}, "' x' in constant 'c'"),
        ({"s": "٤"}, "is no offset, size or dimension"),
        ({"o": "9" * 5000}, "is no offset"),
        ({"o": "999999999999999"}, "ends at byte"),
        ({"s": "999999999999999", "b": "3999999999999996"}, "'3999999999999996'"),
        ({"s": "99999999999999", "b": "399999999999996"}, "ends at byte 399999999999996, the data at 16"),
        ({"s": "5"}, "of shape (5,) has 16 bytes"),
        ({"blob": bytes(15)}, "ends at byte 16, the data at 15"),
        ({"s": "0", "b": "0"}, "has the shape (0,)"),
        ({"s": "1, " * 70 + "4"}, "has the shape (1, 1, 1"),
        ({"t": "f16"}, "elements of type 'f16'"),
        ({"t": ""}, "elements of type ''"),
    ],
)
def test_a_wrong_constant_is_refused(wrong: dict, says: str) -> None:
    graph = one_constant(**wrong)
    with pytest.raises(InterpganError) as error:
        graph.constant(graph.named("c"))
    assert says in str(error.value) and "small" in str(error.value)


ENTITIES = b'<!DOCTYPE net [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
LOOP = '<edge from-layer="0" to-layer="0" to-port="1"/>'
LAYER = '<layer id="0" name="a" type="Const"/>'


@pytest.mark.parametrize(
    ("xml", "says"),
    [
        (ENTITIES + b'<net version="10">&b;</net>', "declares a document type"),
        (b'<!DOCTYPE net SYSTEM "file:///etc/passwd"><net version="10"/>', "declares a document type"),
        (b'<net version="10">&x;</net>', "not XML: undefined entity"),
        (b"", "not XML"),
        (b"\x00\x01PK", "not XML"),
        (b'<net version="10"><layers>', "not XML"),
        (b'<net version="11"/>', "version '11', not 10"),
        (b'<?xml version="1.0" encoding="utf-7"?><html/>', "starts with <html>"),
        (b"<html/>", "starts with <html>"),
        (b'<net version="10">' + b"<a>" * 100 + b"</a>" * 100 + b"</net>", "too deep"),
        (f'<net version="10"><layers>{LAYER * 2}</layers></net>'.encode(), "two layers have the id '0'"),
        (
            f'<net version="10"><layers>{LAYER}</layers><edges><edge from-layer="0" to-layer="7" to-port="0"/>'
            "</edges></net>".encode(),
            "an edge joins layers that do not exist",
        ),
        (
            f'<net version="10"><layers>{LAYER}</layers><edges>{LOOP * 2}</edges></net>'.encode(),
            "two edges end in port 1",
        ),
        (b" " * (MAX_XML + 1), f"more than {MAX_XML}"),
    ],
)
def test_a_wrong_topology_is_refused(xml: bytes, says: str) -> None:
    with pytest.raises(InterpganError) as error:
        Graph(xml, b"", "small")
    assert says in str(error.value) and "fetch the file again" in str(error.value)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('name="m.conv1.bias"', 'name="other"'),
        ('name="m.layers.1.conv2.conv.weight_dw" type="Const"', 'name="x" type="Result"'),
        ('name="m.layers.0.up.modulation.weight"', 'name="m.input.input"'),
        ('shape="1, 1, 8, 8"', 'shape="1, 64, 1, 1"'),
        ('shape="12, 8, 1, 1"', 'shape="8, 12, 1, 1"'),
        ('type="GroupConvolution"', 'type="Convolution"'),
        ('type="Multiply"', 'type="Power"'),
        (".up.modulation.bias", ".up.bias"),
    ],
)
def test_another_network_is_refused(mapping, synthesis, old: str, new: str) -> None:
    changed = synthesis.xml.replace(old.encode(), new.encode())
    assert changed != synthesis.xml
    with pytest.raises(InterpganError, match="small is not a network that can be read"):
        read_network(mapping.graph(), Graph(changed, synthesis.blob, "small"))


@given(where=st.floats(0, 1, exclude_max=True), what=st.binary(min_size=1, max_size=4))
def test_a_damaged_file_is_read_or_refused(mapping, synthesis, where: float, what: bytes) -> None:
    """Whatever bytes of a topology are damaged: a network or an InterpganError, never another exception."""
    for small in (mapping, synthesis):
        xml, place = small.xml, int(where * len(small.xml))
        damaged = xml[:place] + what + xml[place + len(what) :]
        with suppress(InterpganError):
            graph = Graph(damaged, small.blob, "small")
            graphs = (graph, synthesis.graph()) if small is mapping else (mapping.graph(), graph)
            read_network(*graphs)
