"""What was learned: a mover for each attribute, all of one flow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from interpgan_core import InterpganError, LearnedMover, MoverSet, Report, Table, did_you_mean

if TYPE_CHECKING:
    from torch import Tensor

    from interpgan_styleflow.flow import Flow

SHOWN = 12  # rows of the curve


@dataclass(frozen=True, eq=False, kw_only=True)
class AttributeMover(LearnedMover):
    """Changes one attribute of codes, in standard deviations, and leaves the others as the flow says they are.

    Args:
        weights: of the flow.
        names: of its k attributes.
        column: which of them is moved.
        means: (k,) of the scores.
        deviations: (k,) of the scores.
        couplings: of the flow.
        width: of its networks.
        curve: (rows, 3): step, loss in training and held out.
    """

    made_by = "styleflow"

    weights: Mapping[str, Tensor]
    names: Sequence[str]
    column: int
    means: Tensor
    deviations: Tensor
    couplings: int
    width: int
    curve: Tensor

    @cached_property
    def flow(self) -> Flow:
        """The network, in float64: there and back differ by rounding alone."""
        import torch

        from interpgan_styleflow.flow import Flow

        with torch.random.fork_rng(devices=[]):
            flow = Flow(len(self.weights["mean"]), len(self.names), self.width, self.couplings)
        flow.load_state_dict(dict(self.weights))
        return flow.double().eval().requires_grad_(False)

    def ahead(self, codes: Tensor, strengths: Tensor) -> Tensor:
        """Forward with the codes' own attributes, and back with one of them changed."""
        wide = codes.double()
        attributes = self.flow.read(wide)
        changed = attributes.clone()
        changed[:, self.column] += strengths.double()
        return self.changed(wide, attributes, changed)

    def changed(self, codes: Tensor, attributes: Tensor, others: Tensor) -> Tensor:
        """Codes (n, d) float64 that have attributes (n, k), as they would be with others (n, k); float32."""
        normal, _ = self.flow(codes, attributes)
        return self.flow.back(normal, others).float()


class Flows(MoverSet[AttributeMover]):
    """A mover for each attribute of a flow."""

    mover = AttributeMover

    @property
    def one(self) -> AttributeMover:
        """Any of them; they share the flow."""
        return next(iter(self.values()))

    def column(self, name: str) -> int:
        """The position of an attribute.

        Raises:
            InterpganError: if the flow has none of that name.
        """
        if name not in self:
            raise InterpganError(f"this flow has no attribute '{name}'" + did_you_mean(name, self))
        return list(self).index(name)

    def summary(self) -> Report:
        """How well attributes are read from codes, and the curve of the loss."""
        tables = list(super().summary().tables)
        curve = getattr(next(iter(self.values()), None), "curve", None)
        if curve is not None:
            at = sorted({round(i * (len(curve) - 1) / (SHOWN - 1)) for i in range(SHOWN)})
            rows = tuple((int(s), train, held) for s, train, held in curve[at].tolist())
            note = "Negative logarithm of the likelihood of a code, a number of it, but for a constant."
            tables.append(Table("Loss", ("step", "in training", "held out"), rows, note))
        return Report(tables=tuple(tables))
