"""The losses by hand, and the numbers of the papers that the training keeps."""

import inspect
import math

import pytest
import torch
from pydantic import TypeAdapter

from interpgan_training import augment, trainer
from interpgan_training.losses import (
    discriminator_loss,
    generator_loss,
    gradient_penalty,
    orthogonality,
    path_length,
    r1_penalty,
)
from interpgan_training.settings import Architecture
from interpgan_training.trainer import Settings, Trainer, family_of

REAL, FAKE = torch.tensor([2.0, -1.0]), torch.tensor([0.5, 3.0])


def softplus(x):
    return math.log1p(math.exp(x))


def drawn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_the_logistic_loss():
    expected = (softplus(0.5) + softplus(3)) / 2 + (softplus(-2) + softplus(1)) / 2
    assert float(discriminator_loss("logistic", REAL, FAKE)) == pytest.approx(expected, rel=1e-6)
    assert float(generator_loss("logistic", FAKE)) == pytest.approx(
        (softplus(-0.5) + softplus(-3)) / 2, rel=1e-6
    )


def test_the_hinge_loss():
    """Of 1 + fake and 1 - real what is above 0: one fake of -3 costs nothing, and a real one of 2 neither."""
    found = discriminator_loss("hinge", REAL, torch.tensor([-3.0, 0.5]))
    assert float(found) == pytest.approx((0 + 1.5) / 2 + (0 + 2) / 2)
    assert float(generator_loss("hinge", FAKE)) == -1.75


def test_the_wasserstein_loss_has_a_small_term_that_keeps_logits_near_0():
    """Karras et al., ICLR 2018, appendix A.1: 0.001 times the mean square of the logits of real pictures."""
    found = discriminator_loss("wasserstein", 1000 * REAL, FAKE)
    assert float(found) == pytest.approx(1.75 - 500 + 0.001 * 2_500_000, rel=1e-6)
    assert float(generator_loss("wasserstein", FAKE)) == -1.75


def test_r1_is_half_the_mean_squared_gradient():
    """Mescheder et al., equation 9, with γ = 1: the logit of a picture is its product with w, its gradient w."""
    w, pictures = drawn(3, 4, 5), drawn(6, 3, 4, 5, seed=1)
    found = r1_penalty(lambda x: (x * w).sum((1, 2, 3)), pictures)
    torch.testing.assert_close(found, w.square().sum() / 2)
    found = r1_penalty(lambda x: x.square().sum((1, 2, 3)), pictures)
    torch.testing.assert_close(found, (2 * pictures).square().sum((1, 2, 3)).mean() / 2)


def test_the_gradient_penalty_is_the_squared_difference_of_its_length_from_1():
    """Gulrajani et al., equation 3; each sample has a point of its own between real and fake."""
    w, real, fake = drawn(3, 4, 5), drawn(6, 3, 4, 5, seed=1), drawn(6, 3, 4, 5, seed=2)
    found = gradient_penalty(lambda x: (x * w).sum((1, 2, 3)), real, fake, torch.Generator().manual_seed(0))
    torch.testing.assert_close(found, (w.norm() - 1).square())
    share = torch.rand(6, 1, 1, 1, generator=torch.Generator().manual_seed(0))
    between = real + share * (fake - real)
    found = gradient_penalty(
        lambda x: x.square().sum((1, 2, 3)) / 2, real, fake, torch.Generator().manual_seed(0)
    )
    torch.testing.assert_close(found, (between.flatten(1).norm(dim=1) - 1).square().mean())


def test_the_length_of_a_path():
    """StyleGAN 2, section 3.2: of J transposed times noise of deviation 1 over the root of the pixels, a layer each."""
    matrix, codes = drawn(3 * 4 * 5, 2 * 7), drawn(6, 2, 7, seed=1).requires_grad_()
    pictures = (codes.flatten(1) @ matrix.T).view(6, 3, 4, 5)
    noise = torch.randn(6, 3, 4, 5, generator=torch.Generator().manual_seed(3)) / 20**0.5
    expected = (noise.flatten(1) @ matrix).view(6, 2, 7).square().sum(2).mean(1).sqrt()
    torch.testing.assert_close(path_length(pictures, codes, torch.Generator().manual_seed(3)), expected)


def test_penalties_are_learnt_from():
    """They have gradients for the network, through the gradients that they are made of."""
    w, pictures = drawn(3, 4, 5).requires_grad_(), drawn(6, 3, 4, 5, seed=1)

    def logits(x):
        return (x * w).sum((1, 2, 3))

    (slope,) = torch.autograd.grad(r1_penalty(logits, pictures), w)
    torch.testing.assert_close(slope, w.detach())
    penalty = gradient_penalty(logits, pictures, -pictures, torch.Generator().manual_seed(0))
    (slope,) = torch.autograd.grad(penalty, w)
    torch.testing.assert_close(slope, (2 * (w.norm() - 1) * w / w.norm()).detach())
    codes, matrix = drawn(1, 1, 7).requires_grad_(), drawn(20, 7, seed=1).requires_grad_()
    length = path_length((codes @ matrix.T).view(1, 1, 4, 5), codes, torch.Generator().manual_seed(3))
    (slope,) = torch.autograd.grad(length.sum(), matrix)
    torch.testing.assert_close((slope * matrix).sum(), length[0])  # lengths grow as the matrix does


def test_orthogonality_leaves_lengths_free():
    """BigGAN, equation 3: of products of different filters alone, each pair twice."""
    weight = torch.tensor([[3.0, 0.0, 1.0], [1.0, 2.0, 0.0]]).view(2, 3, 1, 1)
    assert float(orthogonality([weight, 2 * weight])) == 2 * 3**2 + 2 * 12**2
    assert float(orthogonality([torch.diag(torch.tensor([5.0, 0.1, 7.0]))])) == 0


def test_the_average_of_the_weights_keeps_most_of_itself(data):
    """It forgets half of itself in ema_kimg, at the start in a twentieth of what was seen."""
    settings = TypeAdapter(Architecture).validate_python({"family": "pggan", "widths": [8, 8, 8], "z": 8})
    for ema_kimg, steps in ((0.0002, 1), (10.0, 3)):
        made = Trainer(family_of(settings), Settings(batch_size=8, ema_kimg=ema_kimg), data)
        for _ in range(steps):
            before = [p.clone() for p in made.average.parameters()]
            made.advance()
        half = min(1000 * ema_kimg, 0.05 * 8 * steps)
        keep = 0.5 ** (8 / half)
        for old, now, new in zip(before, made.average.parameters(), made.generator.parameters(), strict=True):
            torch.testing.assert_close(now, keep * old + (1 - keep) * new)


def test_numbers_of_the_papers():
    assert trainer.PENALTY == 10  # Gulrajani et al., section 4, λ
    made = {
        name: TypeAdapter(Architecture).validate_python({"family": name})
        for name in ("stylegan2", "pggan", "biggan")
    }
    assert {one.r1_interval for one in made.values()} == {16}  # StyleGAN 2, appendix B
    stylegan2, pggan, biggan = made.values()
    assert stylegan2.path_interval == 4  # StyleGAN 2, appendix B: lazy path regularisation
    assert stylegan2.mixing == 0.9  # StyleGAN, appendix C
    assert (stylegan2.loss, stylegan2.r1) == ("logistic", 1.0)
    assert stylegan2.betas == (0.0, 0.99) == pggan.betas  # StyleGAN, appendix C; PGGAN, appendix A.1
    assert pggan.group == 4  # StyleGAN 2, appendix B: the minibatch standard deviation of PGGAN, in groups
    assert (
        biggan.loss == "hinge" and biggan.discriminator_rate == 2 * biggan.generator_rate
    )  # BigGAN, appendix C
    given = inspect.signature(augment.adapt).parameters
    assert (given["target"].default, given["kimg"].default) == (0.6, 500)  # ADA, section 3
