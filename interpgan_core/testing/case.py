"""What a check works on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interpgan_core.generators.generator import Generator
from interpgan_core.generators.latents import LatentBatch
from interpgan_core.generators.networks import fingerprint
from interpgan_core.operators.base import Operator
from interpgan_core.progress import quiet
from interpgan_core.recipes.rehearsal import ask

SEEDS = (3, 1, 4, 15)


@dataclass
class Case:
    """One subject under one check.

    Args:
        subject: the operator or generator.
        generator: what an operator is tried on; the subject itself if that is a generator.
        folder: an empty folder.
    """

    subject: Any
    generator: Generator
    folder: Path

    @property
    def operator(self) -> Operator:
        """The subject as an operator."""
        assert isinstance(self.subject, Operator)
        return self.subject

    def batch(self, count: int = len(SEEDS)) -> LatentBatch:
        """Samples to work on, in the first space."""
        return self.generator.sample(SEEDS[:count])

    def run(
        self, batch: LatentBatch | None = None, operator: Operator | None = None, name: str = "run"
    ) -> Any:
        """Run the operator as the runner would, in a folder of its own."""
        operator = operator or self.operator
        folder, scratch = self.folder / name, self.folder / f"{name}.scratch"
        for path in (folder, scratch):
            path.mkdir(exist_ok=True)
        given = {
            "generator": self.generator,
            "batch": self.batch() if batch is None else batch,
            "device": "cpu",
            "folder": folder,
            "scratch": scratch,
            "progress": quiet,
        }
        return operator.run(**{need: given[need] for need in operator.needs()})

    def check(self) -> Any:
        """What the operator's `check` says, asked as before a run."""
        given: dict[str, Any] = {"generator": self.generator, "batch": self.batch(1)}
        return ask(self.operator.check, given)

    def content(self, result: Any, name: str) -> dict[str, bytes]:
        """Everything that a result says, as the files it saves."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        if isinstance(result, Generator):
            return {"fingerprint": result.fingerprint.encode()}
        result.save(folder)
        return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}

    def weights(self) -> str:
        """A hash of the generator's weights as they are now."""
        return fingerprint(self.generator.module)


Check = Callable[[Case], None]
