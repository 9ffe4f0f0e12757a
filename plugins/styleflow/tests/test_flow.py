"""The flow: its inverse, its likelihood, and how it begins, in closed form."""

import math

import pytest
import torch
from torch import nn

from interpgan_core import seeded_normal
from interpgan_styleflow.flow import Coupling, Flow, Reader, read_loss, started

SIZE, COUNT = 5, 2


def filled(module):
    """Every weight another number: nothing is the identity."""
    with torch.no_grad():
        for i, parameter in enumerate(module.parameters()):
            parameter.copy_(seeded_normal([i], parameter.shape)[0] * 0.5)
    return module.double()


@pytest.fixture
def flow():
    """Three couplings of five numbers, on axes of its own."""
    made = filled(Flow(SIZE, COUNT, width=4, couplings=3))
    made.mean.copy_(torch.arange(5.0))
    made.axes.copy_(torch.linalg.qr(seeded_normal([9], (SIZE, SIZE))[0].double()).Q)
    made.scales.copy_(torch.tensor([0.5, 1.0, 2.0, 3.0, 0.1]))
    made.orders.copy_(torch.tensor([[4, 2, 0, 1, 3], [0, 3, 4, 2, 1], [2, 1, 3, 0, 4]]))
    return made.requires_grad_(False)


CODES, ATTRIBUTES = (
    seeded_normal(range(7), (SIZE,)).double() + 1,
    seeded_normal(range(7), (COUNT,), 1).double(),
)


def test_the_way_back_is_exact(flow):
    normal, _ = flow(CODES, ATTRIBUTES)
    torch.testing.assert_close(flow.back(normal, ATTRIBUTES), CODES)
    assert not torch.allclose(flow.back(normal, ATTRIBUTES + 0.1), CODES, atol=0.01)


def test_the_determinant_is_that_of_the_derivative(flow):
    """But for the constant one of whitening."""
    _, grown = flow(CODES, ATTRIBUTES)
    for i in range(2):
        jacobian = torch.autograd.functional.jacobian(
            lambda x, i=i: flow(x[None], ATTRIBUTES[[i]])[0][0], CODES[i]
        )
        expected = torch.linalg.slogdet(jacobian).logabsdet + flow.scales.log().sum()
        assert float(grown[i]) == pytest.approx(float(expected))


def test_the_loss_is_the_likelihood_of_a_normal_distribution(flow):
    """A number of a code; but for the constant of the normal distribution."""
    normal, grown = flow(CODES, ATTRIBUTES)
    likelihood = torch.distributions.Normal(0, 1).log_prob(normal.double()).sum(1) + grown
    expected = -likelihood / SIZE - 0.5 * math.log(2 * math.pi)
    torch.testing.assert_close(flow.loss(CODES, ATTRIBUTES), expected)


def test_white_is_in_deviations_along_the_axes(flow):
    """From the mean by an axis' length in deviations."""
    codes = flow.mean + 3 * flow.scales[:, None] * flow.axes.T
    torch.testing.assert_close(flow.white(codes), 3 * torch.eye(SIZE).double())


def test_a_shift_of_the_attributes_moves_what_is_white(flow):
    """Without couplings: more of an attribute is less in normal numbers by its column."""
    bare = Flow(SIZE, COUNT, 4, couplings=0)
    bare.linear = flow.linear
    normal, grown = bare.double()(CODES, ATTRIBUTES)
    torch.testing.assert_close(normal, CODES - ATTRIBUTES @ flow.linear.weight.T)
    assert grown.tolist() == [0] * 7


def test_no_attribute_is_the_mean():
    assert Flow(SIZE, COUNT, 4, 1).linear.bias is None


@pytest.fixture
def coupling():
    """The last layer says: logarithms of scales 0.3, -0.2 and 100, shifts 1, 2 and 3."""
    made = Coupling(SIZE, COUNT, 4).double()
    nn.init.zeros_(made.net[-1].weight)
    made.net[-1].bias.data = torch.tensor([0.3, -0.2, 100.0, 1.0, 2.0, 3.0]).double()
    return made.requires_grad_(False)


def test_a_coupling_scales_and_shifts_the_second_half(coupling):
    """By e to a logarithm that is bent below 1.5."""
    x = torch.ones(2, SIZE).double()
    found, grown = coupling(x, ATTRIBUTES[:2])
    scales = torch.tensor([1.5 * math.tanh(0.2), 1.5 * math.tanh(-0.2 / 1.5), 1.5]).double()
    expected = torch.cat([torch.ones(2).double(), scales.exp() + torch.tensor([1, 2, 3])])
    torch.testing.assert_close(found, expected.expand(2, -1))
    torch.testing.assert_close(grown, scales.sum().expand(2))
    torch.testing.assert_close(coupling.back(found, ATTRIBUTES[:2]), x)


def test_a_coupling_begins_as_the_identity():
    x = CODES.float()
    found, grown = Coupling(SIZE, COUNT, 4)(x, ATTRIBUTES.float())
    assert torch.equal(found, x) and grown.tolist() == [0] * 7


def test_a_coupling_sees_the_attributes_and_the_first_half_alone():
    made = filled(Coupling(SIZE, COUNT, 4))
    found, _ = made(CODES, ATTRIBUTES)
    other, _ = made(CODES, ATTRIBUTES + 1)
    assert torch.equal(found[:, :2], CODES[:, :2]) and not torch.allclose(found[:, 2:], other[:, 2:])


def test_a_reader_begins_as_a_linear_function():
    reader = Reader(SIZE, COUNT, 4).double()
    torch.testing.assert_close(reader(CODES), reader.linear(CODES))
    last = reader.more[-1]
    nn.init.ones_(last.bias)
    torch.testing.assert_close(reader(CODES), reader.linear(CODES) + 1)


def test_the_reader_sees_white_codes(flow):
    expected = flow.reader(flow.white(CODES))
    torch.testing.assert_close(flow.read(CODES), expected)
    assert float(read_loss(flow, CODES, expected + 2)) == pytest.approx(4)


MANY = seeded_normal(range(400), (SIZE,)).double() * torch.tensor([3.0, 1.0, 0.5, 2.0, 1e-6]) + 5
MANY_ATTRIBUTES = seeded_normal(range(400), (COUNT,), 1).double()
MANY_ATTRIBUTES = MANY_ATTRIBUTES + MANY[:, :2] - 5
MANY_ATTRIBUTES = (MANY_ATTRIBUTES - MANY_ATTRIBUTES.mean(0)) / MANY_ATTRIBUTES.std(0, correction=0)


@pytest.fixture(scope="module")
def begun():
    return started(MANY, MANY_ATTRIBUTES, width=4, couplings=2, seed=0).double().requires_grad_(False)


def test_it_begins_with_white_codes(begun):
    """Of mean 0 and variance 1; what varies less than a hundredth of the largest deviation is not made larger."""
    white = begun.white(MANY)
    assert float(white.mean(0).abs().max()) < 1e-3
    deviations = white.std(0, correction=0)
    assert deviations[1:].tolist() == pytest.approx([1] * 4, rel=1e-4) and float(deviations[0]) < 1e-3
    assert float(begun.scales[0] / begun.scales[-1]) == pytest.approx(0.01)
    covariance = white.T @ white / 400
    assert float((covariance - covariance.diag().diag()).abs().max()) < 1e-4


def test_the_mean_of_a_code_given_attributes_is_a_ridge_regression(begun):
    """Of a thousandth of the codes: as if of each attribute a little more were known, and nothing of the code."""
    white = begun.white(MANY)
    known = torch.cat([MANY_ATTRIBUTES, (0.001 * 400) ** 0.5 * torch.eye(COUNT)])
    answers = torch.cat([white, torch.zeros(COUNT, SIZE)])
    expected = torch.linalg.lstsq(known, answers).solution.T
    torch.testing.assert_close(begun.linear.weight, expected, atol=1e-5, rtol=1e-5)


def test_the_reader_begins_as_a_ridge_regression(begun):
    """Of a tenth of a code for each number of a code."""
    white = torch.cat([begun.white(MANY), (0.1 * SIZE) ** 0.5 * torch.eye(SIZE)])
    answers = torch.cat([MANY_ATTRIBUTES, torch.zeros(SIZE, COUNT)])
    expected = torch.linalg.lstsq(white, answers).solution.T
    torch.testing.assert_close(begun.reader.linear.weight, expected, atol=1e-5, rtol=1e-5)
    assert begun.reader.linear.bias.tolist() == [0, 0]


def test_each_coupling_keeps_other_numbers(begun):
    assert [sorted(order) for order in begun.orders.tolist()] == [list(range(SIZE))] * 2
    assert begun.orders[0].tolist() != begun.orders[1].tolist()
    assert started(MANY, MANY_ATTRIBUTES, 4, 0, seed=0).orders.shape == (0, SIZE)


def test_it_begins_as_the_same_model_from_a_seed(begun):
    before = torch.get_rng_state()
    again, other = (started(MANY, MANY_ATTRIBUTES, 4, 2, seed).double().state_dict() for seed in (0, 1))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(tensor, again[name]) for name, tensor in begun.state_dict().items())
    assert not torch.equal(other["couplings.0.net.0.weight"], again["couplings.0.net.0.weight"])
