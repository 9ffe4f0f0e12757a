"""The directions that come with the plugin, and the space that they are of."""

import pytest
import torch

from interpgan_core import InterpganError, Shift, load_generator, score_images
from interpgan_core.testing import toy
from interpgan_faces.directions import LoadDirections
from interpgan_faces.space import mean_of_w

NAMES = ["age", "gender", "smile", "pose", "glasses"]
UP = {"age": 3.0, "gender": 3.0, "smile": 2.0, "pose": 2.0, "glasses": 4.0}


def test_another_generator_is_refused():
    with pytest.raises(
        InterpganError, match=r"faces\.directions knows StyleGAN 2 of FFHQ alone.*mobilestylegan\.ffhq"
    ):
        LoadDirections().run(toy())


@pytest.fixture(scope="module")
def ffhq():
    return load_generator("mobilestylegan.ffhq", resolution=512)


@pytest.mark.network
class TestFFHQ:
    def test_the_mean_is_the_generators(self, ffhq):
        assert torch.allclose(mean_of_w(ffhq, "this"), ffhq.spaces["w"].mean)

    def test_alone_they_share_nothing(self, ffhq):
        plain, alone = LoadDirections().run(ffhq), LoadDirections(alone=True).run(ffhq)
        assert list(plain) == list(alone) == NAMES
        vectors = torch.stack([d.vector for d in plain.values()])
        for i, direction in enumerate(alone.values()):
            others = torch.cat([vectors[:i], vectors[i + 1 :]])
            assert (others @ direction.vector).abs().max() < 1e-4 < abs(float(vectors[i] @ direction.vector))

    def test_scores_follow_the_edit(self, ffhq, scorer):
        """On samples that no direction was found with."""
        batch = ffhq.to_space(ffhq.sample(range(6)), "w")
        directions = LoadDirections().run(ffhq)
        for i, name in enumerate(NAMES):
            low, high = (
                score_images(
                    scorer, ffhq.images(Shift(direction=directions[name], strength=s).run(batch, ffhq), 2)
                )
                for s in (-UP[name], UP[name])
            )
            assert ((high - low)[:, i] > 0).all(), name
