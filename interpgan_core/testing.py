"""For tests of plugins: a one-line conformance kit, and the message that a wrong recipe gives.

    from interpgan_core.testing import conformance, toy
    test_glow = conformance(Glow(strength=1), toy)

Each check is a test of its own, named after the promise that it holds the plugin to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from interpgan_core.conformance.case import Case
from interpgan_core.conformance.edits import EDIT_CHECKS
from interpgan_core.conformance.generators import GENERATOR_CHECKS
from interpgan_core.conformance.operators import OPERATOR_CHECKS
from interpgan_core.errors import InterpganError
from interpgan_core.generator import Generator
from interpgan_core.operators import EditOperator, Operator
from interpgan_core.plan import make_plan
from interpgan_core.toy import toy as toy

if TYPE_CHECKING:
    from interpgan_core.conformance.case import Check


def conformance(
    subject: Operator | Generator,
    generator: Generator | Callable[[], Generator] = toy,
    exempt: Mapping[str, str] = MappingProxyType({}),
) -> Callable[..., None]:
    """A test function, to be bound to a name that begins with `test_`.

    Args:
        subject: the operator, with its parameters, or the generator that must keep the promises.
        generator: what an operator is tried on, or a function that makes it.
        exempt: name of a check -> why it does not apply; it is skipped with that reason.

    Returns:
        A function that pytest collects as one test a check.

    Raises:
        InterpganError: if `exempt` names no check.
    """
    import pytest

    checks = checks_for(subject)
    for name in exempt:
        if name not in checks:
            raise InterpganError(f"there is no check '{name}'; there are: {', '.join(checks)}")
    parameters = [
        pytest.param(check, id=name, marks=[pytest.mark.skip(reason=exempt[name])] if name in exempt else [])
        for name, check in checks.items()
    ]

    @pytest.mark.parametrize("check", parameters)
    def test(check: Check, tmp_path: Path) -> None:
        on = subject if isinstance(subject, Generator) else generator
        check(Case(subject, on if isinstance(on, Generator) else on(), tmp_path))

    return test


def checks_for(subject: Operator | Generator) -> dict[str, Check]:
    """The checks that apply to a subject, by name."""
    if isinstance(subject, Generator):
        checks = GENERATOR_CHECKS
    elif isinstance(subject, EditOperator):
        checks = (*OPERATOR_CHECKS, *EDIT_CHECKS)
    else:
        checks = OPERATOR_CHECKS
    return {check.__name__.replace("_", "-"): check for check in checks}


def recipe_error(text: str, folder: Path, *overrides: str) -> str:
    """What a person reads who runs a wrong recipe.

    Args:
        text: the recipe.
        folder: where to write it, as `recipe.yaml`.
        overrides: "step.parameter=value" each.

    Returns:
        The whole message, without the folder's name.

    Raises:
        AssertionError: if the recipe is right.
    """
    file = folder / "recipe.yaml"
    file.write_text(text, encoding="utf-8")
    try:
        make_plan(file, overrides)
    except InterpganError as error:
        return str(error).replace(f"{folder}/", "")
    raise AssertionError("the recipe is right")
