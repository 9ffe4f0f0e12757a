"""The published MiniLM, and the head that comes with the plugin, on words that avatars.text does not know."""

import pytest
import torch

from interpgan_core import InterpganError, Remark, load_generator, quiet
from interpgan_text.head import shipped_files, shipped_head
from interpgan_text.minilm import MiniLM, sentence
from interpgan_text.net import of_images, toward
from interpgan_text.sentences import LoadSentences
from interpgan_text.train_sentences import TrainSentences

pytestmark = pytest.mark.network


@pytest.fixture(scope="module")
def minilm():
    return MiniLM.fetched()


@pytest.fixture(scope="module")
def avatars():
    pytest.importorskip("interpgan_avatars")
    from interpgan_avatars.text import AvatarText

    return AvatarText.shipped()


@pytest.fixture(scope="module")
def net(avatars):
    return LoadSentences(net=avatars).run("cpu")


@pytest.fixture(scope="module")
def seen(net):
    """Embeddings of 200 samples, and what the scorer sees of them."""
    from interpgan_avatars.scorer import AvatarScorer

    generator, scorer = load_generator("avatars.stylegan2"), AvatarScorer.shipped()
    with torch.no_grad():
        images = generator.images(generator.sample(range(3000, 3200)), 25)
        return of_images(net, images), dict(zip(scorer.names, (scorer(images) > 0.5).T, strict=True))


# Numbers of the tokenizers library for the tokenizer.json of the same package.
TOKENS = {
    "An elderly gentleman with spectacles, bespectacled!": (
        [2019, 9750, 10170, 2007, 21177, 2015, 1010, 2022, 13102, 22471, 18630, 2094, 999]
    ),
    "naïve Café": [15743, 7668],
    "don't": [2123, 1005, 1056],
}


@pytest.mark.parametrize("text", TOKENS)
def test_tokens_are_the_originals(minilm, text):
    assert minilm.tokens(text)[1:-1] == TOKENS[text]


def test_it_means_what_the_published_one_means(minilm):
    """Two sentences whose cosine another implementation gave as 0.87."""
    one, other = sentence(*minilm.meanings(["old man with a beard", "elderly bearded gentleman"]))
    assert float(one @ other) == pytest.approx(0.868, abs=0.002)


@pytest.mark.parametrize(
    ("text", "neutral", "attribute", "yes"),
    [
        ("an elderly person", "a person", "age", True),
        ("a teenager", "a person", "age", False),
        ("a cheerful person", "a person", "smile", True),
        ("a grumpy person", "a person", "smile", False),
        ("a queen", "a monarch", "gender", False),
        ("a person with spectacles", "a person", "eyeglasses", True),
    ],
)
def test_words_that_the_net_was_not_trained_with_are_told(net, seen, avatars, text, neutral, attribute, yes):
    with pytest.raises(InterpganError, match="is none of the"):
        avatars.embed_texts([text])
    along = seen[0] @ toward(net, [text], neutral)[0]
    has = seen[1][attribute] == yes
    assert (along[has][:, None] > along[~has][None]).float().mean() > 0.8


@pytest.mark.parametrize("text", ["eine lächelnde Frau", "en gammal man med glasögon", "how to cook pasta"])
def test_another_language_and_another_matter_get_a_remark(net, text):
    with pytest.warns(Remark, match="it reads English about faces; look at what comes of it"):
        net.embed_texts([text])


def test_the_head_is_small_and_can_be_trained_anew(avatars, tmp_path):
    assert all(path.stat().st_size < 1_000_000 for path in shipped_files())
    shipped = shipped_head(avatars)
    assert shipped.figures["cosine"] > 0.94
    again = TrainSentences(net=avatars, count=40, steps=2).run("cpu", tmp_path, quiet)
    assert again.net.shape == shipped.net.shape
