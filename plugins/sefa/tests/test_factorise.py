"""SeFa: its directions, against the singular value decomposition."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from interpgan_core import Generator, InterpganError, LatentSpace
from interpgan_core.testing import conformance, recipe_error, toy
from interpgan_sefa.factorise import FindSemantics, factorise

test_all_layers = conformance(FindSemantics(), toy)
test_a_range_of_layers = conformance(FindSemantics(layers="1-3", count=4, normalize=False), toy)


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


def split_code():
    """A generator whose z is split among two layers, eight numbers each, as BigGAN's is."""
    generator = toy()
    layer_of = torch.arange(16) // 8
    generator.spaces = {"z": LatentSpace("z", (16,), layer_of)}
    drawn = torch.randn(20, 16, generator=torch.Generator().manual_seed(0))
    generator.style_weight = lambda space, layer: drawn * (layer_of == layer)
    return generator


@pytest.mark.parametrize(("make", "space"), [(toy, "w"), (split_code, "z")])
@pytest.mark.parametrize("count", [3, 30])
def test_the_directions_are_those_that_were_announced(make, space, count):
    step = FindSemantics(count=count)
    announced, found = step.check(make()), step.run(make())
    assert list(announced) == list(found) == [str(i) for i in range(min(count, 16))]
    assert {d.space for d in announced.values()} == {d.space for d in found.values()} == {space}


def test_of_a_split_code_only_the_part_of_the_layers_moves():
    found = FindSemantics(layers="1").run(split_code())
    assert len(found) == 8
    assert all(bool((d.vector[:8] == 0).all()) for d in found.values())


def test_rows_count_the_same_by_default_and_a_row_of_zeros_not_at_all():
    """The sum of the eigenvalues is that of the squared rows: 1 for each, as in section 3 of the paper."""
    weights = 7 * torch.randn(9, 5, generator=torch.Generator().manual_seed(0))
    assert float(factorise(weights)[0].sum()) == pytest.approx(9)
    weights[4] = 0
    assert float(factorise(weights)[0].sum()) == pytest.approx(8)
    assert float(factorise(weights, normalize=False)[0].sum()) == pytest.approx(float(weights.square().sum()))


def test_the_defaults():
    step = FindSemantics()
    assert (step.layers, step.count, step.normalize) == ("all", 20, True)
    assert FindSemantics(count=1).count == 1


@pytest.mark.parametrize("wrong", [{"count": 0}, {"count": "3"}, {"normalize": "yes"}, {"normalize": 1}])
def test_wrong_parameters(wrong):
    with pytest.raises(ValidationError):
        FindSemantics(**wrong)


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


@settings(max_examples=20, deadline=None)
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
