"""The step `sample`: seeds, and what people write for a class."""

from types import SimpleNamespace

import pytest
import torch

from interpgan_core import InterpganError, Sample
from interpgan_core.operators.builtin.sample import class_weights

NAMED = "cat, crane (bird), crane (machine), dog"


class Plain:
    """Stands for a generator: a batch is its seeds and labels."""

    def __init__(self, classes=4, class_names=("cat", "dog", "crane (bird)", "crane (machine)")):
        self.classes, self.class_names = classes, class_names if classes else ()

    def sample(self, seeds, labels=None):
        return SimpleNamespace(seeds=list(seeds), labels=labels)


def test_a_sample_of_each_seed():
    found = Sample(seeds="3,5-7").run(Plain())
    assert found.seeds == [3, 5, 6, 7] and found.labels is None
    assert Sample(seeds="3-9").check(Plain()).seeds == [3]
    assert Sample(seeds="3-9").check(Plain()).labels is None


def test_one_class_for_all_or_one_each():
    assert Sample(seeds="0-2", classes=["dog"]).run(Plain()).labels.tolist() == [[0, 1, 0, 0]] * 3
    each = Sample(seeds="0-2", classes=[0, "dog", 2])
    assert each.run(Plain()).labels.argmax(1).tolist() == [0, 1, 2]
    assert each.check(Plain()).labels.tolist() == [[1, 0, 0, 0]]
    for classes, words in (((0, 1), "2 classes for 3 seeds; give one, or 3"), ((0,) * 4, "4 classes for 3")):
        with pytest.raises(InterpganError, match=words):
            Sample(seeds="0-2", classes=classes).run(Plain())
    with pytest.raises(InterpganError, match="this generator has no classes; leave 'classes' out"):
        Sample(seeds="0", classes=[0]).run(Plain(0))


def test_a_million_samples_fit_into_memory():
    assert len(Sample(seeds="1-1000000")._seeds()) == 1_000_000
    with pytest.raises(InterpganError, match="1000001 samples would not fit into memory; draw 1000000 at"):
        Sample(seeds="0-1000000").run(Plain())


@pytest.mark.parametrize(
    ("text", "weights"),
    [
        (1, [0, 1, 0, 0]),
        ("3", [0, 0, 0, 1]),
        (" DOG ", [0, 1, 0, 0]),
        ("Crane (bird)", [0, 0, 1, 0]),
        ("cat + 3", [0.5, 0, 0, 0.5]),
        ("3*cat + dog", [0.75, 0.25, 0, 0]),
        ("0.1*cat + .1*dog + 0.2*2", [0.25, 0.25, 0.5, 0]),
        ("cat + cat + dog + 1", [0.5, 0.5, 0, 0]),
        ("0*cat + 0.5*dog", [0, 1, 0, 0]),
    ],
)
def test_what_people_write_for_a_class(text, weights):
    torch.testing.assert_close(class_weights(Plain(), text), torch.tensor(weights).float())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (4, f"there is no class 4; they are 0-3; there are: {NAMED}"),
        ("-1", f"there is no class -1; they are 0-3; there are: {NAMED}"),
        ("dgo", "there is no class dgo; they are 0-3; did you mean 'dog'?"),
        ("crane", "there is no class crane; they are 0-3; there are: crane (bird), crane (machine)"),
        ("-1*cat", "'-1*cat' has no share of a mixture; write 0.7*cat"),
        ("cat*dog", "'cat*dog' has no share of a mixture; write 0.7*dog"),
        ("0*cat + 0*dog", "the shares of '0*cat + 0*dog' are all 0; write shares above 0"),
    ],
)
def test_what_is_no_class(text, message):
    with pytest.raises(InterpganError) as error:
        class_weights(Plain(), text)
    assert str(error.value) == message
