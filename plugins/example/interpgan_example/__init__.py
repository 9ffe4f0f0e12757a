from dataclasses import replace

from interpgan_core import EditOperator, Generator, InterpganError, LatentBatch, hookimpl


class Exaggerate(EditOperator):
    """Move every code away from the mean, so that what is special about a sample becomes more so."""

    space = "w"
    factor: float = 1.5

    def apply(self, batch: LatentBatch, generator: Generator) -> LatentBatch:
        mean = batch.space.mean
        if mean is None:
            raise InterpganError("the mean of w is not known in this generator; use a file that has it")
        return replace(batch, codes=mean + self.factor * (batch.codes - mean))


@hookimpl
def interpgan_operators() -> dict[str, str]:
    return {"example.exaggerate": f"{__name__}:Exaggerate"}
