"""`interpgan-run --inspect FILE`: what a file is, and whether it asked for code."""

import pickle
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from interpgan_core import DirectionSet, InterpganError, Sample, Scores, load_generator
from interpgan_core.cli import command
from interpgan_core.errors import Remark
from interpgan_core.generators.directions import Direction
from interpgan_core.generators.toy import ToyGenerator
from interpgan_core.loading.encoders import encoders_in
from interpgan_core.loading.inspection import inspect
from interpgan_core.plugin import Checkpoint
from interpgan_core.plugins import plugins
from interpgan_r3gan import testing as r3gan
from interpgan_stylegan.testing.v3 import discriminator, state, write_pickle


def saved(folder, content, name="net.pt"):
    torch.save(content, folder / name)
    return folder / name


def test_a_state_dict(tmp_path):
    learnt = {name: t for name, t in state("t", classes=3).items() if name.endswith(("weight", "bias"))}
    numbers = sum(t.numel() for t in learnt.values())
    assert inspect(saved(tmp_path, state("t", classes=3))) == {
        "family": "StyleGAN 3",
        "layout": "NVIDIA state dict",
        "resolution": "16 px",
        "spaces": "z (8,), w (10,), w+ (6, 10), s (31,)",
        "classes": "3",
        "parameters": f"{numbers:,}",
        "discriminator": "no",
        "licence": "not known",
        "code": "nothing in it asked for code",
        "note 1": "Configuration T: equivariant to translation.",
        "loads": "yes",
        "synthesis.input": "layer 0: 6 channels, 36 x 36",
        "synthesis.L0_36_6": "layer 1: 6 channels, 36 x 36",
        "synthesis.L1_36_6": "layer 2: 6 channels, 36 x 36",
        "synthesis.L2_36_5": "layer 3: 5 channels, 36 x 36",
        "synthesis.L3_16_4": "layer 4: 4 channels, 16 x 16",
        "synthesis.L4_16_3": "layer 5: 3 channels, 16 x 16",
    }


def test_a_pickle_that_brings_code(tmp_path):
    generator = ("Generator", state(), {})
    write_pickle(tmp_path / "net.pkl", G=generator, G_ema=generator, D=("Discriminator", discriminator(), {}))
    facts = inspect(tmp_path / "net.pkl")
    assert facts["layout"] == "NVIDIA pickle"
    assert facts["discriminator"] == "yes"
    assert facts["code"].startswith("G, G_ema, D came with source code to be run on loading")
    assert facts["code"].endswith("it was neither run nor kept")


def test_the_licence_of_a_file_that_is_named_like_a_published_one(tmp_path):
    facts = inspect(saved(tmp_path, state(), "stylegan3-t-ffhqu-256x256.pkl"))
    assert "NVIDIA Source Code License" in facts["licence"]
    assert "if it is the file of stylegan.v3-t-ffhqu-256" in facts["licence"]


class Evil:
    def __reduce__(self):
        import os

        return os.system, ("echo ran > ran.txt",)


@pytest.mark.parametrize("write", [pickle.dumps, None])
def test_a_file_that_asks_to_run_something(write, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "net.pkl"
    if write:
        path.write_bytes(write({"G_ema": Evil()}))
    else:
        torch.save({"G_ema": Evil()}, path)
    with pytest.raises(InterpganError, match=r"net.pkl asks to run code .*: (posix|nt)\.system\. It was not"):
        inspect(path)
    assert [p.name for p in tmp_path.iterdir()] == ["net.pkl"]


def test_a_pickle_of_tensorflow_says_what_to_do(tmp_path):
    path = tmp_path / "stylegan2.pkl"
    path.write_bytes(b"\x80\x02cdnnlib.tflib.network\nNetwork\n)\x81}b.")
    with pytest.raises(InterpganError, match=r"network of TensorFlow.*convert it with legacy\.py"):
        inspect(path)


def test_directions_that_do_not_say_their_space(tmp_path):
    path = tmp_path / "smile.npy"
    np.save(path, 2 * np.eye(1, 8))
    facts = inspect(path)
    assert facts["family"] == "directions (1)"
    assert "shape (8,)" in facts["smile"] and "norm 2.0" in facts["smile"]
    assert "the file does not say its space" in facts["smile"]
    assert facts["code"] == "nothing in it asked for code"


def test_directions_of_components(tmp_path):
    path = tmp_path / "components.npz"
    np.savez(path, lat_comp=np.eye(30, 40)[:, None], lat_stdev=np.arange(30) + 1.5)
    facts = inspect(path)
    assert facts["family"] == "directions (30)"
    assert "sigma 3.5" in facts["2"]
    assert facts["more"] == "10" and "20" not in facts


def test_directions_of_our_own(tmp_path):
    smile = Direction(torch.ones(2, 4), "w+", layers="0-1", generator="abc", notes={"accuracy": 0.9})
    DirectionSet({"smile": smile}).save(tmp_path)
    facts = inspect(tmp_path / "directions.safetensors")
    assert facts["smile"] == "space w+, shape (2, 4), layers 0-1, generator abc, accuracy 0.9"


def test_other_files_of_ours(tmp_path):
    batch = Sample(seeds="0-2").run(ToyGenerator())
    batch.save(tmp_path)
    facts = inspect(tmp_path / "batch.safetensors")
    assert facts["family"] == "batch, written by interpgan"
    assert facts["codes"] == "shape (3, 16) of float32" and facts["space"] == '"z"'
    Scores(torch.arange(3), torch.zeros(3, 2), ("smile", "age")).save(tmp_path)
    assert inspect(tmp_path / "scores.safetensors")["names"] == '["smile", "age"]'


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"<!DOCTYPE html><html>", "is a web page"),
        (b"hello, world", "no file of weights that is known here"),
        (b"\x0a\0\0\0\0\0\0\0{broken}  ", "damaged"),
    ],
)
def test_what_is_no_such_file(content, said, tmp_path):
    path = tmp_path / "net.pt"
    path.write_bytes(content)
    with pytest.raises(InterpganError, match=said):
        inspect(path)


def test_weights_of_nobody(tmp_path):
    with pytest.raises(InterpganError, match=r"holds conv\.weight \(1 tensors\); .* none knows it"):
        inspect(saved(tmp_path, {"conv.weight": torch.zeros(3, 3)}))
    with pytest.raises(InterpganError, match="none knows it"):
        inspect(tmp_path)


def test_the_command(tmp_path):
    run = CliRunner().invoke(command, ["--inspect", str(saved(tmp_path, state()))])
    assert run.exit_code == 0
    lines = run.output.splitlines()
    assert lines[0].split() == ["family", "StyleGAN", "3"]
    assert lines[8].split(maxsplit=1) == ["code", "nothing in it asked for code"]
    assert lines[-1].split(maxsplit=1) == ["synthesis.L4_16_3", "layer 5: 3 channels, 16 x 16"]


def test_a_named_model(tmp_path):
    facts = inspect(Path("toy"))
    assert facts["licence"] == "Apache-2.0" and facts["layers.5"] == "layer 5: 16 channels, 32 x 32"


def test_layers_of_a_damaged_file(tmp_path):
    """Names and shapes are enough to say what a file is, and not to make its layers."""
    lacking = {name: t for name, t in state().items() if not name.endswith("L4_16_3.bias")}
    facts = inspect(saved(tmp_path, lacking))
    assert facts["family"] == "StyleGAN 3"
    assert facts["loads"].startswith("no: ") and "lacks synthesis.L4_16_3.bias" in facts["loads"]


def test_the_command_when_there_is_no_such_file(tmp_path, monkeypatch, capsys):
    from interpgan_core import cli

    for name, said in (
        (str(tmp_path / "lost.pt"), "lost.pt; check the name"),
        ("tay", "there is no file or model tay; did you mean 'toy'?"),
    ):
        monkeypatch.setattr(sys, "argv", ["interpgan-run", "--inspect", name])
        with pytest.raises(SystemExit) as end:
            cli.main()
        assert end.value.code == 2
        assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("start", "what"),
    [
        (b"\x1c\0\0\0TFL3", "TensorFlow Lite model"),
        (b"\x08\x06\x12\x07pytorch\x1a\x052.0.0", "ONNX model"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC"),
        (b"\x08\x01\x12\x10saved_model_schema", "TensorFlow SavedModel"),
        (b"\x89HDF\r\n", "HDF5"),
    ],
)
def test_files_of_another_kind_are_named(start, what, tmp_path):
    (tmp_path / "net").write_bytes(start + bytes(64))
    with pytest.raises(InterpganError, match=what):
        inspect(tmp_path / "net")


def test_a_program_of_torchscript_is_named(tmp_path):
    torch.jit.script(torch.nn.Linear(1, 1)).save(tmp_path / "net.pt")
    with pytest.raises(InterpganError, match="TorchScript program, not weights"):
        inspect(tmp_path / "net.pt")


@pytest.mark.parametrize(
    ("shape", "family", "said"),
    [
        ((512,), "directions (1)", None),
        ((1, 512), "directions (1)", None),
        (
            (1, 18, 512),
            "arrays",
            "a direction, or a code, of 18 layers (layer by layer), or 18 codes of 512 numbers",
        ),
        (
            (18, 512),
            "arrays",
            "a direction, or a code, of 18 layers (layer by layer), or 18 codes of 512 numbers",
        ),
        ((3, 18, 512), "arrays", "3 codes of w+, with 18 layers; a recipe reads them by load"),
        ((1000, 2), "arrays", "neither codes nor directions"),
        ((1000, 1, 9, 1, 1), "arrays", "neither codes nor directions"),
        ((500, 512), "arrays", "500 codes of 512 numbers"),
    ],
)
def test_what_an_array_may_be(shape, family, said, tmp_path):
    np.save(tmp_path / "a.npy", np.random.default_rng(0).standard_normal(shape))
    facts = inspect(tmp_path / "a.npy")
    assert facts["family"] == family
    assert said is None or said in facts["array"]


def test_one_vector_once_a_layer_is_a_direction(tmp_path):
    np.save(tmp_path / "pose.npy", np.ones((1, 18, 512)))
    assert inspect(tmp_path / "pose.npy")["family"] == "directions (1)"


@pytest.mark.parametrize("name", ["stylegan_ffhq_age_w_boundary", "pggan_celebahq_age_boundary"])
def test_a_published_boundary(name, tmp_path):
    np.save(tmp_path / f"{name}.npy", np.ones((1, 512)))
    facts = inspect(tmp_path / f"{name}.npy")
    assert facts["family"] == "directions (1)"
    assert ("space w" if "_w_" in name else "space z") in facts[name] and "attribute age" in facts[name]


def test_all_published_boundaries():
    folder = Path(__file__).parents[2] / "shared" / "boundaries"
    files = sorted(folder.rglob("*.npy"))
    if not files:
        pytest.skip(f"there are no boundaries in {folder}")
    assert all(inspect(file)["family"].startswith(("directions", "arrays")) for file in files)


def test_objects_of_plain_classes_come_without_code(tmp_path):
    """As R3GAN's; NVIDIA's pickles bring the source code of theirs."""
    facts = inspect(
        r3gan.write_pickle(tmp_path / "net.pkl", {"G": r3gan.generator(), "D": r3gan.discriminator()})
    )
    assert facts["family"] == "R3GAN" and facts["code"] == "nothing in it asked for code"
    assert "training.networks.Generator" in facts["objects"]


NO_PLUGIN = {
    "EG3D": ["G_ema.backbone.synthesis.b4.const", "G_ema.superresolution.block0.conv0.weight"],
    "GANformer": [
        "G_ema.synthesis.b4.const",
        "G_ema.synthesis.b4.conv1.weight",
        "G_ema.synthesis.b256.conv_last.weight",
    ],
    "StyleGAN-XL": [
        "synthesis.input.freqs",
        "synthesis.input.weight",
        "mapping.embed.weight",
        "mapping.fc0.weight",
    ],
    "StyleSwin": ["g_ema.input.input", "g_ema.layers.0.blocks.0.qkv.weight", "g_ema.style.1.weight"],
    "SemanticStyleGAN": ["g_ema.local_nets.0.weight", "g_ema.render_net.0.weight"],
    "SNGAN, as of torch-mimicry": [
        "l1.weight",
        "block2.c1.weight",
        "block2.b1.weight",
        "b6.weight",
        "c6.weight",
    ],
    "latent diffusion (Stable Diffusion)": ["model.diffusion_model.input_blocks.0.0.weight"],
    "diffusers": ["down_blocks.0.resnets.0.conv1.weight", "mid_block.resnets.0.conv1.weight"],
}


@pytest.mark.parametrize("family", NO_PLUGIN)
def test_a_family_that_no_plugin_loads_is_named(family, tmp_path):
    path = saved(tmp_path, {name: torch.ones(2, 2) for name in NO_PLUGIN[family]})
    for reader in (inspect, load_generator):
        with pytest.raises(InterpganError) as caught:
            reader(path)
        said = str(caught.value)
        assert re.search(rf"net\.pt holds a \w+ of {re.escape(family)}: ", said)
        assert "install" not in said and (
            "no plugin loads it; plugins/example-backbone" in said or "no GAN" in said
        )


def test_a_folder_of_diffusers_is_named(tmp_path):
    (tmp_path / "model_index.json").write_text("{}")
    with pytest.raises(InterpganError, match=r"holds a model of diffusers: it is no GAN"):
        inspect(tmp_path)


def test_a_stylegan_3_with_classes_is_no_stylegan_xl(tmp_path):
    assert inspect(saved(tmp_path, state("t", classes=3)))["family"] == "StyleGAN 3"


@pytest.mark.parametrize(
    ("name", "source", "family", "advice"),
    [
        (
            b"cdnnlib.tflib.network\nNetwork",
            b"def G_style(",
            "StyleGAN 1",
            "legacy.py does not read it: take a conversion",
        ),
        (
            b"cdnnlib.tflib.network\nNetwork",
            b"def G_synthesis_stylegan2(",
            "StyleGAN 2",
            "Convert it with legacy.py",
        ),
        (
            b"cdnnlib.tflib.network\nNetwork",
            b"def G_mapping_ND(",
            "LIA",
            "no conversion to PyTorch that is known here",
        ),
        (b"ctfutil\nNetwork", b"def G_paper(", "PGGAN", "such as the named model pggan.celebahq-1024"),
    ],
)
def test_pickles_of_tensorflow_are_named(name, source, family, advice, tmp_path):
    text = b"X" + len(source).to_bytes(4, "little") + source
    (tmp_path / "net.pkl").write_bytes(b"\x80\x02" + name + b"\n)\x81}" + text + b"K\x01sb.")
    with pytest.raises(InterpganError) as caught:
        inspect(tmp_path / "net.pkl")
    assert f"is a network of TensorFlow, {family}, whose pickle runs" in str(caught.value)
    assert advice in str(caught.value)


def test_a_plugin_that_fails_in_telling_encoders_stops_nothing(tmp_path, monkeypatch):
    def fails(checkpoint):
        raise ValueError("oh")

    provided = plugins().encoders["inversion.published"]
    monkeypatch.setattr(type(provided), "load", lambda self: fails)
    with pytest.warns(Remark, match=r"comes from .*, which has a mistake in it: ValueError: oh"):
        assert encoders_in(Checkpoint(saved(tmp_path, state()))) == {}
    monkeypatch.setattr(type(provided), "load", lambda self: lambda checkpoint: 3)
    with pytest.warns(Remark, match="returned int, and no facts; in interpgan_encoders a target is"):
        assert encoders_in(Checkpoint(saved(tmp_path, state()))) == {}
