"""What every generator is, and what the core gives each one: sampling, mapping, images, features."""

from __future__ import annotations

import copy
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

from interpgan_core.errors import InterpganError, did_you_mean
from interpgan_core.generators.colour import in_colour
from interpgan_core.generators.latents import LatentBatch, LatentSpace
from interpgan_core.generators.networks import outputs_of, rectify
from interpgan_core.generators.saving import ATTACHED, SavedGenerator, read_generator, write_generator

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

# Codes are mapped in blocks of exactly this many rows: a matrix product of another height may round
# another way, and a sample must not depend on how many were asked for.
MAP_ROWS = 64


class Generator(ABC):
    """A pretrained generator: codes in, images out.

    A subclass sets the attributes and writes `prior`, `map` and `forward`.

    Attributes:
        module: the network, in eval mode with frozen weights.
        spaces: in the order codes pass through them; the first is sampled.
        layers: synthesis layers in forward order; each is the path of a submodule of `module` whose
            output is the layer's (n, c, h, w) feature map.
        classes: number of classes; 0 = unconditional.
        class_names: one a class, in the order of their numbers, no two equal but for capitals; empty where the
            classes have no names.
        discriminator: (images, labels) -> logits; None where the weights come without one.
        concepts: of an interpretable layer, name -> (layer, units); empty where there is none.
        fingerprint: equal fingerprints mean interchangeable generators.
        codes_of: the family whose codes its spaces hold, such as "StyleGAN 2"; published directions say theirs.
        licence: terms of use of the weights, shown once and in the report.
        notes: where the weights come from: data, training, parent; JSON values, kept in a saved file. "codes of":
            fingerprints of the generators that it was tuned from so little that their codes are good here too.
        rectified: layers whose maps pass a ReLU that the family does not have, see `rectify`.
        attached: tensors that belong to it and not to its networks, kept in a saved file; its name begins with that of
            the plugin that attached it.

    Example:
        >>> from interpgan_core import load_generator
        >>> generator = load_generator("toy")
        >>> batch = generator.sample([7, 8])
        >>> tuple(generator.images(batch).shape)
        (2, 3, 32, 32)
        >>> list(generator.spaces), generator.to_space(batch, "w+").codes.shape
        (['z', 'w', 'w+', 's'], torch.Size([2, 6, 16]))
    """

    module: nn.Module
    spaces: Mapping[str, LatentSpace]
    layers: Sequence[str] = ()
    classes: int = 0
    class_names: Sequence[str] = ()
    discriminator: nn.Module | None = None
    concepts: Mapping[str, tuple[str, tuple[int, ...]]] = MappingProxyType({})
    fingerprint: str
    codes_of: str = ""
    licence: str = ""
    notes: Mapping[str, Any] = MappingProxyType({})
    rectified: Sequence[str] = ()
    attached: Mapping[str, Tensor] = MappingProxyType({})

    @abstractmethod
    def prior(self, seeds: Sequence[int]) -> Tensor:
        """Codes of the first space, (n, *shape) float32 on this device, each row from its own seed."""

    @abstractmethod
    def map(self, codes: Tensor, source: str, target: str, labels: Tensor | None) -> Tensor:
        """Carry codes forward from one space to a later one.

        Args:
            codes: (n, *spaces[source].shape) float32.
            source: name of a space.
            target: name of a later space.
            labels: (n, classes) float32 class weights, or None.

        Returns:
            (n, *spaces[target].shape) float32.
        """

    @abstractmethod
    def forward(self, batch: LatentBatch) -> Tensor:
        """Images of codes of any of the spaces; `batch.edits` are applied by the core, not here.

        Returns:
            (n, 3, h, w) float32, nominally in [-1, 1], not clamped; (n, 1, h, w) of a generator of grey images,
            (n, 4, h, w) of one whose last channel is alpha, from -1 = transparent to 1 = opaque.
        """

    def __repr__(self) -> str:
        classes = f", {self.classes} classes" if self.classes else ""
        spaces = " → ".join(self.spaces)
        return f"<{type(self).__name__} {self.fingerprint}: {spaces}, {len(self.layers)} layers{classes}>"

    def shares_codes(self, fingerprint: str) -> bool:
        """Do codes, and directions, of the generator with this fingerprint mean the same to this one?

        Its own do, and those of the generators that its notes name; "" stands for an unknown one and is accepted.
        """
        parents = self.notes.get("codes of")
        return fingerprint in ("", self.fingerprint) or (
            isinstance(parents, list | tuple) and fingerprint in parents
        )

    def saved(self) -> SavedGenerator:
        """Everything that the generator is made of, for a file; its backbone's `restore` makes it again.

        Raises:
            InterpganError: if the family has no way to be saved.
        """
        raise InterpganError(
            f"a {type(self).__name__} cannot be saved: its family's plugin does not say how; an operator that "
            "makes one sets keep = False"
        )

    @property
    def can_be_saved(self) -> bool:
        """Does its family say how?"""
        return type(self).saved is not Generator.saved

    def save(self, folder: Path) -> None:
        """Write `generator.safetensors` into the folder, with the discriminator and concepts where there are any."""
        saved = self.saved()
        saved = replace(
            saved,
            tensors={**saved.tensors, **{f"{ATTACHED}.{name}": t for name, t in self.attached.items()}},
            licence=self.licence,
            notes=self.notes,
            rectified=self.rectified,
            concepts=self.concepts,
        )
        write_generator(saved, folder / "generator.safetensors")

    @classmethod
    def load(cls, folder: Path, generator: Generator | None = None) -> Generator:
        """Read what `save` wrote, onto the CPU."""
        made: Generator = read_generator(folder / "generator.safetensors")
        return made

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        for tensor in (*self.module.parameters(), *self.module.buffers()):
            return tensor.device
        import torch

        return torch.device("cpu")

    def rectify(self, layers: Sequence[str]) -> Self:
        """Have the maps of some layers pass a ReLU before anything else sees them, for good.

        The network is changed, and so is the fingerprint. Layers that have one already keep the one.

        Args:
            layers: names from `self.layers`.

        Returns:
            This generator itself.

        Raises:
            InterpganError: if a layer does not exist.
        """
        new = [name for name in layers if name not in self.rectified]
        for name in new:
            self.require_layer(name)
        rectify(self.module, new)
        self.rectified = (*self.rectified, *new)
        if new:
            digest = hashlib.sha256(repr((self.fingerprint, *new)).encode())
            self.fingerprint = digest.hexdigest()[:16]
        return self

    def with_concepts(self, concepts: Mapping[str, tuple[str, tuple[int, ...]]]) -> Self:
        """The same generator with other concepts.

        Args:
            concepts: name -> (layer, units).

        Returns:
            A generator that shares the networks with this one, which keeps its own concepts.
        """
        named = copy.copy(self)
        named.concepts = dict(concepts)
        return named

    def to(self, device: Any) -> Self:
        """Move the network, its discriminator, what is attached, and the means of its spaces; returns itself."""
        self.module.to(device)
        if self.discriminator is not None:
            self.discriminator.to(device)
        self.attached = {name: tensor.to(device) for name, tensor in self.attached.items()}
        self.spaces = {name: space.to(device) for name, space in self.spaces.items()}
        return self

    def sample(self, seeds: Sequence[int], labels: Tensor | None = None) -> LatentBatch:
        """Draw samples in the first space.

        Args:
            seeds: one for each sample, 0 to 2^32 - 1.
            labels: (n, classes) class weights; left out on a conditional generator, each sample
                draws one class from its seed.

        Returns:
            A batch of len(seeds) samples.
        """
        import numpy as np
        import torch

        space = next(iter(self.spaces.values()))
        if labels is None and self.classes:
            drawn = [np.random.RandomState([s, 1]).randint(self.classes) for s in seeds]
            labels = torch.nn.functional.one_hot(torch.tensor(drawn, dtype=torch.long), self.classes)
            labels = labels.float()
        return LatentBatch(
            codes=self.prior(seeds).to(self.device),
            space=space,
            labels=None if labels is None else labels.to(self.device),
            seeds=torch.tensor(list(seeds), dtype=torch.int64),
        )

    def to_space(self, batch: LatentBatch, name: str) -> LatentBatch:
        """Carry a batch forward to another space; gradients flow where the codes ask for them.

        Raises:
            InterpganError: if there is no such space, or it lies before the batch's own.
        """
        import torch

        source = batch.space.name
        if name == source:
            return batch
        order = list(self.spaces)
        for wanted in (name, source):
            if wanted not in order:
                raise InterpganError(f"this generator has no space '{wanted}'" + did_you_mean(wanted, order))
        if order.index(name) < order.index(source):
            raise InterpganError(
                f"codes in {source} cannot go back to {name}: codes pass {' -> '.join(order)}, "
                f"one way; apply the edit in {name} before the step that moves to {source}"
            )
        if not len(batch):
            return replace(
                batch, codes=batch.codes.new_zeros((0, *self.spaces[name].shape)), space=self.spaces[name]
            )
        mapped = []
        for part in batch.split(MAP_ROWS):
            rows = torch.arange(MAP_ROWS).clamp(max=len(part) - 1)
            labels = None if part.labels is None else part.labels[rows]
            mapped.append(self.map(part.codes[rows], source, name, labels)[: len(part)])
        return replace(batch, codes=torch.cat(mapped), space=self.spaces[name])

    def vector_space(self, name: str) -> LatentSpace:
        """The space of a name, whose codes are single vectors: w, but not w+.

        Raises:
            InterpganError: if there is none of that name, or its codes have a vector for each layer.
        """
        if name not in self.spaces:
            raise InterpganError(f"this generator has no space '{name}'" + did_you_mean(name, self.spaces))
        space = self.spaces[name]
        if len(space.shape) != 1:
            raise InterpganError(
                f"a code of {name} is {tuple(space.shape)}, one vector a layer; choose a space of single vectors"
                + (f", such as {space.base}, and choose layers in the edit" if space.base else "")
            )
        return space

    def space_for(self, direction_space: str, layers: str = "all", start: str | None = None) -> str:
        """The space in which an edit along a direction happens.

        Args:
            direction_space: where the direction lives.
            layers: the edit's layers; a range needs a space with layers.
            start: the space where the codes are now; the first by default.

        Returns:
            The earliest space from `start` on that takes the direction and has the layers.

        Raises:
            InterpganError: if there is none; the message says why.
        """
        order = list(self.spaces)
        start = start or order[0]
        able = [n for n in order if self.spaces[n].takes(direction_space)]
        if not able:
            raise InterpganError(
                f"this generator has no space that takes a direction of {direction_space}"
                + did_you_mean(direction_space, order)
            )
        ahead = [n for n in able if order.index(n) >= order.index(start)]
        if not ahead:
            raise InterpganError(
                f"a direction of {direction_space} cannot move codes that are already in {start}; "
                f"apply it before the step that moves to {start}"
            )
        for name in ahead:
            if layers == "all" or self.spaces[name].layer_of is not None:
                return name
        raise InterpganError(
            f"no space that takes a direction of {direction_space} has layers; leave 'layers' at all"
        )

    def stream(
        self, seeds: Iterable[int], batch_size: int = 256, space: str | None = None
    ) -> Iterator[LatentBatch]:
        """Samples in batches, with constant memory, whatever the number of seeds.

        Args:
            seeds: any number of them.
            batch_size: samples at once.
            space: where the codes shall be; the first space by default.

        Returns:
            Batches of batch_size samples, the last one perhaps smaller.
        """
        chunk: list[int] = []
        target = space or next(iter(self.spaces))
        for seed in seeds:
            chunk.append(seed)
            if len(chunk) == batch_size:
                yield self.to_space(self.sample(chunk), target)
                chunk = []
        if chunk:
            yield self.to_space(self.sample(chunk), target)

    def images(self, batch: LatentBatch, batch_size: int = 1, alpha: bool = False) -> Tensor:
        """Render a batch with its edits.

        Args:
            batch: codes of any space.
            batch_size: how many samples pass the network at once.
            alpha: keep the fourth channel of a generator that has one.

        Returns:
            (n, 3, h, w) float32, nominally in [-1, 1]: grey in all three channels; what is transparent over white.
        """
        import torch

        return torch.cat(list(self.iter_images(batch, batch_size, alpha)))

    def iter_images(self, batch: LatentBatch, batch_size: int = 1, alpha: bool = False) -> Iterator[Tensor]:
        """`images`, part by part.

        Args:
            batch: codes of any space.
            batch_size: how many samples pass the network at once.
            alpha: keep the fourth channel of a generator that has one.

        Yields:
            (at most batch_size, 3, h, w) float32.
        """
        self._check(batch)
        for part in batch.split(batch_size):
            with self._editing(part):
                drawn = self.forward(part).float()
            yield (
                drawn if alpha and drawn.shape[1] == 4 else in_colour(drawn)
            )  # outside: other images may be drawn before the next

    def features(self, batch: LatentBatch, layers: Sequence[str]) -> dict[str, Tensor]:
        """Feature maps after the batch's edits; the network stops after the last layer asked for.

        Args:
            batch: codes of any space.
            layers: names from `self.layers`.

        Returns:
            layer -> (n, c, h, w).

        Raises:
            InterpganError: if a layer does not exist.
        """
        self._check(batch)
        modules = {name: self._module(name) for name in layers}
        last = max(layers, key=list(self.layers).index)
        with self._editing(batch):
            return outputs_of(modules, last, lambda: self.forward(batch))

    def require_layer(self, layer: str) -> None:
        """Check that there is a synthesis layer of a name.

        Raises:
            InterpganError: if there is none; the message lists those that there are.
        """
        if layer not in self.layers:
            close = did_you_mean(layer, self.layers)
            listed = "" if "there are" in close else f" (its layers: {', '.join(self.layers)})"
            raise InterpganError(f"this generator has no layer '{layer}'{close}{listed}")

    def layer_number(self, layer: str) -> int | None:
        """The number of a synthesis layer in ranges such as "0-3", where codes drive it one by one.

        Args:
            layer: a name from `self.layers`.

        Returns:
            Its position, if some space has codes of that number; None if no code is its own. A family some of
            whose layers no code drives overrides this.
        """
        number = list(self.layers).index(layer)
        spaces = [space for space in self.spaces.values() if space.layer_of is not None]
        return number if any(number in space.layer_numbers() for space in spaces) else None

    def layer_shapes(self) -> dict[str, tuple[int, int, int]]:
        """The size of every layer's feature map: layer -> (channels, height, width); renders one sample."""
        maps = self.features(self.sample([0]).to(self.device), self.layers)
        return {layer: (m.shape[1], m.shape[2], m.shape[3]) for layer, m in maps.items()}

    def _check(self, batch: LatentBatch) -> None:
        own = self.spaces.get(batch.space.name)
        if own is None or own.shape != batch.space.shape:
            raise InterpganError(
                f"codes of space {batch.space.name} with shape {batch.space.shape} do not belong to this "
                f"generator, whose spaces are "
                + ", ".join(f"{n} {tuple(s.shape)}" for n, s in self.spaces.items())
            )

    def _module(self, layer: str) -> nn.Module:
        self.require_layer(layer)
        return self.module.get_submodule(layer)

    @contextmanager
    def _editing(self, batch: LatentBatch) -> Iterator[None]:
        """Apply the batch's edits, in their order, as the network passes their layers."""
        handles = []
        try:
            for edit in batch.edits:
                module = self._module(edit.layer)
                handles.append(module.register_forward_hook(lambda _m, _i, out, e=edit: e.apply(out)))
            yield
        finally:
            for handle in handles:
                handle.remove()
