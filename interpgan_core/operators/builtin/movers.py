"""The step `movers`: movers from a file that `save` wrote."""

from __future__ import annotations

from typing import ClassVar

from interpgan_core.errors import InterpganError
from interpgan_core.generators.mover_files import maker_of, read_movers
from interpgan_core.generators.movers import LearnedMover, MoverSet
from interpgan_core.operators.base import Operator
from interpgan_core.operators.fields import InputFile
from interpgan_core.plugins import plugins


class LoadMovers(Operator):
    """Load movers that a step of a plugin has learned, from its file.

    Example:
        >>> from dataclasses import dataclass
        >>> from pathlib import Path
        >>> from interpgan_core import InterpganError, LearnedMover, LoadMovers, MoverSet
        >>> @dataclass(frozen=True, eq=False, kw_only=True)
        ... class Away(LearnedMover):
        ...     made_by = "away"
        ...     def ahead(self, codes, strengths):
        ...         return codes + strengths[:, None] * codes
        >>> MoverSet({"away": Away(space="w", generator="")}).write(Path("away.safetensors"))
        >>> try:
        ...     LoadMovers(file="away.safetensors").run()
        ... except InterpganError as error:
        ...     print(error)
        away.safetensors was made by the step 'away', which is not installed; install the plugin interpgan-away
    """

    keep: ClassVar[bool] = False
    singular: ClassVar[bool] = True

    file: InputFile
    """From the step `save`, or `movers.safetensors` of an output folder."""

    def check(self) -> MoverSet:
        return self.run()

    def run(self) -> MoverSet:
        """Load them.

        Raises:
            InterpganError: if the file holds none, or the plugin that made them is not installed.
        """
        maker = maker_of(self.file)
        if maker not in plugins().operators:
            raise InterpganError(
                f"{self.file} was made by the step '{maker}', which is not installed; install the plugin "
                f"interpgan-{maker.partition('.')[0]}"
            )
        kind = plugins().operators[maker].load().result()
        if issubclass(kind, LearnedMover):
            return MoverSet(read_movers(self.file, kind))
        if issubclass(kind, MoverSet):
            found: MoverSet = kind.read(self.file)
            return found
        raise InterpganError(f"the step '{maker}', which made {self.file}, makes no movers any more")
