"""An opened file of weights, and the networks in it, whatever wraps them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interpgan_core.files.checkpoints import open_weights

if TYPE_CHECKING:
    from torch import Tensor, nn

    from interpgan_core.files.mapping import Mapped

# What the field calls the average of a generator's weights over its training; parts of names, in lower case.
_AVERAGE = re.compile(
    r"(^|[._\- ])(ema|g_?ema|smooth|smoothed|avg|average|averaged|running|shadow|swa|mavg|polyak|gs|ge|accum|target)"
    r"($|[._\- ])|_ema|ema_|gema"
)
_COMPILED = "_orig_mod."  # written by torch.compile into the names of what it compiled
_OF_TRAINING = re.compile("optim|sched|scaler|loss")  # names of what stands beside the weights
_DEPTH = 8  # of wrappers


@dataclass(frozen=True, eq=False)
class StoredNetwork:
    """A network as it stands in a file.

    Args:
        place: names that lead to it, joined by dots, such as "G_ema.state_dict"; "" = the top level.
        tensors: by the network's own names.
        settings: keyword arguments of its constructor, where the file holds an object that keeps them; else None.
        beside: the tensors around it, by the last part of their names; the nearest of each.
        passed_over: places of the networks of the same kind that the file holds too.

    Example:
        >>> import torch
        >>> from interpgan_core.plugin import StoredNetwork
        >>> StoredNetwork("g_ema", {"weight": torch.zeros(2)}).is_average
        True
    """

    place: str
    tensors: Mapping[str, Tensor]
    settings: Mapping[str, Any] | None = None
    beside: Mapping[str, Tensor] | None = None
    passed_over: tuple[str, ...] = ()

    @property
    def is_average(self) -> bool:
        """Does its name say that it is the average over a training?"""
        return "n_averaged" in (self.beside or {}) or _AVERAGE.search(self.place.lower()) is not None

    @property
    def choice(self) -> str:
        """Which of several networks was taken, in a sentence; "" where there is one."""
        if not self.passed_over:
            return ""
        kind = "the average" if self.is_average else "the first; none is named as an average"
        return (
            f"Of several networks {self.place or 'the one at the top'} was taken, {kind}; passed over: "
            + (", ".join(self.passed_over))
        )


class Checkpoint:
    """An opened file or folder of weights, read once, with nothing of it run or built.

    Args:
        path: the file or folder.

    Raises:
        InterpganError: if it is not a file of weights, when its content is first asked for.

    Example:
        >>> from pathlib import Path
        >>> import torch
        >>> from interpgan_core.plugin import Checkpoint
        >>> torch.save({"models": {"generator": {"module.weight": torch.zeros(2)}}}, "net.pth")
        >>> file = Checkpoint(Path("net.pth"))
        >>> file.keys, list(file.network(["weight"]).tensors)
        (('models',), ['weight'])
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.taken: list[StoredNetwork] = []
        """Networks that were asked for and found, so far."""

    @cached_property
    def content(self) -> Any:
        """What the file holds, as plain dicts, lists and tensors; of a folder, None."""
        return self._opened[0]

    @cached_property
    def _opened(self) -> tuple[Any, Mapped | None]:
        return (None, None) if self.path.is_dir() else open_weights(self.path)

    def own(self, *networks: nn.Module | None) -> None:
        """Copy the weights of networks out of the file, where they are still in it; to be called when one is built.

        Args:
            networks: changed in place; those that are None are passed over.
        """
        _, stayed = self._opened
        if stayed is not None:
            stayed.own(*networks)

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """Top-level names; of a folder, the names of its files."""
        if self.path.is_dir():
            return tuple(sorted(p.name for p in self.path.iterdir()))
        return tuple(map(str, self.content)) if isinstance(self.content, Mapping) else ()

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Tensor name, parts joined by ".", -> shape."""
        return {name: tuple(t.shape) for name, t in _deep(self.content)}

    def networks(self, *marks: Sequence[str]) -> list[StoredNetwork]:
        """Every network of some kind in the file, whatever wraps it: dicts, objects, prefixes of any depth and order.

        Args:
            marks: alternatives; of each, names of tensors that a network of the kind has, all of them.

        Returns:
            The best first: averages over the training, then in the order of the file.
        """
        found: dict[str, StoredNetwork] = {}
        for levels in (self._levels, self._deep_levels):
            for level in levels:
                for mark in marks:
                    for network in _matching(level, mark):
                        found.setdefault(network.place, network)
            if found:
                break
        return sorted(found.values(), key=lambda network: not network.is_average)

    def network(self, *marks: Sequence[str]) -> StoredNetwork | None:
        """The best of `networks`; None where there is none."""
        found = self.networks(*marks)
        if not found:
            return None
        best = replace(found[0], passed_over=tuple(other.place or "the top level" for other in found[1:]))
        if best.place not in {network.place for network in self.taken}:
            self.taken.append(best)
        return best

    def choices(self) -> list[str]:
        """Which of several networks was taken, a sentence each, of those that were asked for."""
        return [network.choice for network in self.taken if network.choice]

    @cached_property
    def _levels(self) -> list[_Level]:
        return list(_levels(self.content, "", {}))

    @cached_property
    def _deep_levels(self) -> list[_Level]:
        """Levels with the tensors of everything inside them, for networks whose parts are dicts of their own."""
        return list(_levels(self.content, "", {}, deep=True))


@dataclass(frozen=True, eq=False)
class _Level:
    """Tensors that stand together in a file."""

    place: str
    tensors: Mapping[str, Tensor]
    settings: Mapping[str, Any] | None
    around: Mapping[str, Tensor]


def _levels(value: Any, place: str, around: Mapping[str, Tensor], deep: bool = False) -> Iterator[_Level]:
    """Every dict, and every object of a network, that has tensors."""
    if place.count(".") > _DEPTH:
        return
    if isinstance(value, list):
        value = {str(i): inside for i, inside in enumerate(value)}
    if not isinstance(value, Mapping):
        return
    settings = None
    tensors = {str(key): inside for key, inside in value.items() if _is_tensor(inside)}
    if _is_object(value):
        state = value["state"] if isinstance(value["state"], Mapping) else {}
        tensors, kept = dict(_module_tensors(state, "")), state.get("_init_kwargs")
        settings = dict(kept) if isinstance(kept, Mapping) else None
        value = {} if tensors else state
    if deep:
        tensors |= dict(_deep({k: v for k, v in value.items() if not _OF_TRAINING.search(str(k).lower())}))
    if any(_COMPILED in name for name in tensors):
        tensors = {name.replace(_COMPILED, ""): t for name, t in tensors.items()}
    counters = {name: t for name, t in tensors.items() if _is_counter(name, t)}
    tensors = {name: t for name, t in tensors.items() if name not in counters}
    if tensors:
        yield _Level(place, tensors, settings, {**around, **counters})
    around = {**around, **counters, **tensors}
    for key, inside in value.items():
        path = f"{place}.{key}" if place else str(key)
        yield from _levels(inside, place if f"{key}." == _COMPILED else path, around, deep)


def _matching(level: _Level, mark: Sequence[str]) -> Iterator[StoredNetwork]:
    """The networks of a level that have all the names of a mark, behind whatever prefix."""
    first = mark[0]
    for name in level.tensors:
        prefix = name.removesuffix(first)
        if prefix == name or (prefix and not prefix.endswith(".")):
            continue
        if not all(prefix + other in level.tensors for other in mark):
            continue
        inside = {n.removeprefix(prefix): t for n, t in level.tensors.items() if n.startswith(prefix)}
        inside = {n: t for n, t in inside.items() if not _is_counter(n, t)}
        outside = {n: t for n, t in level.tensors.items() if not n.startswith(prefix)}
        place = ".".join(part for part in (level.place, prefix.rstrip(".")) if part)
        beside = {n.rpartition(".")[2]: t for n, t in {**level.around, **outside}.items()}
        yield StoredNetwork(place, inside, level.settings, beside)


def _is_counter(name: str, tensor: Tensor) -> bool:
    """Does it count something of the training, as step, epoch and n_averaged do? Such stand beside the weights."""
    return tensor.numel() == 1 and not tensor.is_floating_point() and "." not in name


def _is_tensor(value: Any) -> bool:
    return hasattr(value, "is_floating_point")


def _is_object(value: Mapping[Any, Any]) -> bool:
    return "class_name" in value and "state" in value


def _module_tensors(state: Any, prefix: str) -> Iterator[tuple[str, Tensor]]:
    """Parameters and buffers of a module and of all modules in it. A frozen layer has its weights as buffers."""
    if not isinstance(state, Mapping):
        return
    for kind in ("_parameters", "_buffers"):
        for name, value in _items(state, kind):
            if _is_tensor(value):
                yield f"{prefix}{name}", value
    for name, module in _items(state, "_modules"):
        if isinstance(module, Mapping):
            yield from _module_tensors(module.get("state", module), f"{prefix}{name}.")


def _items(state: Mapping[str, Any], kind: str) -> Any:
    inside = state.get(kind)
    return inside.items() if isinstance(inside, Mapping) else ()


def _deep(value: Any, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    """Every tensor, by the names that lead to it; of an object, those of the module that it is."""
    if isinstance(value, Mapping) and _is_object(value):
        value = dict(_module_tensors(value["state"], ""))
    if isinstance(value, list):
        value = {str(i): inside for i, inside in enumerate(value)}
    if isinstance(value, Mapping):
        for key, inside in value.items():
            yield from _deep(inside, f"{prefix}.{key}" if prefix else str(key))
    elif _is_tensor(value):
        yield prefix, value
