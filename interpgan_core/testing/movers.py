"""What every mover promises: a direction, or what a plugin has learned."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interpgan_core.errors import InterpganError
from interpgan_core.generators.latents import LatentBatch
from interpgan_core.generators.movers import Mover
from interpgan_core.operators.builtin.along import sigma
from interpgan_core.operators.builtin.shift import Shift
from interpgan_core.testing.case import SEEDS, Case, Check

if TYPE_CHECKING:
    from torch import Tensor

_SIGMAS = (0.5, -1.0, 3.0, -3.0)  # a strength for each of the samples


def its_sigma_is_known(case: Case) -> None:
    """How much strength is a standard deviation is a finite number above 0, so that `unit: sigma` works."""
    for name, mover in _movers(case).items():
        found = sigma(mover, case.generator)
        assert 0 < found < float("inf"), f"sigma of '{name}' is {found}"


def strength_0_changes_nothing(case: Case) -> None:
    """Moved by 0, codes are the same to the bit."""
    for name, mover in _movers(case).items():
        batch = _batch(case, mover)
        assert bool((_moved(mover, batch, 0 * _strengths(case, mover)) == batch.codes).all()), name


def strengths_give_finite_codes(case: Case) -> None:
    """Up to 3 standard deviations each way codes are finite, and another strength gives another code."""
    for name, mover in _movers(case).items():
        batch = _batch(case, mover)
        found = _moved(mover, batch, _strengths(case, mover))
        assert str(found.dtype) == "torch.float32" and found.shape == batch.codes.shape, name
        assert bool(found.isfinite().all()), f"'{name}' gives codes that are not finite"
        changed = (found != batch.codes).flatten(1).any(1)
        assert bool(changed.any()), f"'{name}' moves nothing"


def a_code_does_not_depend_on_its_neighbours(case: Case) -> None:
    """Alone, among others and in another order, a code is moved alike, to the bit."""
    for name, mover in _movers(case).items():
        batch, strengths = _batch(case, mover), _strengths(case, mover)
        together = _moved(mover, batch, strengths)
        turned = _moved(mover, batch[[3, 2, 1, 0]], strengths.flip(0)).flip(0)
        assert bool((turned == together).all()), f"'{name}': another order gives another result"
        for i in range(len(batch)):
            alone = _moved(mover, batch[i], strengths[i : i + 1])
            assert bool((alone[0] == together[i]).all()), f"'{name}': code {i} differs alone"


def moving_leaves_the_codes_alone(case: Case) -> None:
    """The codes and strengths that come in are not changed, and moved twice a code is the same."""
    for name, mover in _movers(case).items():
        batch, strengths = _batch(case, mover), _strengths(case, mover)
        codes, amounts = batch.codes.clone(), strengths.clone()
        first, second = (_moved(mover, batch, strengths) for _ in range(2))
        same = (batch.codes == codes).all() and (strengths == amounts).all()
        assert bool(same), f"'{name}' changed its input; work on a copy"
        assert bool((first == second).all()), f"'{name}' moves a code another way the second time"


def only_the_layers_asked_for_move(case: Case) -> None:
    """In a space with layers, the codes of the others stay as they are."""
    for name, mover in _movers(case).items():
        for space in case.generator.spaces.values():
            if space.layer_of is None or not space.takes(mover.space):
                continue
            layer = space.layer_numbers()[-1]
            batch = case.generator.to_space(case.batch(), space.name)
            found = mover.moved(batch.codes, _strengths(case, mover), space, str(layer))
            stays = ~space.mask(str(layer))
            assert bool((found == batch.codes)[:, stays].all()), f"'{name}' moves more than layer {layer}"


def saved_it_moves_alike(case: Case) -> None:
    """What is saved and loaded moves codes to the same places."""
    subject = _subject(case)
    folder = case.folder / "saved"
    folder.mkdir(exist_ok=True)
    subject.save(folder)
    again = _by_name(type(subject).load(folder, case.generator))
    for name, mover in _by_name(subject).items():
        batch, strengths = _batch(case, mover), _strengths(case, mover)
        same = _moved(again[name], batch, strengths) == _moved(mover, batch, strengths)
        assert bool(same.all()) and again[name].layers == mover.layers, f"'{name}' was not saved whole"


def another_generator_is_refused(case: Case) -> None:
    """Codes of another generator are refused by a step that moves them."""
    other = copy.copy(case.generator)
    other.fingerprint = "another" + case.generator.fingerprint
    for name, mover in _movers(case).items():
        assert mover.generator, f"'{name}' does not say which generator it was found on"
        try:
            Shift(direction=mover, strength=1.0).run(case.batch(1), other)
        except InterpganError:
            continue
        raise AssertionError(f"'{name}' moved codes of another generator")


def _subject(case: Case) -> Any:
    """The mover or the set: the subject itself, or what it makes."""
    if isinstance(case.subject, Mover | Mapping):
        return case.subject
    Path(case.folder, "run").mkdir(exist_ok=True)
    return case.run()


def _by_name(subject: Any) -> dict[str, Mover]:
    return {"it": subject} if isinstance(subject, Mover) else dict(subject)


def _movers(case: Case) -> dict[str, Mover]:
    found = _by_name(_subject(case))
    assert found, "there is no mover"
    return found


def _batch(case: Case, mover: Mover) -> LatentBatch:
    return case.generator.to_space(case.batch(), case.generator.space_for(mover.space))


def _strengths(case: Case, mover: Mover) -> Tensor:
    import torch

    return torch.tensor(_SIGMAS[: len(SEEDS)]) * sigma(mover, case.generator)


def _moved(mover: Mover, batch: LatentBatch, strengths: Tensor) -> Tensor:
    return mover.moved(batch.codes, strengths, batch.space, "all")


MOVER_CHECKS: tuple[Check, ...] = (
    its_sigma_is_known,
    strength_0_changes_nothing,
    strengths_give_finite_codes,
    a_code_does_not_depend_on_its_neighbours,
    moving_leaves_the_codes_alone,
    only_the_layers_asked_for_move,
    saved_it_moves_alike,
    another_generator_is_refused,
)
