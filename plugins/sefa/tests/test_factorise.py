"""SeFa: its directions, against the singular value decomposition."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from interpgan_core import Generator, InterpganError, LatentSpace
from interpgan_core.testing import conformance, recipe_error, toy
from interpgan_sefa.factorise import FindSemantics, factorise

test_all_layers = conformance(FindSemantics(), toy)
test_a_range_of_layers = conformance(FindSemantics(layers="1-3", count=4, normalize=False), toy)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 60), st.integers(2, 40), st.integers(0, 2**31), st.booleans())
def test_equals_the_singular_value_decomposition(rows, size, seed, normalize):
    weights = torch.randn(rows, size, generator=torch.Generator().manual_seed(seed))
    values, vectors = factorise(weights, normalize)
    a = weights.double()
    a = torch.nn.functional.normalize(a, dim=1) if normalize else a
    singular = torch.linalg.svdvals(a)
    expected = torch.zeros(size, dtype=torch.float64)
    expected[: len(singular)] = singular**2
    torch.testing.assert_close(values, expected, rtol=1e-5, atol=1e-9 * float(expected[0]))
    torch.testing.assert_close(vectors @ vectors.T, torch.eye(size, dtype=torch.float64))
    products = (a @ vectors.T).T @ (a @ vectors.T)
    torch.testing.assert_close(products, products.diag().diag(), rtol=0, atol=1e-9 * float(expected[0]))


def test_eigenvalues_descend_and_the_largest_entry_is_positive():
    found = FindSemantics(count=16).run(toy())
    values = [d.notes["eigenvalue"] for d in found.values()]
    assert values == sorted(values, reverse=True)
    assert all(d.vector[d.vector.abs().argmax()] > 0 for d in found.values())


def test_the_sign_does_not_depend_on_the_solver():
    weights = torch.randn(50, 8, generator=torch.Generator().manual_seed(1))
    _, vectors = factorise(weights)
    _, of_reversed_rows = factorise(-weights.flip(0))
    torch.testing.assert_close(vectors, of_reversed_rows)


def test_the_first_direction_moves_the_styles_most():
    """No other unit direction changes the normalised styles of the chosen layers as much."""
    generator = toy()
    first = FindSemantics(layers="2-3").run(generator)["0"].vector.float()
    a = torch.nn.functional.normalize(torch.cat([generator.style_weight("w", n) for n in (2, 3)]), dim=1)
    others = torch.nn.functional.normalize(torch.randn(2000, 16), dim=1)
    assert (a @ first).norm() >= (a @ others.T).norm(dim=0).max()


def test_the_range_found_is_the_default_range_of_an_edit():
    found = FindSemantics(layers="1-3").run(toy())
    assert found["0"].layers == "1-3"
    assert found["0"].space == "w"
    assert found["0"].generator == toy().fingerprint


def test_layers_that_do_not_exist():
    with pytest.raises(InterpganError, match=r"layers 4-9: this generator has layers 0 to 5"):
        FindSemantics(layers="4-9").run(toy())


class WithoutStyles(Generator):
    """The toy's codes and images, without its style weights."""

    def __init__(self):
        self.toy = toy()
        self.module, self.spaces = self.toy.module, self.toy.spaces

    def prior(self, seeds):
        return self.toy.prior(seeds)

    def map(self, codes, source, target, labels):
        return self.toy.map(codes, source, target, labels)

    def forward(self, batch):
        return self.toy.forward(batch)


def test_a_generator_without_style_weights():
    with pytest.raises(InterpganError, match="offers none"):
        FindSemantics().run(WithoutStyles())


def test_a_generator_without_layers():
    generator = toy()
    generator.spaces = {"z": LatentSpace("z", (16,))}
    with pytest.raises(InterpganError, match="a space with layers"):
        FindSemantics().run(generator)


def test_a_wrong_parameter_in_a_recipe(tmp_path):
    text = "interpgan: 1\nsteps:\n  - {use: generator, weights: toy}\n  - {use: sefa, layer: 0-1}\n"
    assert recipe_error(text, tmp_path) == (
        "recipe.yaml:4:17: sefa has no parameter 'layer'; did you mean 'layers'?\n"
        "      - {use: sefa, layer: 0-1}\n"
        "                    ^"
    )
