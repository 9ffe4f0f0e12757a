"""What moves codes by a strength: movers, those that were learned, sets of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar

from interpgan_core.errors import InterpganError, did_you_mean
from interpgan_core.generators.coded import MAP_ROWS
from interpgan_core.generators.mover_files import holds_tensors, is_tensor, read_movers, write_movers
from interpgan_core.generators.ranges import Ranges
from interpgan_core.generators.spaces import LatentSpace
from interpgan_core.pictures.report import Report, Table

if TYPE_CHECKING:
    from torch import Tensor

    from interpgan_core.generators.generator import Generator

SPREAD_SEEDS = Ranges("0-4095")
"""Samples whose spread along a mover is one `sigma`."""
_FILE = "movers.safetensors"
_NO_NOTES: Mapping[str, Any] = MappingProxyType({})


class Mover(ABC):
    """Moves codes of a latent space by a strength; what `shift`, `walk`, `sweep` and `reach` move along.

    A `Direction` is one: a straight way, the same everywhere. Others bend, or differ from code to code. A plugin's own
    is a subclass of `LearnedMover`.

    Attributes:
        space: the space it moves codes of: "z", "w", "w+", "s".
        layers: the edit's default layers.
        generator: fingerprint of the generator it was found on; "" = unknown.
        notes: what else is known, as plain JSON values; `sigma` is how much strength makes a standard deviation, and
            `score_per_unit` how much the score of its attribute changes with a strength of 1.

    Example:
        >>> import torch
        >>> from interpgan_core import Direction, Mover
        >>> from interpgan_core.testing import toy
        >>> first = Direction(torch.eye(16)[0], "w")
        >>> isinstance(first, Mover)
        True
        >>> first.moved(torch.zeros(2, 16), torch.tensor([0.0, 2.0]), toy().spaces["w"])[:, 0].tolist()
        [0.0, 2.0]
    """

    word: ClassVar[str] = "mover"
    """What messages call it."""
    said: ClassVar[str] = "a Direction or another mover"
    """What a message calls a step's result that a field for movers takes."""
    space: str
    layers: str
    generator: str
    notes: Mapping[str, Any]

    @abstractmethod
    def moved(
        self, codes: Tensor, strengths: Tensor, space: LatentSpace, layers: str | None = None
    ) -> Tensor:
        """Codes, each moved by a strength of its own.

        Args:
            codes: (n, *space.shape) float32; they are not changed.
            strengths: (n,) float32; 0 leaves a code as it is.
            space: of the codes; it takes codes of this mover's space.
            layers: which layers move; the mover's own by default.

        Returns:
            (n, *space.shape) float32; a code's result does not depend on the other codes.

        Raises:
            InterpganError: if the space does not take this mover.
        """

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write one .safetensors file into the folder."""

    @classmethod
    @abstractmethod
    def load(cls, folder: Path, generator: Any = None) -> Self:
        """Read what `save` wrote."""

    def spread(self, generator: Generator) -> float:
        """How much strength is one standard deviation of the generator's codes along the way that they are moved.

        A code c lies at ((c - mean) · u) / |u|², where u is the move by a strength of 1 from c; this is the root of the
        mean square over 4096 samples.

        Args:
            generator: whose codes.

        Returns:
            A strength, above 0; the note `sigma` where there is one.

        Raises:
            InterpganError: if no code is moved.
        """
        import torch

        if "sigma" in self.notes:
            return float(self.notes["sigma"])
        space = generator.spaces[generator.space_for(self.space)]
        mean = torch.zeros(space.shape, dtype=torch.float64)
        for batch in generator.stream(SPREAD_SEEDS, space=space.name):
            mean += batch.codes.cpu().double().sum(0) / len(SPREAD_SEEDS)
        places = []
        for batch in generator.stream(SPREAD_SEEDS, space=space.name):
            codes = batch.codes.cpu()
            moves = (self.moved(codes, torch.ones(len(codes)), space, "all") - codes).double().flatten(1)
            lengths = moves.square().sum(1)
            from_mean = (codes.double() - mean).flatten(1)
            places.append(((from_mean * moves).sum(1) / lengths)[lengths > 0])
        found = torch.cat(places)
        if not len(found):
            raise InterpganError(f"this {self.word} moves no code, so that it has no standard deviation")
        return float(found.square().mean().sqrt())


if TYPE_CHECKING:
    from typing_extensions import TypeVar as DefaultTypeVar

    M = DefaultTypeVar("M", bound=Mover, default=Mover, covariant=True)
else:
    M = TypeVar("M", bound=Mover, covariant=True)


@dataclass(frozen=True, eq=False, kw_only=True)
class LearnedMover(Mover):
    """A mover of a plugin: a dataclass of tensors and plain values, which says where codes are at a strength.

    A subclass writes `ahead`, and names the step that makes it in `made_by`. Its fields are tensors, mappings of names
    to tensors, or JSON values; they are all that its file needs. Layers, blocks, devices and files are done here. It
    computes on the CPU.

    Args:
        space: the space it moves codes of: "z", "w", "w+", "s".
        generator: fingerprint of the generator it was found on.
        layers: the edit's default layers.
        notes: what else is known; see `Mover`.

    Example:
        >>> import torch
        >>> from dataclasses import dataclass
        >>> from interpgan_core import LearnedMover, Shift
        >>> from interpgan_core.testing import toy
        >>> @dataclass(frozen=True, eq=False, kw_only=True)
        ... class Away(LearnedMover):
        ...     centre: torch.Tensor
        ...     def ahead(self, codes, strengths):
        ...         return codes + strengths[:, None] * (codes - self.centre)
        >>> generator = toy()
        >>> away = Away(space="w", generator=generator.fingerprint, centre=torch.zeros(16))
        >>> before = generator.to_space(generator.sample([7]), "w")
        >>> after = Shift(direction=away, strength=1).run(before, generator)
        >>> bool((after.codes == 2 * before.codes).all())
        True
    """

    made_by: ClassVar[str] = ""
    """Name of the step that makes such movers; their file says it, and the step `movers` reads it by that."""

    space: str
    generator: str
    layers: str = "all"
    notes: Mapping[str, Any] = field(default_factory=dict)

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        # Else a dataclass makes its own, which prints every tensor.
        if "__repr__" not in vars(cls):
            cls.__repr__ = LearnedMover.__repr__  # type: ignore[method-assign]

    def __post_init__(self) -> None:
        for name, value in self.values_by_field().items():
            if holds_tensors(value):
                object.__setattr__(self, name, {key: t.detach().cpu() for key, t in value.items()})
            elif is_tensor(value):
                object.__setattr__(self, name, value.detach().cpu())

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.space}, generator {self.generator}>"

    @abstractmethod
    def ahead(self, codes: Tensor, strengths: Tensor) -> Tensor:
        """Where codes of this mover's own space are, moved by strengths.

        Args:
            codes: (n, d), or (n, l, d) of a space whose codes have a vector for each layer; on the CPU.
            strengths: (n,); what 0 gives is not used.

        Returns:
            As the codes; row by row, so that no code's result depends on another code.
        """

    def moved(
        self, codes: Tensor, strengths: Tensor, space: LatentSpace, layers: str | None = None
    ) -> Tensor:
        # Codes of a layered space that takes this one's are moved layer by layer.
        import torch

        if not space.takes(self.space):
            raise InterpganError(
                f"this mover lives in {self.space} and the codes in {space.name}; a mover of one space does not move "
                "codes of another"
            )
        mask = space.mask(self.layers if layers is None else layers)
        before, amounts = codes.cpu(), strengths.cpu().float()
        by_layer = space.name != self.space
        rows = before.flatten(0, 1) if by_layer else before
        each = amounts.repeat_interleave(before.shape[1]) if by_layer else amounts
        found = self._in_blocks(rows, each).view(before.shape)
        still = (amounts == 0).view(-1, *[1] * len(space.shape))
        return torch.where(still | ~mask, before, found).to(codes.device)

    def _in_blocks(self, codes: Tensor, strengths: Tensor) -> Tensor:
        """`ahead`, always of as many codes: a matrix product of another height may round another way."""
        import torch

        parts = []
        for start in range(0, len(codes), MAP_ROWS):
            rows = torch.arange(start, start + MAP_ROWS).clamp(max=len(codes) - 1)
            moved = self.ahead(codes[rows], strengths[rows])
            parts.append(moved[: len(codes) - start].to(codes.dtype))
        return torch.cat(parts) if parts else codes

    def save(self, folder: Path) -> None:
        """Write `movers.safetensors` into the folder."""
        write_movers(folder / _FILE, {"mover": self})

    @classmethod
    def load(cls, folder: Path, generator: Any = None) -> Self:
        """Read what `save` wrote."""
        (mover,) = read_movers(folder / _FILE, cls).values()
        return mover

    def values_by_field(self) -> dict[str, Any]:
        """Name of each field -> its value: what the file keeps."""
        return {f.name: getattr(self, f.name) for f in fields(self)}


class MoverSet(Mapping[str, M], Generic[M]):
    """Named movers, in the order found; saved as one .safetensors file.

    A plugin's own set is a subclass that says in `mover` what it holds. A `DirectionSet` is one of directions.

    Args:
        movers: name -> mover.

    Example:
        >>> import torch
        >>> from interpgan_core import Direction, MoverSet
        >>> found = MoverSet({"first": Direction(torch.eye(16)[0], "w")})
        >>> list(found), found["0"] is found["first"]
        (['first'], True)
    """

    mover: ClassVar[type[LearnedMover]]
    """What a file of such a set holds."""
    word: ClassVar[str] = "mover"
    """What messages call one of them."""
    said: ClassVar[str] = "a DirectionSet or another set of movers"
    """What a message calls a step's result that a field for sets takes."""

    def __init__(self, movers: Mapping[str, M]) -> None:
        self._movers = dict(movers)

    @classmethod
    def expected(
        cls,
        names: Iterable[str],
        space: str,
        generator: Generator,
        layers: str = "all",
        notes: Mapping[str, Any] = _NO_NOTES,
    ) -> Self:
        """Movers that a step will make, which do not move yet: what its `check` returns.

        Args:
            names: of the movers; they must be all that it can make.
            space: whose codes they will move.
            generator: that they will be found on.
            layers: default layers of an edit along them.
            notes: that they will have, such as `score_per_unit`, with any value.

        Returns:
            A set with all of the names.
        """
        known = {"sigma": 1.0, **notes}
        made: Any = _Expected(space=space, generator=generator.fingerprint, layers=layers, notes=known)
        return cls(dict.fromkeys(names, made))

    def __getitem__(self, name: str) -> M:
        """A mover by its name, or by its position where none has that name."""
        if name not in self._movers and name.isdecimal() and int(name) < len(self):
            return list(self.values())[int(name)]
        try:
            return self._movers[name]
        except KeyError:
            raise _NoMover(
                f"there is no {self.word} '{name}' here" + did_you_mean(name, self._movers)
            ) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._movers)

    def __repr__(self) -> str:
        names = list(self)
        return f"<{type(self).__name__}: {', '.join(names[:8])}{', …' if len(names) > 8 else ''}>"

    def _repr_html_(self) -> str:
        """As a notebook shows them."""
        return self.summary()._repr_html_()

    def __len__(self) -> int:
        return len(self._movers)

    def save(self, folder: Path) -> None:
        """Write `movers.safetensors` into the folder."""
        self.write(folder / _FILE)

    @classmethod
    def load(cls, folder: Path, generator: Any = None) -> Self:
        """Read what `save` wrote."""
        return cls.read(folder / _FILE)

    def write(self, path: Path) -> None:
        """Write one .safetensors file; tensors that several movers share are in it once."""
        learned = {name: mover for name, mover in self.items() if isinstance(mover, LearnedMover)}
        write_movers(path, learned)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file that `write` made.

        Raises:
            InterpganError: if it is not one, or of the movers of another step.
        """
        found: Any = read_movers(path, cls.mover)
        return cls(found)

    def summary(self) -> Report:
        """What the report shows of them: one row a mover, one column a number that all know."""
        shared = [
            key
            for key in (next(iter(self.values())).notes if self else ())
            if all(isinstance(m.notes.get(key), int | float) for m in self.values())
        ]
        rows = tuple((name, m.space, m.layers, *(m.notes[k] for k in shared)) for name, m in self.items())
        title = f"{self.word.capitalize()}s"
        return Report(tables=(Table(title, ("name", "space", "layers", *shared), rows),))


class _NoMover(InterpganError, KeyError):
    """A KeyError, as a Mapping promises, that still reads as a sentence."""

    __str__ = InterpganError.__str__


@dataclass(frozen=True, eq=False)
class _Expected(LearnedMover):
    """Stands for one that is not there yet."""

    def ahead(self, codes: Tensor, strengths: Tensor) -> Tensor:
        return codes
