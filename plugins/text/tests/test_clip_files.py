"""Files of CLIP: each layout, and a sentence for each wrong one; texts that cannot be read."""

import json
import zipfile

import pytest
import torch
from safetensors.torch import save_file

from interpgan_core import InterpganError
from interpgan_core.testing import recipe_error
from interpgan_text.clip import LoadClip
from interpgan_text.files import read_clip
from interpgan_text.testing import SIZES, hugging_face, openai
from interpgan_text.tokens import cleaned, encoded, tokens


@pytest.fixture(scope="module")
def state():
    return openai()


@pytest.fixture(scope="module")
def file(state, tmp_path_factory):
    return write(tmp_path_factory.mktemp("clip"), state)


def write(folder, content, name="model.safetensors"):
    if name.endswith(".safetensors"):
        save_file({k: t.contiguous() for k, t in content.items()}, folder / name)
    else:
        torch.save(content, folder / name)
    return folder / name


def test_texts_and_pictures_of_any_size_have_embeddings(file):
    net = LoadClip(weights=file).run("cpu")
    assert net.embed_images(torch.zeros(2, 3, 48, 64)).shape == (2, 16)
    assert net.embed_texts(["a face", "an old face with glasses"]).shape == (2, 16)
    alone = net.embed_texts(["a face"])
    torch.testing.assert_close(net.embed_texts(["an old face with glasses", "a face"])[1:], alone)


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_both_layouts_and_both_formats_give_the_same_net(state, tmp_path, name):
    images = torch.rand(1, 3, 32, 32) * 2 - 1
    ours = LoadClip(weights=write(tmp_path, state, f"o{name}"), activation="quickgelu").run("cpu")
    theirs = LoadClip(weights=write(tmp_path, hugging_face(state), name)).run("cpu")
    for name, tensor in ours.net.state_dict().items():
        assert torch.equal(tensor, theirs.net.state_dict()[name]), name
    torch.testing.assert_close(ours.embed_images(images), theirs.embed_images(images))
    torch.testing.assert_close(ours.embed_texts(["a face"]), theirs.embed_texts(["a face"]))


def test_the_activation_is_of_the_config_or_of_the_kind_of_file(state, tmp_path):
    path = write(tmp_path, state)
    assert not read_clip(path)[1].quick
    (tmp_path / "open_clip_config.json").write_text(json.dumps({"model_cfg": {"quick_gelu": True}}))
    assert read_clip(path)[1].quick
    assert not read_clip(path, "gelu")[1].quick
    sized = {**state, "input_resolution": torch.tensor(32), "vocab_size": torch.tensor(49408)}
    (tmp_path / "open_clip_config.json").unlink()
    assert read_clip(write(tmp_path, sized, "openai.safetensors"))[1].quick
    (tmp_path / "config.json").write_text(json.dumps({"vision_config": {"hidden_act": "gelu"}}))
    assert not read_clip(write(tmp_path, hugging_face(state), "hf.safetensors"))[1].quick
    (tmp_path / "config.json").write_text("no json")
    assert read_clip(tmp_path / "hf.safetensors")[1].quick


def test_sizes_are_read_from_shapes(file):
    sizes = read_clip(file, "quickgelu")[1]
    assert sizes == SIZES


def test_gradients_flow_to_the_picture(file):
    net = LoadClip(weights=file).run("cpu")
    images = torch.zeros(1, 3, 64, 64, requires_grad=True)
    net.embed_images(images).sum().backward()
    assert images.grad.abs().sum() > 0


def without(state, *starts):
    return {k: t for k, t in state.items() if not k.startswith(starts)}


WRONG = {
    "no tower": (lambda s: {"layer.weight": torch.ones(2, 2)}, "has neither a text tower nor a vision tower"),
    "pictures alone": (lambda s: {k: t for k, t in s.items() if k.startswith("visual.")}, "has no text tower"),
    "texts alone": (lambda s: without(s, "visual."), "has no vision tower"),
    "a SigLIP": (lambda s: {**s, "logit_bias": torch.zeros(1)}, "is a SigLIP, whose tokeniser is another"),
    "a ResNet": (lambda s: {**s, "visual.layer1.0.weight": torch.zeros(1)}, "read by no plain transformer"),
    "another tokeniser": (
        lambda s: {**s, "token_embedding.weight": torch.zeros(32000, 64)}, "32000 tokens, CLIP's own 49408",
    ),
    "places that make no square": (
        lambda s: {**s, "visual.positional_embedding": torch.zeros(16, 64)}, "15 places for patches",
    ),
    "a part is missing": (lambda s: without(s, "ln_final.bias"), r"lacks ln_final\.bias"),
    "a part too many": (lambda s: {**s, "adapter.weight": torch.ones(2)}, r"has adapter\.weight"),
    "another shape": (lambda s: {**s, "visual.proj": torch.zeros(64, 17)}, r"visual\.proj has shape \(64, 17\)"),
    "an odd width": (
        lambda s: {**s, "transformer.resblocks.0.ln_1.weight": torch.zeros(65)}, "a tower of 65 channels",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_file_gets_a_sentence(what, state, tmp_path):
    change, message = WRONG[what]
    path = write(tmp_path, change(state))
    with pytest.raises(InterpganError, match=message):
        read_clip(path)


def test_half_an_attention_is_named(state, tmp_path):
    broken = hugging_face(state)
    del broken["text_model.encoder.layers.0.self_attn.k_proj.bias"]
    with pytest.raises(InterpganError, match=r"lacks text_model|lacks transformer"):
        read_clip(write(tmp_path, broken))


def test_openais_archive_is_a_program(tmp_path):
    with zipfile.ZipFile(tmp_path / "ViT-B-32.pt", "w") as archive:
        archive.writestr("archive/constants.pkl", b"")
        archive.writestr("archive/data.pkl", b"")
    with pytest.raises(
        InterpganError, match="a program and is not run; take the same weights as safetensors"
    ):
        read_clip(tmp_path / "ViT-B-32.pt")


@pytest.mark.parametrize("content", [b"", b"not weights", b"\x80\x04." * 20, b"PK\x03\x04junk"])
def test_no_file_of_weights(content, tmp_path):
    (tmp_path / "x.bin").write_bytes(content)
    with pytest.raises(InterpganError):
        read_clip(tmp_path / "x.bin")


def test_a_list_is_no_clip(tmp_path):
    torch.save([torch.ones(2)], tmp_path / "x.bin")
    with pytest.raises(InterpganError, match="holds no weights by name"):
        read_clip(tmp_path / "x.bin")


def test_texts_that_cannot_be_read():
    with pytest.raises(InterpganError, match="a text is empty"):
        tokens("  ")
    with pytest.raises(InterpganError, match="is 200 tokens long, and this net reads 75"):
        tokens("face " * 200)
    assert len(tokens("smile " * 75)) == 77
    assert tokens("😀")[1:-1] and tokens("улыбка")[1:-1]  # it reads all languages, as well as it learned them


def test_a_text_is_cleaned_as_in_training():
    assert cleaned("  “A\tﬁne” &amp;amp; FACE  ") == '"a fine" & face'
    assert encoded("Face") == encoded("face")


def test_wrong_words_in_a_recipe(tmp_path):
    text = "interpgan: 1\nsteps:\n  - {use: text.clip, weights: nothing.safetensors}\n"
    assert "there is no file" in recipe_error(text, tmp_path)
