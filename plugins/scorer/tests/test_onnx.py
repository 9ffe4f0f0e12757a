"""Classifiers from ONNX files: the numbers of torch, and a sentence for each way to be wrong."""

import pickle
import re
import tempfile
import warnings
from pathlib import Path

import pytest
import torch
from torch import nn

from interpgan_avatars.scorer import AvatarScorer
from interpgan_core import InterpganError, Score, load_generator, make_plan, run
from interpgan_core.testing import conformance, plugin_conformance, recipe_error, toy
from interpgan_scorer.operators import LoadOnnx

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Channels(nn.Module):
    """The mean of each colour; and, as a second output, of everything."""

    def __init__(self, axes=(2, 3), outputs=1):
        super().__init__()
        self.axes, self.outputs = axes, outputs

    def forward(self, images):
        means = images.float().mean(self.axes)
        return (means, means.mean(1, keepdim=True))[: self.outputs]


class Avatars(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = AvatarScorer.shipped().net

    def forward(self, images):
        return self.net(images)["attributes"]


def export(path, net, shape=(1, 3, 16, 16), free=(0, 2, 3), inputs=("images",), dtype=torch.float32):
    """Write a network as PyTorch does, with some dimensions of its input left free."""
    outputs = [f"out{i}" for i in range(getattr(net, "outputs", 1))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net.eval(), tuple(torch.zeros(shape).to(dtype) for _ in inputs), path,
            input_names=list(inputs), output_names=outputs, dynamo=False,
            dynamic_axes={name: {axis: f"d{axis}" for axis in free} for name in inputs},
        )  # fmt: skip
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("onnx")
    export(folder / "colours.onnx", Channels())
    export(folder / "fixed.onnx", Channels(), (2, 3, 16, 16), free=())
    export(folder / "last.onnx", Channels((1, 2)), (1, 16, 16, 3), free=(0, 1, 2))
    export(folder / "first.onnx", Channels(), free=(0,))
    export(folder / "two.onnx", Channels(outputs=2))
    export(folder / "grey.onnx", Channels(), (1, 1, 16, 16), free=(0,))
    export(folder / "bytes.onnx", Channels(), dtype=torch.uint8)
    export(folder / "avatars.onnx", Avatars(), (1, 3, 64, 64), free=(0,))
    (folder / "words.onnx").write_text("these are words, no network")
    return folder


RGB = ("red", "green", "blue")


def scorer(folder, file="colours.onnx", names=RGB, **parameters):
    return LoadOnnx(file=folder / file, names=names, **parameters).run("cpu")


@pytest.fixture
def images():
    return torch.rand(5, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_the_avatars_scorer_as_a_file(folder):
    """Logits, probabilities and shares to 1e-5 of torch, for any number of pictures."""
    generator, names = load_generator("avatars.pggan"), AvatarScorer.names
    pictures = generator.images(generator.sample(range(9))).clamp(-1, 1)
    logits = AvatarScorer.shipped("logit")(pictures)
    activations = {"none": logits, "sigmoid": logits.sigmoid(), "softmax": logits.softmax(1)}
    for activation, expected in activations.items():
        made = scorer(folder, "avatars.onnx", names, values=[-1, 1], activation=activation)
        torch.testing.assert_close(made(pictures), expected, atol=1e-5, rtol=1e-5)
    assert made.names == names
    torch.testing.assert_close(made(pictures[:1]), expected[:1], atol=1e-5, rtol=1e-5)


def test_range_and_normalisation(folder, images):
    means = images.mean((2, 3))
    for values, expected in {(0, 1): means / 2 + 0.5, (-1, 1): means, (0, 255): (means + 1) * 127.5}.items():
        torch.testing.assert_close(scorer(folder, values=values)(images), expected)
    normal = (means / 2 + 0.5 - torch.tensor(MEAN)) / torch.tensor(STD)
    torch.testing.assert_close(scorer(folder, mean=MEAN, std=STD)(images), normal)
    beyond = scorer(folder, values=[-1, 1])(images * 3)  # a picture ends at black and white
    torch.testing.assert_close(beyond, (images * 3).clamp(-1, 1).mean((2, 3)))


def test_layout_and_kinds_of_numbers(folder, images):
    torch.testing.assert_close(scorer(folder, "last.onnx", layout="nhwc")(images), scorer(folder)(images))
    whole = scorer(folder, "bytes.onnx", values=[0, 255])(images)
    torch.testing.assert_close(whole, ((images + 1) * 127.5).round().mean((2, 3)))


def test_sizes(folder, images):
    large = torch.nn.functional.interpolate(images, 48, mode="nearest")
    for file in ("fixed.onnx", "colours.onnx"):
        made = scorer(folder, file, size=16)
        assert made(large).shape == (5, 3)  # five at once, where the file takes just two
        torch.testing.assert_close(made(large), scorer(folder)(images), atol=0.02, rtol=0)
    assert scorer(folder, "fixed.onnx")(large).equal(scorer(folder, "fixed.onnx", size=[16, 16])(large))


def test_an_output_is_chosen(folder, images):
    assert scorer(folder, "two.onnx", output="out0")(images).equal(scorer(folder)(images))
    assert scorer(folder, "two.onnx", ["grey"], output="out1")(images).shape == (5, 1)


def test_it_goes_to_other_processes(folder, images):
    made = scorer(folder, activation="sigmoid")
    assert pickle.loads(pickle.dumps(made))(images).equal(made(images))


WRONG = [
    ("lost.onnx", {}, "there is no file .*lost.onnx"),
    ("words.onnx", {}, r"words.onnx is not an ONNX model that onnxruntime can run: .*; export it again"),
    ("two.onnx", {}, "two.onnx has several outputs; choose one by output: out0, out1"),
    ("two.onnx", {"output": "oot1"}, "no output 'oot1'; did you mean 'out1'"),
    ("fixed.onnx", {"names": ["smile"]}, r"gives 3 numbers a picture, and there are 1 names \(smile\); name all"),
    ("fixed.onnx", {"size": 32}, "takes pictures of 16 x 16 pixels alone, not 32 x 32; leave out size"),
    ("last.onnx", {"size": 16, "layout": "nhwc", "names": ["a"]}, "gives 3 numbers a picture, and there are 1"),
    ("last.onnx", {}, "is no picture in colour in nchw; set layout: nhwc"),
    ("first.onnx", {"layout": "nhwc"}, "is no picture in colour in nhwc; set layout: nchw"),
    ("grey.onnx", {}, "export one that takes red, green and blue"),
    ("fixed.onnx", {"names": ["a", "a", "b"]}, "two names are equal"),
    ("fixed.onnx", {"std": [1, 0, 1]}, "greater than 0"),
    ("fixed.onnx", {"names": []}, "at least 1 item"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "parameters", "message"), WRONG)
def test_what_is_wrong_is_said(folder, file, parameters, message):
    with pytest.raises(ValueError, match=message):
        scorer(folder, file, **parameters)


def test_inputs_that_are_no_pictures(folder):
    class Sum(nn.Module):
        def forward(self, *all_of_them):
            return sum(all_of_them)

    export(folder / "pair.onnx", Sum(), inputs=("left", "right"))
    with pytest.raises(InterpganError, match=r"takes 2 inputs \(left, right\)"):
        scorer(folder, "pair.onnx")
    export(folder / "flat.onnx", Sum(), (1, 12), free=(0,))
    with pytest.raises(InterpganError, match=r"takes tensor\(float\) of 2 dimensions, which are no pictures"):
        scorer(folder, "flat.onnx")


def test_weights_in_another_file(folder):
    onnx = pytest.importorskip("onnx")
    model = onnx.load(folder / "avatars.onnx")
    onnx.save(model, folder / "apart.onnx", save_as_external_data=True, location="apart.data")
    with pytest.raises(InterpganError, match="with its weights in the same file"):
        scorer(folder, "apart.onnx", AvatarScorer.names)


def test_a_step_that_scores(folder):
    found = Score(seeds="0-9", scorer=scorer(folder), batch_size=4).run(toy(), lambda items, **_: items)
    assert found.names == RGB and found.values.isfinite().all()


def test_the_recipe_of_the_readme(folder, tmp_path):
    text = re.search(r"```yaml\n(interpgan: 1.*?)```", README, re.DOTALL)[1]
    (tmp_path / "recipe.yaml").write_text(text)
    (tmp_path / "classifier.onnx").write_bytes((folder / "avatars.onnx").read_bytes())
    page = run(make_plan(tmp_path / "recipe.yaml"), tmp_path / "out", device="cpu")
    assert "eyeglasses" in page.read_text()


def test_a_recipe_that_is_wrong(tmp_path):
    (tmp_path / "a.onnx").touch()
    said = recipe_error("interpgan: 1\nsteps:\n  - {use: scorer.onnx, file: a.onnx, nmaes: [a]}", tmp_path)
    assert "scorer.onnx has no parameter 'nmaes'; did you mean 'names'" in said


test_plugin = plugin_conformance("scorer")

KIT = tempfile.TemporaryDirectory()
NOT_SAVED = "a scorer is read from its file each time, and not saved"
test_the_operator = conformance(
    LoadOnnx(file=export(Path(KIT.name) / "colours.onnx", Channels()), names=RGB),
    toy,
    exempt={
        "same-parameters-same-result": NOT_SAVED,
        "global-randomness-does-not-matter": NOT_SAVED,
    },
)
