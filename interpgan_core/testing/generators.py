"""What every generator promises."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING

from interpgan_core.generators.latents import FeatureEdit, LatentBatch
from interpgan_core.generators.networks import fingerprint
from interpgan_core.generators.protocols import HasStyleWeights
from interpgan_core.loading.load_generator import load_generator
from interpgan_core.testing.case import SEEDS, Case, Check

if TYPE_CHECKING:
    from torch import Tensor

    from interpgan_core.generators.generator import Generator

# Of a picture in [-1, 1]: below half a level of 255 even after many layers of float32.
_CLOSE = 1e-3


def weights_are_frozen(case: Case) -> None:
    """The network is in eval mode, and its weights ask for no gradient."""
    module = case.generator.module
    assert not any(m.training for m in module.modules()), "call module.eval()"
    assert not any(p.requires_grad for p in module.parameters()), "call module.requires_grad_(False)"


def has_a_fingerprint(case: Case) -> None:
    """The fingerprint is a word of at least 8 characters."""
    assert isinstance(case.generator.fingerprint, str) and len(case.generator.fingerprint) >= 8


def spaces_are_named_by_their_keys(case: Case) -> None:
    """`spaces` maps each name to the space of that name."""
    assert case.generator.spaces
    for name, space in case.generator.spaces.items():
        assert name == space.name, f"spaces['{name}'] is called '{space.name}'"


def layer_numbers_fit_the_codes(case: Case) -> None:
    """`layer_of` is whole numbers that broadcast to a code; every layer has a mask."""
    for space in case.generator.spaces.values():
        if space.layer_of is not None:
            assert not space.layer_of.is_floating_point()
            assert space.layer_of.expand(space.shape).shape == space.shape
            for layer in space.layer_numbers():
                assert bool(space.mask(str(layer)).any())


def means_fit_the_codes(case: Case) -> None:
    """A mean has the shape of a code, and is finite."""
    for space in case.generator.spaces.values():
        if space.mean is not None:
            assert tuple(space.mean.shape) == tuple(space.shape) and bool(space.mean.isfinite().all())


def bases_exist(case: Case) -> None:
    """A space's base is an earlier space."""
    names = list(case.generator.spaces)
    for i, space in enumerate(case.generator.spaces.values()):
        assert space.base is None or space.base in names[:i], f"{space.name} has base {space.base}"


def seeds_make_codes(case: Case) -> None:
    """`prior` gives float32 codes of the first space, one a seed."""
    space = next(iter(case.generator.spaces.values()))
    codes = case.generator.prior(SEEDS)
    assert tuple(codes.shape) == (len(SEEDS), *space.shape) and str(codes.dtype) == "torch.float32"


def each_seed_makes_its_own_code(case: Case) -> None:
    """A code depends on its own seed, and on nothing else."""
    together = case.generator.prior(SEEDS)
    for i, seed in enumerate(SEEDS):
        assert bool((case.generator.prior([seed])[0] == together[i]).all()), f"seed {seed} differs alone"
    assert not bool((together[0] == together[1]).all()), "two seeds make one code"


def mapping_does_not_depend_on_neighbours(case: Case) -> None:
    """Carried to any later space, a code is the same alone and among others, to the bit."""
    batch = case.batch()
    for name in case.generator.spaces:
        together = case.generator.to_space(batch, name).codes
        assert tuple(together.shape[1:]) == tuple(case.generator.spaces[name].shape)
        for i in range(len(batch)):
            alone = case.generator.to_space(batch[i], name).codes[0]
            assert bool((alone == together[i]).all()), f"sample {i} differs alone in {name}"


def pictures_are_pictures(case: Case) -> None:
    """(n, 3, h, w) float32, finite, and not all of one colour."""
    found = case.generator.images(case.batch(2))
    assert found.ndim == 4 and tuple(found.shape[:2]) == (2, 3) and str(found.dtype) == "torch.float32"
    assert bool(found.isfinite().all()) and float(found.std()) > 0


def two_seeds_two_pictures(case: Case) -> None:
    """Another seed gives another picture."""
    found = case.generator.images(case.batch(2))
    assert float((found[0] - found[1]).abs().max()) > _CLOSE


def same_seed_same_bytes(case: Case) -> None:
    """Rendered twice, a picture is the same to the bit."""
    first, second = (case.generator.images(case.batch(1)) for _ in range(2))
    assert bool((first == second).all())


def every_space_gives_the_same_picture(case: Case) -> None:
    """A code rendered from any space on its way gives the same picture."""
    expected = case.generator.images(case.batch(1))
    for name in case.generator.spaces:
        found = case.generator.images(case.generator.to_space(case.batch(1), name))
        assert _far(found, expected) < _CLOSE, (
            f"from {name} the picture differs by {_far(found, expected):.2g}"
        )


def a_picture_does_not_depend_on_its_neighbours(case: Case) -> None:
    """Rendered in a batch, a picture is the one that it is alone."""
    batch = case.batch(3)
    together = case.generator.images(batch, batch_size=3)
    alone = case.generator.images(batch, batch_size=1)
    assert _far(together, alone) < _CLOSE, f"it differs by {_far(together, alone):.2g}"


def every_layer_has_a_feature_map(case: Case) -> None:
    """Each name in `layers` is a submodule with an (n, c, h, w) output."""
    assert case.generator.layers, "a generator names its synthesis layers"
    maps = case.generator.features(case.batch(2), case.generator.layers)
    for name, found in maps.items():
        assert found.ndim == 4 and len(found) == 2, f"{name} gives {tuple(found.shape)}"


def layers_come_in_forward_order(case: Case) -> None:
    """Stopped after a layer, the network has passed all earlier ones: resolutions never shrink."""
    maps = case.generator.features(case.batch(1), case.generator.layers)
    sides = [found.shape[-1] for found in maps.values()]
    assert sides == sorted(sides), f"resolutions in the order of layers: {sides}"


def layer_numbers_are_those_of_the_codes(case: Case) -> None:
    """The codes of a layer's number change its feature map, and none before it."""
    generator, layers = case.generator, list(case.generator.layers)
    for name, space in generator.spaces.items():
        if space.layer_of is None:
            continue
        batch = generator.to_space(case.batch(1), name)
        plain = generator.features(batch, layers)
        for layer in layers:
            number = generator.layer_number(layer)
            if number is None or number not in space.layer_numbers():
                continue
            codes = batch.codes + space.mask(str(number)).to(batch.codes)
            moved = generator.features(replace(batch, codes=codes), layers)
            changed = [there for there in layers if not bool((moved[there] == plain[there]).all())]
            assert changed[:1] == [layer], f"codes {number} of {name} first change {changed[:1]}, not {layer}"


def an_edit_of_weight_zero_changes_nothing(case: Case) -> None:
    """A feature-map edit that leaves everything leaves the picture, to the bit."""
    plain = case.generator.images(case.batch(1))
    for layer in case.generator.layers:
        found = case.generator.images(replace(case.batch(1), edits=(_edit(case, layer, 0.0),)))
        assert bool((found == plain).all()), f"an edit of weight 0 in {layer} changed the picture"


def an_edit_of_a_feature_map_shows(case: Case) -> None:
    """Switching all units of any layer off changes the picture."""
    plain = case.generator.images(case.batch(1))
    for layer in case.generator.layers:
        found = case.generator.images(replace(case.batch(1), edits=(_edit(case, layer, 1.0),)))
        assert _far(found, plain) > _CLOSE, f"an edit of {layer} had no effect on the picture"


def gradients_reach_the_codes(case: Case) -> None:
    """A picture can be differentiated by its code, as inversion does."""
    assert float(_slope(case.generator, case.batch(1)).abs().sum()) > 0


def rendering_leaves_the_weights_alone(case: Case) -> None:
    """No state changes from picture to picture."""
    before = fingerprint(case.generator.module)
    case.generator.images(case.batch(2))
    assert before == fingerprint(case.generator.module)


def saved_it_stays_the_same(case: Case) -> None:
    """Where a generator can be saved, its file makes the same one again: fingerprint, pictures and licence."""
    if not case.generator.can_be_saved:
        return
    own, again = _saved(case)
    assert again.fingerprint == own.fingerprint, "`restore` makes another generator than `saved` said"
    assert again.licence == own.licence, f"the licence '{own.licence}' became '{again.licence}'"
    batch = case.batch(1)
    assert _far(again.images(batch), own.images(batch)) < _CLOSE, "what `restore` makes draws other pictures"


def drawing_changes_no_gradient(case: Case) -> None:
    """Differentiated, a generator that has drawn gives the numbers of one that has not, to the bit."""
    if not case.generator.can_be_saved:
        return
    _, fresh = _saved(case)
    batch = fresh.sample(SEEDS[:1])
    before = _slope(fresh, batch)
    fresh.images(batch)
    after = _slope(fresh, batch)
    assert bool((before == after).all()), f"gradients differ by {_far(before, after):.2g} once it has drawn"


def style_weights_fit_the_codes(case: Case) -> None:
    """Where there are style weights, each layer's has one column an entry of a code."""
    if not isinstance(case.generator, HasStyleWeights):
        return
    layered = [s for s in case.generator.spaces.values() if s.base is not None and s.layer_of is not None]
    for space in layered:
        for layer in space.layer_numbers():
            found = case.generator.style_weight(space.name, layer)
            assert found.ndim == 2 and found.shape[1] == space.shape[-1], f"{layer}: {tuple(found.shape)}"


def _edit(case: Case, layer: str, weight: float) -> FeatureEdit:
    import torch

    units = case.generator.features(case.batch(1), [layer])[layer].shape[1]
    return FeatureEdit(
        layer, tuple(range(units)), torch.zeros(1, units, 1, 1), torch.full((1, 1, 1, 1), weight)
    )


def _saved(case: Case) -> tuple[Generator, Generator]:
    """The generator with a licence, as files need one; and another, loaded from its file."""
    own = copy.copy(case.generator)
    own.licence = own.licence or "the terms of this test"
    own.save(case.folder)
    return own, load_generator(case.folder / "generator.safetensors")


def _slope(generator: Generator, batch: LatentBatch) -> Tensor:
    """Of the mean square of the pictures, by the codes."""
    codes = batch.codes.clone().requires_grad_(True)
    generator.images(replace(batch, codes=codes)).square().mean().backward()
    assert codes.grad is not None, "the pictures cannot be differentiated by their codes"
    return codes.grad


def _far(a: Tensor, b: Tensor) -> float:
    return float((a - b).abs().max())


GENERATOR_CHECKS: tuple[Check, ...] = (
    weights_are_frozen,
    has_a_fingerprint,
    spaces_are_named_by_their_keys,
    layer_numbers_fit_the_codes,
    means_fit_the_codes,
    bases_exist,
    seeds_make_codes,
    each_seed_makes_its_own_code,
    mapping_does_not_depend_on_neighbours,
    pictures_are_pictures,
    two_seeds_two_pictures,
    same_seed_same_bytes,
    every_space_gives_the_same_picture,
    a_picture_does_not_depend_on_its_neighbours,
    every_layer_has_a_feature_map,
    layers_come_in_forward_order,
    layer_numbers_are_those_of_the_codes,
    an_edit_of_weight_zero_changes_nothing,
    an_edit_of_a_feature_map_shows,
    gradients_reach_the_codes,
    rendering_leaves_the_weights_alone,
    saved_it_stays_the_same,
    drawing_changes_no_gradient,
    style_weights_fit_the_codes,
)
