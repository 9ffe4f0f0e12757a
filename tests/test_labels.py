"""`dataset.json`: the classes of pictures as NVIDIA's dataset_tool.py writes them."""

import json

import pytest

from interpgan_core import InterpganError, Remark
from interpgan_core.pictures.labels import NOT_TOLD, read_labels


def read(labels, names=("a.png", "b.png")):
    return read_labels(json.dumps({"labels": labels}).encode(), names, "dataset.json")


@pytest.mark.parametrize(
    "labels",
    [
        [["a.png", 2], ["b.png", 0]],
        {"a.png": 2, "b.png": 0, "c.png": 9},
        [["a.png", [0, 0, 1]], ["b.png", [1.0, 0, 0]]],
        [["a.png", [0, 0, 1]], ["b.png", 0]],
    ],
)
def test_numbers_and_one_hot_vectors(labels):
    assert read(labels) == [2, 0]


def test_names_of_windows_are_names():
    assert read([["in\\a.png", 3]], ["in/a.png"]) == [3]


@pytest.mark.parametrize("labels", [None, [], {}])
def test_no_labels(labels):
    assert read(labels) is None


@pytest.mark.parametrize("content", [b"[]", b'{"a": 1}', b"3"])
def test_a_file_of_another_program(content):
    assert read_labels(content, ["a.png"], "x") == NOT_TOLD


@pytest.mark.parametrize(
    "content", [b"{", b'{"labels": 5}', b'{"labels": [3]}', b'{"labels": [["a"]]}', b"[" * 99999]
)
def test_a_damaged_file(content):
    with pytest.raises(InterpganError, match="x is damaged"):
        read_labels(content, ["a"], "x")


@pytest.mark.parametrize(
    "label", [[0, 2], [0, 0], [1, 1], [0.5, 0.5], [-1, 1, 1], "cat", True, 1.5, [], ["a"]]
)
def test_labels_that_name_no_class(label):
    with pytest.warns(
        Remark, match="The labels in dataset.json are vectors that name no class, and were not read"
    ):
        assert read([["a.png", label], ["b.png", 0]]) is None


def test_a_picture_without_a_label():
    with pytest.raises(
        InterpganError, match=r"has no label for 2 of 3 pictures, such as b\.png; make it again"
    ):
        read([["a.png", 1]], ["a.png", "b.png", "c.png"])


def test_classes_are_numbered_from_0_below_a_hundred_thousand():
    assert read([["a.png", 0], ["b.png", 99_999]]) == [0, 99_999]
    for numbers in ((-1, 3), (0, 100_000)):
        with pytest.raises(
            InterpganError, match=f"run from {numbers[0]} to {numbers[1]}; number classes from 0"
        ):
            read(dict(zip(("a.png", "b.png"), numbers, strict=True)))
