"""What an edit promises beyond that: batches in, batches out, sample by sample."""

from __future__ import annotations

from dataclasses import replace

from interpgan_core.errors import InterpganError
from interpgan_core.generators.latents import FeatureEdit, LatentBatch
from interpgan_core.testing.case import SEEDS, Case, Check


def codes_are_of_this_generator(case: Case) -> None:
    """The result's space is one of the generator's, and its codes are float32."""
    found = _edited(case)
    space = case.generator.spaces.get(found.space.name)
    assert space is not None and space.shape == found.space.shape, f"no such space: {found.space.name}"
    assert str(found.codes.dtype) == "torch.float32", f"codes are {found.codes.dtype}"


def codes_are_finite(case: Case) -> None:
    """No code becomes NaN or infinite."""
    assert bool(_edited(case).codes.isfinite().all())


def every_sample_is_kept(case: Case) -> None:
    """Each sample comes out once, or as often as the grid has copies of it, in its order, with its seed."""
    found = _edited(case)
    copies = found.grid.copies if found.grid else 1
    assert found.seeds is not None, "the seeds were dropped; use dataclasses.replace"
    expected = [seed for seed in SEEDS for _ in range(copies)]
    assert found.seeds.tolist() == expected, f"seeds {list(SEEDS)} became {found.seeds.tolist()}"


def labels_are_kept(case: Case) -> None:
    """The class weights of each sample come out with it."""
    batch, found = case.batch(), _edited(case)
    assert (batch.labels is None) == (found.labels is None), "labels were dropped; use dataclasses.replace"
    if found.labels is not None:
        assert len(found.labels) == len(found), "not every sample has its labels"


def earlier_edits_are_kept(case: Case) -> None:
    """A feature-map edit that waits for rendering stays the first."""
    import torch

    layer = case.generator.layers[0]
    first = FeatureEdit(layer, (0,), torch.zeros(1, 1, 1, 1), torch.ones(1, 1, 1, 1))
    found = _edited(case, replace(case.batch(), edits=(first,)))
    assert found.edits and found.edits[0].layer == layer and getattr(found.edits[0], "units", ()) == (0,), (
        "an earlier edit of a feature map was dropped; append to batch.edits"
    )


def a_sample_does_not_depend_on_its_neighbours(case: Case) -> None:
    """Alone or among others, a sample is edited alike, to the bit."""
    together = _edited(case)
    per = len(together) // len(SEEDS)
    for i in range(len(SEEDS)):
        alone = _edited(case, case.batch()[i])
        assert bool((alone.codes == together.codes[i * per : (i + 1) * per]).all()), (
            f"sample {i} differs alone"
        )


def order_does_not_matter(case: Case) -> None:
    """The samples in another order come out in that order."""
    together = _edited(case)
    per = len(together) // len(SEEDS)
    turned = _edited(case, case.batch()[[3, 2, 1, 0]])
    rows = [i * per + k for i in (3, 2, 1, 0) for k in range(per)]
    assert bool((turned.codes == together.codes[rows]).all()), "another order gives another result"


def codes_of_every_space_work_or_say_why(case: Case) -> None:
    """Codes of a later space are edited, or refused with an InterpganError; never a traceback."""
    for name in case.generator.spaces:
        try:
            found = _edited(case, case.generator.to_space(case.batch(), name))
        except InterpganError:
            continue
        assert bool(found.codes.isfinite().all())


def edited_samples_render(case: Case) -> None:
    """The result becomes pictures with finite pixels."""
    pictures = case.generator.images(_edited(case, case.batch(1)))
    assert pictures.ndim == 4 and pictures.shape[1] == 3 and bool(pictures.isfinite().all())


def _edited(case: Case, batch: LatentBatch | None = None) -> LatentBatch:
    found = case.run(batch)
    assert isinstance(found, LatentBatch)
    return found


EDIT_CHECKS: tuple[Check, ...] = (
    codes_are_of_this_generator,
    codes_are_finite,
    every_sample_is_kept,
    labels_are_kept,
    earlier_edits_are_kept,
    a_sample_does_not_depend_on_its_neighbours,
    order_does_not_matter,
    codes_of_every_space_work_or_say_why,
    edited_samples_render,
)
