"""What every operator promises."""

from __future__ import annotations

import inspect
import json
import random
from collections.abc import Mapping
from typing import Any

from interpgan_core.generators.latents import LatentBatch
from interpgan_core.operators.base import Artifact
from interpgan_core.testing.case import Case, Check


def parameters_are_frozen(case: Case) -> None:
    """The parameters of an operator cannot be changed after it is made."""
    from pydantic import ValidationError

    for name in type(case.operator).model_fields:
        try:
            setattr(case.operator, name, getattr(case.operator, name))
        except ValidationError:
            continue
        raise AssertionError(f"parameter '{name}' can be changed; keep the frozen model_config of Operator")


def unknown_parameter_is_refused(case: Case) -> None:
    """A parameter that does not exist is an error, never ignored."""
    from pydantic import ValidationError

    fields = {name: getattr(case.operator, name) for name in type(case.operator).model_fields}
    try:
        type(case.operator).model_validate({**fields, "no_such_parameter": 1})
    except ValidationError:
        return
    raise AssertionError("an unknown parameter was accepted; keep extra='forbid' of Operator")


def parameters_have_a_schema(case: Case) -> None:
    """The parameters have a JSON Schema, for `--schema` and completion in editors."""
    json.dumps(type(case.operator).model_json_schema())


def parameters_make_the_same_operator(case: Case) -> None:
    """Made again from its own parameters, the operator is the same."""
    fields = {name: getattr(case.operator, name) for name in type(case.operator).model_fields}
    again = type(case.operator).model_validate(fields)
    for name, value in fields.items():
        same = getattr(again, name)
        assert same is value or bool(same == value), f"'{name}' became {same!r}, from {value!r}"


def has_a_docstring(case: Case) -> None:
    """The class says what it does; `--schema` shows the first paragraph."""
    own = type(case.operator).__doc__
    assert own and own.strip(), f"{type(case.operator).__name__} has no docstring"


def version_is_a_whole_number(case: Case) -> None:
    """`version` is a number to be raised when results change."""
    version = case.operator.version
    assert type(version) is int and version >= 1, f"version is {version!r}"


def asks_for_what_there_is(case: Case) -> None:
    """`run` asks only for generator, batch, device, folder, scratch and progress."""
    case.operator.needs()


def returns_what_it_says(case: Case) -> None:
    """The result has the type of the return annotation of `run`, which recipes are checked with."""
    said = case.operator.result()
    assert said is not object, "run needs a return annotation that is a class"
    found = case.run()
    assert isinstance(found, said), f"run says {said.__name__} and returned a {type(found).__name__}"


def result_can_be_kept(case: Case) -> None:
    """A result that is to be kept can be saved."""
    if case.operator.keep:
        assert isinstance(case.run(), Artifact), "give the result save and load, or set keep = False"


def check_says_what_run_returns(case: Case) -> None:
    """What `check` says before a run holds of the result, and it refuses nothing that runs."""
    said = case.check()
    if said is None:
        return
    found = case.run()
    assert isinstance(said, type(found)), f"check says {type(said).__name__}, run {type(found).__name__}"
    if isinstance(found, LatentBatch):
        assert said.space.name == found.space.name, f"check says {said.space.name}, run {found.space.name}"
    if isinstance(found, Mapping):
        assert set(found) <= set(said), f"run has more than check: {set(found) - set(said)}"


def result_survives_saving(case: Case) -> None:
    """Saved and loaded, a result is the same."""
    found = case.run()
    if not isinstance(found, Artifact):
        return
    before = case.content(found, "saved")
    again = type(found).load(case.folder / "saved", case.generator)
    after = case.content(again, "again")
    # Pictures that lie beside a report are not written again.
    assert {n: before[n] for n in after} == after, "what was loaded is not what was saved"


def same_parameters_same_result(case: Case) -> None:
    """Two runs give the same bytes."""
    first = case.content(case.run(name="one"), "one")
    assert first == case.content(case.run(name="two"), "two"), "two runs differ; draw from seeds alone"


def global_randomness_is_left_alone(case: Case) -> None:
    """Nobody else's random numbers change."""
    before = _random_states()
    case.run()
    assert before == _random_states(), "the global random state was used; draw from seeds alone"


def global_randomness_does_not_matter(case: Case) -> None:
    """The result does not depend on what was drawn elsewhere."""
    import numpy as np
    import torch

    first = case.content(case.run(name="one"), "one")
    random.random(), np.random.rand(), torch.rand(1)
    assert first == case.content(case.run(name="two"), "two"), "the result depends on the global random state"


def batch_is_left_alone(case: Case) -> None:
    """The batch that came in is not changed in place."""
    batch = case.batch()
    before = case.content(batch, "before")
    case.run(batch)
    assert before == case.content(batch, "after"), "the operator changed its input; work on a copy"


def weights_are_left_alone(case: Case) -> None:
    """The generator that came in is not changed in place."""
    before = case.weights()
    case.run()
    assert before == case.weights(), "the operator changed the generator's weights; work on a copy"
    assert not case.generator.module.training, "the operator left the generator in training mode"


def no_hook_is_left_behind(case: Case) -> None:
    """The generator's modules have the hooks that they had."""
    before = _hooks(case)
    case.run()
    assert before == _hooks(case), "a hook was left on the generator; remove it when done"


def runs_without_gradients(case: Case) -> None:
    """The result holds no graph of the computation, which would keep the memory of every step."""
    found = case.run()
    for name, value in inspect.getmembers(found, lambda v: hasattr(v, "requires_grad")):
        assert not value.requires_grad, f"'{name}' of the result still carries gradients; detach it"


def _random_states() -> tuple[Any, ...]:
    import numpy as np
    import torch

    numpy_state = np.random.get_state(legacy=True)
    return random.getstate(), tuple(map(str, numpy_state)), torch.get_rng_state().numpy().tobytes()


def _hooks(case: Case) -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in case.generator.module.modules())


OPERATOR_CHECKS: tuple[Check, ...] = (
    parameters_are_frozen,
    unknown_parameter_is_refused,
    parameters_have_a_schema,
    parameters_make_the_same_operator,
    has_a_docstring,
    version_is_a_whole_number,
    asks_for_what_there_is,
    returns_what_it_says,
    result_can_be_kept,
    check_says_what_run_returns,
    result_survives_saving,
    same_parameters_same_result,
    global_randomness_is_left_alone,
    global_randomness_does_not_matter,
    batch_is_left_alone,
    weights_are_left_alone,
    no_hook_is_left_behind,
    runs_without_gradients,
)
