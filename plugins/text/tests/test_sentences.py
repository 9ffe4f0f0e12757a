"""text.sentences with a tiny reader: WordPiece, BERT, the head, and texts that cannot be read."""

import pytest
import torch
from torch import nn

from interpgan_core import InterpganError, Remark
from interpgan_core.testing import Stopped, recipe_error, run_operator, stop_after
from interpgan_text.bert import of_state
from interpgan_text.head import SentenceHead, shipped_head
from interpgan_text.minilm import MiniLM, sentence
from interpgan_text.net import TextImageNet, probe
from interpgan_text.sentences import LoadSentences, SentenceNet
from interpgan_text.testing import Colours, reader
from interpgan_text.train_sentences import TrainSentences, spread
from interpgan_text.wordpiece import pieces, read_vocabulary, words

NET = Colours()
CAPTIONS = [
    " ".join([*("very",) * very, colour, "thing", sign])
    for colour in ("red", "green", "blue", "")
    for very in range(4)
    for sign in (",", "!", "")
]


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    """Nothing is fetched here: the real one is held to what it knows in test_minilm.py."""
    monkeypatch.setattr(MiniLM, "fetched", classmethod(lambda cls, device="cpu": reader()))


@pytest.fixture
def captions(tmp_path):
    file = tmp_path / "captions.txt"
    file.write_text("\n".join(CAPTIONS))
    return file


def trained(captions, folder, **given):
    step = TrainSentences(net=NET, captions=captions, **{"steps": 200, "width": 32, **given})
    return run_operator(step, folder)


def test_words_are_taken_apart():
    assert words("An Élan, don't!") == ["an", "elan", ",", "don", "'", "t", "!"]
    assert words("日本語 a\u00a0b\tc\x00d") == ["日", "本", "語", "a", "b", "cd"]
    assert words("$5 + x^2") == ["$", "5", "+", "x", "^", "2"]


def test_the_longest_piece_is_taken():
    known = {"[UNK]": 0, "be": 1, "bear": 2, "##d": 3, "##ard": 4, "##ed": 5}
    assert pieces("beard bearded be", known) == [2, 3, 2, 3, 5, 1]
    assert pieces("bees", known) == [0]
    assert pieces("b" * 101, {**known, "b": 6, "##b": 7}) == [0]


def test_a_vocabulary_has_its_signs():
    with pytest.raises(InterpganError, match=r"x\.txt is no vocabulary of BERT: it has no piece \[CLS\]"):
        read_vocabulary("[UNK]\na\n[SEP]", "x.txt")
    assert read_vocabulary("[CLS]\n[SEP]\n[UNK]\na", "x.txt")["a"] == 3


def test_bert_is_what_torch_makes_of_the_same_weights():
    own = reader().net
    rows = torch.tensor([[2, 4, 6, 9, 3], [2, 7, 3, 0, 0]])
    there = rows > 0
    x = own.norm(own.words(rows) + own.places.weight[:5] + own.kinds.weight[0])
    for block in own.blocks:
        layer = nn.TransformerEncoderLayer(64, 2, 128, 0.0, "gelu", 1e-12, batch_first=True)
        state = {
            f"self_attn.in_proj_{kind}": torch.cat(
                [getattr(getattr(block, name), kind) for name in ("query", "key", "value")]
            )
            for kind in ("weight", "bias")
        }
        names = {"self_attn.out_proj": "attended", "linear1": "wide", "linear2": "narrow", "norm1": "norm"}
        for theirs, ours in {**names, "norm2": "last"}.items():
            state |= {f"{theirs}.{k}": t for k, t in getattr(block, ours).state_dict().items()}
        layer.load_state_dict(state)
        x = layer.train()(x, src_key_padding_mask=~there)
    torch.testing.assert_close(own(rows, there)[there], x[there], rtol=1e-5, atol=1e-5)


def hugging_face(state):
    """The state dict of our BERT with Hugging Face's names."""
    found = {"embeddings.position_ids": torch.arange(128)[None], "pooler.dense.weight": torch.ones(2, 2)}
    parts = {"query": "attention.self.query", "key": "attention.self.key", "value": "attention.self.value"}
    parts |= {"attended": "attention.output.dense", "norm": "attention.output.LayerNorm"}
    parts |= {"wide": "intermediate.dense", "narrow": "output.dense", "last": "output.LayerNorm"}
    first = {"words": "word_embeddings", "places": "position_embeddings", "kinds": "token_type_embeddings"}
    for name, tensor in state.items():
        part, _, rest = name.partition(".")
        if part == "blocks":
            number, of, kind = rest.split(".")
            found[f"encoder.layer.{number}.{parts[of]}.{kind}"] = tensor
        else:
            found[f"embeddings.{first.get(part, 'LayerNorm')}.{rest}"] = tensor
    return found


def test_a_file_of_bert_is_read_by_its_names_and_shapes():
    own = reader().net
    again = of_state(hugging_face(own.state_dict()), "model.safetensors")
    for name, tensor in own.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor), name


@pytest.mark.parametrize(
    ("name", "tensor", "message"),
    [
        ("embeddings.word_embeddings.weight", None, "is no BERT: it has no words.weight"),
        ("embeddings.word_embeddings.weight", torch.zeros(9, 65), "has 65 channels, which no BERT has"),
        ("encoder.layer.1.output.dense.bias", None, r"lacks blocks\.1\.narrow\.bias"),
        ("encoder.layer.0.output.dense.bias", torch.zeros(3), r"has shape \(3,\)"),
        ("lm_head.weight", torch.zeros(3), r"has lm_head\.weight"),
    ],
)
def test_a_wrong_file_gets_a_sentence(name, tensor, message):
    state = hugging_face(reader().net.state_dict())
    state.pop(name, None)
    if tensor is not None:
        state[name] = tensor
    with pytest.raises(InterpganError, match=message):
        of_state(state, "model.safetensors")


def test_a_text_does_not_depend_on_its_neighbours():
    own = reader()
    together = sentence(*own.meanings(["a red thing", "a very very blue thing !"]))
    torch.testing.assert_close(together[:1], sentence(*own.meanings(["a red thing"])))


def test_a_head_puts_sentences_where_the_net_has_them(captions, tmp_path):
    head = trained(captions, tmp_path)
    net = LoadSentences(net=NET, head=head).run("cpu")
    assert isinstance(net, TextImageNet)
    assert net.licence.endswith("by sentence-transformers")
    found = net.embed_texts([f"a very {colour} thing" for colour in ("red", "green", "blue")])
    wanted = NET.embed_texts(["red", "green", "blue"])
    assert (found @ wanted.T).argmax(1).tolist() == [0, 1, 2]
    images = torch.rand(2, 3, 8, 8)
    assert torch.equal(net.embed_images(images), NET.embed_images(images))
    assert set(head.figures) == {"captions", "cosine", "the own caption is nearest"}


def test_a_head_is_saved(captions, tmp_path):
    head = trained(captions, tmp_path, steps=3)
    head.save(tmp_path)
    again = SentenceHead.load(tmp_path)
    some = nn.functional.normalize(torch.ones(2, 64), dim=1)
    assert torch.equal(head(some), again(some))
    assert torch.equal(head.known, again.known)
    assert again.summary().tables[0].rows
    (tmp_path / "sentences.safetensors").write_bytes(b"hello")
    with pytest.raises(InterpganError, match=r"sentences\.safetensors"):
        SentenceHead.load(tmp_path)


def test_a_training_that_was_stopped_goes_on(captions, tmp_path, monkeypatch):
    monkeypatch.setattr("interpgan_text.work._SAVE_SECONDS", 0.0)
    whole = trained(captions, tmp_path / "whole", steps=6)
    step = TrainSentences(net=NET, captions=captions, steps=6, width=32)
    with pytest.raises(Stopped):
        run_operator(step, tmp_path / "parts", stop_after(3, "training"))
    gone_on = run_operator(step, tmp_path / "parts")
    for name, tensor in whole.net.state_dict().items():
        assert torch.equal(tensor, gone_on.net.state_dict()[name]), name


def test_known_sentences_lie_far_apart():
    some = nn.functional.normalize(torch.tensor([[1, 0.0], [1, 0.1], [0, 1], [1, 1], [-1, 0]]), dim=1)
    torch.testing.assert_close(spread(some, 3), some[[0, 4, 2]].half().float())
    assert len(spread(some, 99)) == 5


def test_what_is_unlike_all_captions_gets_a_remark(captions, tmp_path):
    head = trained(captions, tmp_path, steps=3)
    opposite = SentenceHead(head.net, -head.known, head.probe, head.of)
    with pytest.warns(Remark, match="'a red thing' is unlike all captions .* it reads English about faces"):
        SentenceNet(NET, reader(), opposite).embed_texts(["a red thing"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no words; write some"),
        (" ?! ", "has no words; write some"),
        ("red " * 200, "is 200 pieces of words long, and MiniLM reads 126; write less: 'red red"),
        ("a red 😀", "MiniLM does not know '😀'; it reads English: say it in English words"),
        ("красный", "MiniLM does not know 'красныи'; it reads English"),
    ],
)
def test_a_text_that_it_cannot_read(text, message):
    with pytest.raises(InterpganError, match=message):
        reader().meanings([text])


class Wide(Colours):
    name = "wide"

    def embed_images(self, images):
        return torch.cat([super().embed_images(images)] * 2, 1)


def test_what_else_is_refused(captions, tmp_path):
    head = trained(captions, tmp_path, steps=3)
    with pytest.raises(InterpganError, match=r"have 4 numbers, .* of wide have 8; train one by text\.train"):
        LoadSentences(net=Wide(), head=head).check()
    with pytest.raises(
        InterpganError, match=r"no head comes with colours \(only with avatars\.text\); train one"
    ):
        shipped_head(NET)
    with pytest.raises(InterpganError, match="colours cannot make captions itself; give a text file of them"):
        TrainSentences(net=NET).check()
    captions.write_text("one\ntwo\n")
    with pytest.raises(InterpganError, match=r"captions\.txt has 2 captions; give 20 at least"):
        TrainSentences(net=NET, captions=captions).check()
    captions.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InterpganError, match="is no text file of captions, one a line"):
        TrainSentences(net=NET, captions=captions).check()
    assert len(probe(NET)) == 4


def test_a_wrong_step_gets_a_sentence(tmp_path):
    start = "interpgan: 1\nsteps:\n  - {use: avatars.text, id: net}\n"
    for step, message in {
        "{use: text.sentences, net: $net, head: $net}": "$net is a AvatarText, not a SentenceHead",
        "{use: text.train-sentences, net: $net, captions: none.txt}": "there is no file none.txt",
        "{use: text.train-sentences, net: $net, count: 3}": "'count' of text.train-sentences must be",
    }.items():
        assert message in recipe_error(f"{start}  - {step}\n", tmp_path)
