"""How a page lets people set the parameters of an operator: sliders, boxes, choices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal

from pydantic import GetJsonSchemaHandler
from pydantic_core import CoreSchema

from interpgan_core.operators.base import Operator
from interpgan_core.operators.fields import is_filled_by_step, takes_result

_KINDS: Mapping[str, Kind] = MappingProxyType(
    {"number": "number", "integer": "whole", "boolean": "check", "string": "text", "array": "list"}
)
WIDEST = 10_000  # of a slider; a box takes what goes farther, such as seeds
Kind = Literal["slider", "number", "whole", "check", "choice", "text", "list", "step"]


@dataclass(frozen=True)
class Shown:
    """Says how a parameter is shown, where its type does not tell; for `Annotated`, and so in `interpgan-run --schema`.

    Args:
        low: least value of a slider; a value in a recipe may lie below it.
        high: greatest value of it.
        step: of the slider; a hundredth of its range when left out.
        unit: stands behind the number, such as "sd".
        kind: what is shown; "" = a slider where there are both ends, else what the type tells.

    Example:
        >>> from typing import Annotated
        >>> from interpgan_core import Operator, Report, Shown, controls_of
        >>> class Brighten(Operator):
        ...     by: Annotated[float, Shown(-1, 1, unit="EV")] = 0.0
        ...     def run(self) -> Report:
        ...         return Report()
        >>> [(control.field, control.kind, control.high, control.unit) for control in controls_of(Brighten)]
        [('by', 'slider', 1, 'EV')]
    """

    low: float | None = None
    high: float | None = None
    step: float | None = None
    unit: str = ""
    kind: Kind | Literal[""] = ""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        said = {name: value for name, value in vars(self).items() if value not in (None, "")}
        return {**handler(schema), "shown": said}


@dataclass(frozen=True)
class Control:
    """One parameter of an operator, as a page shows it.

    Args:
        field: name of the parameter.
        kind: slider; number or whole: a box; check; choice: one of `choices`; text; list: words with commas; step: the
            result of another step.
        low, high, step: of a slider, and limits of a box.
        unit: of the number.
        choices: of a choice.
        numbers: of a list: are its entries numbers?
        default: where nothing is chosen.
        needed: must something be chosen?
        help: what it is.
        wanted: of a step: the type of result that it takes.

    Example:
        >>> from interpgan_core import Shift, controls_of
        >>> [(control.field, control.kind) for control in controls_of(Shift)][:2]
        [('direction', 'step'), ('strength', 'slider')]
    """

    field: str
    kind: Kind
    low: float | None = None
    high: float | None = None
    step: float | None = None
    unit: str = ""
    choices: tuple[str, ...] = ()
    numbers: bool = False
    default: Any = None
    needed: bool = False
    help: str = ""
    wanted: type | None = None

    def takes(self, result: type) -> bool:
        """Whether the parameter can be filled with the result of a step of this type."""
        return self.wanted is not None and takes_result(result, self.wanted)


def controls_of(operator: type[Operator]) -> tuple[Control, ...]:
    """How the parameters of an operator are shown.

    Args:
        operator: its class.

    Returns:
        One control a parameter, in the order of the class, those that are needed first; parameters that are mappings or
        steps of their own have none.

    Example:
        >>> from interpgan_core import Truncate, controls_of
        >>> [(control.field, control.default) for control in controls_of(Truncate)]
        [('psi', 0.7), ('layers', 'all')]
    """
    schema = operator.model_json_schema()
    definitions = schema.get("$defs", {})
    found = []
    for name, field in operator.model_fields.items():
        told = _without_none(schema["properties"][name], definitions)
        default = field.get_default(call_default_factory=True) if not field.is_required() else None
        about = " ".join((field.description or "").split())
        control = Control(name, "text", default=default, needed=field.is_required(), help=about)
        if (wanted := is_filled_by_step(field)) is not None:
            found.append(replace(control, kind="step", wanted=wanted))
        elif (kind := _kind(told)) is not None:
            shown = told.get("shown", {})
            low = shown.get("low", told.get("minimum", told.get("exclusiveMinimum")))
            high = shown.get("high", told.get("maximum", told.get("exclusiveMaximum")))
            step = shown.get("step", 1 if kind == "whole" else None)
            if low is not None and high is not None and high - low <= WIDEST and kind in ("number", "whole"):
                kind, step = "slider", step or (high - low) / 100
            choices = tuple(map(str, told.get("enum", ())))
            kind = shown.get("kind") or kind
            found.append(
                replace(
                    control,
                    kind=kind,
                    low=low,
                    high=high,
                    step=step,
                    unit=shown.get("unit", ""),
                    choices=choices,
                    numbers=told.get("items", {}).get("type") in ("number", "integer"),
                )
            )
    return tuple(sorted(found, key=lambda control: not control.needed))


def _without_none(told: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """The schema of a value that may be left out, as if it could not; of several types the first."""
    outer = {name: told[name] for name in ("shown",) if name in told}
    if "$ref" in told:
        told = definitions.get(told["$ref"].rpartition("/")[2], {})
    options = [option for option in told.get("anyOf", ()) if option.get("type") != "null"]
    return {**(_without_none(options[0], definitions) if options else told), **outer}


def _kind(told: dict[str, Any]) -> Kind | None:
    if "enum" in told:
        return "choice"
    return _KINDS.get(str(told.get("type")))
