"""What every generator is, and what the core gives each one: sampling, mapping, images, features."""

from __future__ import annotations

import copy
import hashlib
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

from interpgan_core.errors import InterpganError, did_you_mean
from interpgan_core.generators.added import AddedLayer, holds_layer, read_layer, write_layer
from interpgan_core.generators.coded import Coded
from interpgan_core.generators.colour import in_colour
from interpgan_core.generators.latents import LatentBatch
from interpgan_core.generators.networks import outputs_of, rectify
from interpgan_core.generators.saving import ATTACHED, SavedGenerator, read_generator, write_generator
from interpgan_core.generators.spaces import LatentSpace

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


class Generator(Coded):
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
        added: layers that were put behind others, see `with_layer`; name -> layer.
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
    classes: int = 0
    layers: Sequence[str] = ()
    class_names: Sequence[str] = ()
    discriminator: nn.Module | None = None
    concepts: Mapping[str, tuple[str, tuple[int, ...]]] = MappingProxyType({})
    fingerprint: str
    codes_of: str = ""
    licence: str = ""
    notes: Mapping[str, Any] = MappingProxyType({})
    rectified: Sequence[str] = ()
    attached: Mapping[str, Tensor] = MappingProxyType({})
    added: Mapping[str, AddedLayer] = MappingProxyType({})

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
        """Does its family say how, or is it another one with a layer more?"""
        return bool(self.added) or type(self).saved is not Generator.saved

    def save(self, folder: Path) -> None:
        """Write `generator.safetensors` into the folder, with the discriminator and concepts where there are any.

        Of a generator with an added layer it is `layer.safetensors`: that layer alone, the concepts and the notes.
        """
        if self.added:
            last = list(self.added.values())[-1]
            write_layer(folder, last, self.fingerprint, self.concepts, self.notes)
            return
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
        """Read what `save` wrote, onto the CPU.

        Args:
            folder: it, or the file itself.
            generator: whose layer it is, where `save` wrote a layer.

        Returns:
            The generator; with a layer, it shares its networks with the one that was given.

        Raises:
            InterpganError: if the file is missing or damaged, or holds a layer of another generator.
        """
        if holds_layer(folder):
            if generator is None:
                raise InterpganError(f"{folder} holds a layer; load the generator that it was made for first")
            return generator.with_layer_from(folder)
        made: Generator = read_generator(folder / "generator.safetensors" if folder.is_dir() else folder)
        return made

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        for tensor in chain(self.module.parameters(), self.module.buffers()):
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

    def with_layer(self, layer: AddedLayer) -> Self:
        """The same generator with a layer more, which changes pictures only where an edit changes its maps.

        Args:
            layer: on this generator's device; its name is new.

        Returns:
            A generator that shares the networks with this one, which stays as it is. Its codes, and directions, are
            this one's.

        Raises:
            InterpganError: if there is no layer for it to stand behind, or one of its name.
        """
        self.require_layer(layer.behind)
        if layer.name in self.layers:
            raise InterpganError(f"this generator has a layer '{layer.name}'; take one without it")
        made = copy.copy(self)
        # Edits of the layer itself come after those of the one behind it, which its maps pass first.
        place = list(self.layers).index(layer.behind)
        made.layers = [*self.layers[:place], layer.name, *self.layers[place:]]
        made.added = {**self.added, layer.name: layer}
        made.fingerprint = layer.fingerprint_on(self.fingerprint)
        known = self.notes.get("codes of")
        older = known if isinstance(known, list | tuple) else ()
        made.notes = {**self.notes, "codes of": [self.fingerprint, *older]}
        return made

    def with_layer_from(self, path: Path) -> Generator:
        """The same generator with a layer that a file keeps, with the concepts and the notes that were saved with it.

        Args:
            path: `layer.safetensors`, or its folder.

        Returns:
            A generator that shares its networks with this one; with other concepts, where the layer is its own already.

        Raises:
            InterpganError: if the file is damaged, holds no layer, or one of another generator.
        """
        stored = read_layer(path)
        stored.require(self.fingerprint)
        with_it = self
        if self.fingerprint != stored.own:
            with_it = self.with_layer(stored.layer.to(self.device))
        named = with_it.with_concepts(stored.concepts)
        named.notes = stored.notes
        return named

    def to(self, device: Any) -> Self:
        """Move the network, its discriminator, what is attached, and the means of its spaces; returns itself."""
        self.module.to(device)
        if self.discriminator is not None:
            self.discriminator.to(device)
        self.attached = {name: tensor.to(device) for name, tensor in self.attached.items()}
        self.spaces = {name: space.to(device) for name, space in self.spaces.items()}
        self.added = {name: layer.to(device) for name, layer in self.added.items()}
        return self

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
        with self._editing(batch, layers):
            return outputs_of(modules, last, lambda: self.forward(batch))

    @property
    def own_layers(self) -> list[str]:
        """The layers of the network itself, without those that were added."""
        return [name for name in self.layers if name not in self.added]

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
        if layer in self.added:
            return None
        number = self.own_layers.index(layer)
        spaces = [space for space in self.spaces.values() if space.layer_of is not None]
        return number if any(number in space.layer_numbers() for space in spaces) else None

    def layer_shapes(self) -> dict[str, tuple[int, int, int]]:
        """The size of every layer's feature map: layer -> (channels, height, width); renders one sample."""
        maps = self.features(self.sample([0]).to(self.device), self.layers)
        return {layer: (m.shape[1], m.shape[2], m.shape[3]) for layer, m in maps.items()}

    def _module(self, layer: str) -> nn.Module:
        self.require_layer(layer)
        return self.added[layer].maps if layer in self.added else self.module.get_submodule(layer)

    @contextmanager
    def _editing(self, batch: LatentBatch, more: Sequence[str] = ()) -> Iterator[None]:
        """Apply the batch's edits, in their order, as the network passes their layers; `more` layers are looked at."""
        # What comes from other samples is drawn first: the network has no hooks yet.
        edits = [one for edit in batch.edits for one in edit.edits(self)]
        handles = []
        try:
            for name, layer in self.added.items():
                if name in {*more, *(edit.layer for edit in edits)}:
                    behind = self._module(layer.behind)
                    handles.append(behind.register_forward_hook(lambda _m, _i, out, on=layer: on.module(out)))
            for edit in edits:
                module = self._module(edit.layer)
                handles.append(module.register_forward_hook(lambda _m, _i, out, e=edit: e.apply(out)))
            yield
        finally:
            for handle in handles:
                handle.remove()
