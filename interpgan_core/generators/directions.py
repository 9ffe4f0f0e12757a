"""Directions in a latent space: what they mean, conditional projection, files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

from interpgan_core.errors import InterpganError
from interpgan_core.files.checkpoints import read_safetensors, write_safetensors
from interpgan_core.generators.movers import SPREAD_SEEDS, Mover, MoverSet
from interpgan_core.generators.spaces import LatentSpace

if TYPE_CHECKING:
    from torch import Tensor

    from interpgan_core.generators.generator import Generator

# A residual shorter than this is rounding noise, not a direction.
_IN_SPAN = 1e-6
# Singular values below this share of the largest add nothing but noise to the conditions' span.
_RANK = 1e-10
# Notes that were measured along a direction, and are not true of any other: how far codes spread along it, and
# how much the score of its attribute changes with each unit.
_MEASURED_ALONG = ("sigma", "score_per_unit")
_NO_NOTES: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, eq=False)
class Direction(Mover):
    """A unit direction of a latent space.

    Args:
        vector: (d,) or layer by layer (l, d); any length, kept in float64 at length 1. For (l, d) the
            rows' root mean square length is 1, so that a step moves each layer as far as a (d,) one.
        space: the space it lives in: "z", "w", "w+", "s".
        bias: offset of the plane `vector . code + bias = 0`, scaled together with the vector.
        layers: the edit's default layers.
        generator: fingerprint of the generator it was found on; "" = unknown.
        notes: what else is known, as plain JSON values.

    Raises:
        InterpganError: if the vector is zero, not finite, or of another shape.

    Example:
        >>> import torch
        >>> from interpgan_core import Direction
        >>> smile = Direction(torch.tensor([3.0, 4.0]), space="w")
        >>> smile.vector.tolist()
        [0.6, 0.8]
        >>> age = Direction(torch.tensor([0.0, 1.0]), space="w")
        >>> smile.without(age).vector.tolist()
        [1.0, 0.0]
    """

    word = "direction"
    said = "a Direction"

    vector: Tensor
    space: str
    bias: float = 0.0
    layers: str = "all"
    generator: str = ""
    notes: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        vector = self.vector.detach().cpu().double()
        if vector.ndim not in (1, 2):
            raise InterpganError(f"a direction has shape (d,) or (l, d), not {tuple(vector.shape)}")
        rows = 1 if vector.ndim == 1 else len(vector)
        length = float(vector.norm()) / rows**0.5
        if not 0 < length < float("inf"):
            raise InterpganError("a direction must be finite and longer than 0")
        if abs(length - 1) > 1e-12:
            vector = vector / length
            object.__setattr__(self, "bias", self.bias / length)
        object.__setattr__(self, "vector", vector)

    def __repr__(self) -> str:
        known = f", layers {self.layers}" if self.layers != "all" else ""
        known += f", generator {self.generator}" if self.generator else ""
        return f"<Direction of {self.space}, {tuple(self.vector.shape)}{known}>"

    def step(self, space: LatentSpace, layers: str | None = None) -> Tensor:
        """One unit of strength as an offset of a code.

        Args:
            space: the space of the codes; it must take this direction.
            layers: which layers move; the direction's own by default.

        Returns:
            (*space.shape) float32.

        Raises:
            InterpganError: if the space does not take the direction, or its shape differs.
        """
        if not space.takes(self.space):
            raise InterpganError(
                f"this direction lives in {self.space} and the codes in {space.name}; "
                f"directions of two spaces do not mix"
            )
        try:
            step = self.vector.float().expand(space.shape)
        except RuntimeError:
            raise InterpganError(
                f"this direction has shape {tuple(self.vector.shape)} and a code of {space.name} "
                f"{tuple(space.shape)}: they belong to different models"
            ) from None
        return step * space.mask(self.layers if layers is None else layers)

    def moved(
        self, codes: Tensor, strengths: Tensor, space: LatentSpace, layers: str | None = None
    ) -> Tensor:
        step = self.step(space, layers).to(codes.device)
        return codes + strengths.to(codes).view(-1, *[1] * step.ndim) * step

    def spread(self, generator: Generator) -> float:
        """Standard deviation of the generator's codes along the direction; the note `sigma` where there is one.

        Args:
            generator: 4096 samples of it are taken.

        Returns:
            In units of the space.
        """
        import torch

        if "sigma" in self.notes:
            return float(self.notes["sigma"])
        space = generator.space_for(self.space)
        found = [self.distance(batch.codes) for batch in generator.stream(SPREAD_SEEDS, space=space)]
        return float(torch.cat(found).std())

    def distance(self, codes: Tensor, mask: Tensor | None = None) -> Tensor:
        """Signed distance of codes from the plane.

        Args:
            codes: (n, d), or (n, l, d), where the distances of the layers are averaged.
            mask: (*code shape) bool, as `LatentSpace.mask` gives it: the layers that count.

        Returns:
            (n,) float64, in units of the space.
        """
        vector = self.vector.to(codes.device)
        parts = codes.double() * (vector if mask is None else vector * mask.to(codes.device))
        rows = 1 if codes.ndim == 2 else codes.shape[1] if mask is None else mask.any(-1).sum()
        return parts.flatten(1).sum(1) / rows + self.bias

    def check_comparable(self, other: Direction, name: str, other_name: str) -> None:
        """Check that there is an angle between two directions: they are of one space, one shape and one generator.

        Args:
            other: another direction.
            name: what messages call this one.
            other_name: what messages call the other.

        Raises:
            InterpganError: if they are not.
        """
        if other.space != self.space or other.vector.shape != self.vector.shape:
            raise InterpganError(
                f"'{name}' is a direction of {self.space} {tuple(self.vector.shape)}, and '{other_name}' of "
                f"{other.space} {tuple(other.vector.shape)}: there is no angle between them; find both in the same "
                "space"
            )
        if self.generator and other.generator and self.generator != other.generator:
            raise InterpganError(
                f"'{name}' was found on the generator {self.generator}, and '{other_name}' on {other.generator}: there "
                "is no angle between them; find both on the same generator"
            )

    def without(self, *conditions: Direction) -> Direction:
        """Remove from this direction what it shares with others (conditional manipulation).

        Args:
            conditions: directions of the same space, any number; need not be orthogonal.

        Returns:
            A unit direction orthogonal to all conditions, its bias scaled by the length that was left.

        Raises:
            InterpganError: if the direction lies in the span of the conditions, or spaces or generators differ.

        Source:
            Shen et al., InterFaceGAN, CVPR 2020, section 2.2, from one condition to many by an SVD basis.
        """
        import torch

        for number, other in enumerate(conditions):
            self.check_comparable(other, "the direction", f"condition {number}")
        if not conditions:
            return self
        stacked = torch.stack([c.vector.flatten() / c.vector.norm() for c in conditions])
        _, values, basis = torch.linalg.svd(stacked, full_matrices=False)
        basis = basis[values > values[0] * _RANK]
        size = float(self.vector.norm())  # of l layers: the root of l
        own = self.vector.flatten() / size
        left = own - basis.T @ (basis @ own)
        left = left - basis.T @ (basis @ left)  # once more: the first pass leaves rounding of size eps
        length = float(left.norm())
        if length < _IN_SPAN:
            raise InterpganError(
                "nothing of this direction is left without its conditions: it lies in their span; "
                "leave out the condition that means the same"
            )
        notes = {name: note for name, note in self.notes.items() if name not in _MEASURED_ALONG}
        return replace(
            self, vector=left.reshape(self.vector.shape) * (size / length), bias=self.bias / length,
            notes={**notes, "residual": length},
        )  # fmt: skip

    def save(self, folder: Path) -> None:
        """Write `directions.safetensors` into the folder."""
        DirectionSet({"direction": self}).save(folder)

    @classmethod
    def load(cls, folder: Path, generator: Any = None) -> Self:
        """Read what `save` wrote."""
        return cls.of(DirectionSet.load(folder)["direction"])

    @classmethod
    def of(cls, direction: Direction) -> Self:
        """The same direction as an instance of this class, for classes that show it in a report of their own."""
        return cls(**{field.name: getattr(direction, field.name) for field in fields(Direction)})


class DirectionSet(MoverSet[Direction]):
    """Named directions, in the order found; saved as one .safetensors file with a JSON header.

    Args:
        directions: name -> direction.

    Example:
        >>> import torch
        >>> from interpgan_core import Direction, DirectionSet
        >>> found = DirectionSet({"smile": Direction(torch.eye(3)[0], "w"), "age": Direction(torch.eye(3)[1], "w")})
        >>> list(found), found["age"].space
        (['smile', 'age'], 'w')
    """

    word = "direction"
    said = "a DirectionSet"

    def __init__(self, directions: Mapping[str, Direction]) -> None:
        super().__init__(directions)

    @classmethod
    def expected(
        cls,
        names: Iterable[str],
        space: str,
        generator: Generator,
        layers: str = "all",
        notes: Mapping[str, Any] = _NO_NOTES,
    ) -> DirectionSet:
        """Directions that a step will find, with vectors that mean nothing: what its `check` returns.

        Args:
            names: of the directions; they must be all that it can find.
            space: the space that they will live in.
            generator: that they will be found on.
            layers: default layers of an edit along them.
            notes: that they will have, such as `score_per_unit`, with any value.

        Returns:
            A set with all of the names.
        """
        import torch

        vector = torch.ones(generator.spaces[space].shape[-1])
        known = {"sigma": 1.0, **notes}
        found = Direction(vector, space, layers=layers, generator=generator.fingerprint, notes=known)
        return DirectionSet(dict.fromkeys(names, found))

    def __getitem__(self, name: str) -> Direction:
        """A direction by its name, or by its position where none has that name."""
        return super().__getitem__(name)

    def save(self, folder: Path) -> None:
        """Write `directions.safetensors` into the folder."""
        self.write(folder / "directions.safetensors")

    @classmethod
    def load(cls, folder: Path, generator: Any = None) -> Self:
        """Read what `save` wrote."""
        return cls.read(folder / "directions.safetensors")

    def write(self, path: Path) -> None:
        """Write one .safetensors file."""
        header = [
            {
                "name": name,
                "space": d.space,
                "bias": d.bias,
                "layers": d.layers,
                "generator": d.generator,
                "notes": dict(d.notes),
            }
            for name, d in self.items()
        ]
        tensors = {str(i): d.vector for i, d in enumerate(self.values())}
        write_safetensors(path, tensors, "directions", {"directions": header})

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file that `write` made.

        Raises:
            InterpganError: if it is not one.
        """
        tensors, header = read_safetensors(path, "directions")
        try:
            return cls(
                {
                    entry.pop("name"): Direction(tensors[str(i)], **entry)
                    for i, entry in enumerate(header["directions"])
                }
            )
        except (KeyError, TypeError) as error:
            raise InterpganError(f"{path} is damaged: its header and its vectors do not match") from error
