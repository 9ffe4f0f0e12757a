"""`conformance`: the promises that an operator, a generator or a mover keeps, each a test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from interpgan_core.errors import InterpganError
from interpgan_core.generators.directions import DirectionSet
from interpgan_core.generators.generator import Generator
from interpgan_core.generators.movers import LearnedMover, Mover, MoverSet
from interpgan_core.generators.toy import toy as toy
from interpgan_core.operators.base import EditOperator, Operator
from interpgan_core.testing.case import Case
from interpgan_core.testing.edits import EDIT_CHECKS
from interpgan_core.testing.generators import GENERATOR_CHECKS
from interpgan_core.testing.movers import MOVER_CHECKS
from interpgan_core.testing.operators import OPERATOR_CHECKS

if TYPE_CHECKING:
    from interpgan_core.testing.case import Check


def conformance(
    subject: Operator | Generator | Mover | MoverSet[Any],
    generator: Generator | Callable[[], Generator] = toy,
    exempt: Mapping[str, str] = MappingProxyType({}),
) -> Callable[..., None]:
    """A test function, to be bound to a name that begins with `test_`.

    Args:
        subject: the operator, with its parameters, the generator, or the mover or set of movers that must keep the
            promises. The movers that an operator makes are held to theirs.
        generator: what an operator or a mover is tried on, or a function that makes it.
        exempt: name of a check -> why it does not apply; it is skipped with that reason.

    Returns:
        A function that pytest collects as one test a check.

    Raises:
        InterpganError: if `exempt` names no check.
    """
    import pytest

    @pytest.mark.parametrize("check", but_for(exempt, checks_for(subject)))
    def test(check: Check, tmp_path: Path) -> None:
        on = subject if isinstance(subject, Generator) else generator
        check(Case(subject, on if isinstance(on, Generator) else on(), tmp_path))

    return test


def checks_for(subject: Operator | Generator | Mover | MoverSet[Any]) -> dict[str, Check]:
    """The checks that apply to a subject, by name."""
    if isinstance(subject, Generator):
        checks = GENERATOR_CHECKS
    elif isinstance(subject, Mover | MoverSet):
        checks = MOVER_CHECKS
    elif isinstance(subject, EditOperator):
        checks = (*OPERATOR_CHECKS, *EDIT_CHECKS)
    elif _learns(subject.result()):
        checks = (*OPERATOR_CHECKS, *MOVER_CHECKS)
    else:
        checks = OPERATOR_CHECKS
    return {check.__name__.replace("_", "-"): check for check in checks}


def _learns(result: type) -> bool:
    """Does a step make movers of its own? Those that make directions keep the promises of movers by the core's code."""
    return issubclass(result, LearnedMover | MoverSet) and not issubclass(result, DirectionSet)


def but_for(exempt: Mapping[str, str], checks: Mapping[str, Any]) -> list[Any]:
    """Checks as pytest's parameters.

    Args:
        exempt: name of a check -> why it does not apply; it is skipped with that reason.
        checks: by name.

    Returns:
        A parameter a check, with its name.

    Raises:
        InterpganError: if `exempt` names no check.
    """
    import pytest

    for name in exempt:
        if name not in checks:
            raise InterpganError(f"there is no check '{name}'; there are: {', '.join(checks)}")
    skips = {name: [pytest.mark.skip(reason=reason)] for name, reason in exempt.items()}
    return [pytest.param(check, id=name, marks=skips.get(name, [])) for name, check in checks.items()]
