"""What a person reads who runs a wrong recipe."""

from __future__ import annotations

from pathlib import Path

from interpgan_core.errors import InterpganError
from interpgan_core.recipes.plan import make_plan


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
