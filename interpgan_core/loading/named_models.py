"""Generators that have a name; tables of them import no torch."""

from __future__ import annotations

import importlib
import inspect
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interpgan_core.errors import InterpganError
from interpgan_core.files.downloads import download
from interpgan_core.generators.generator import Generator
from interpgan_core.loading.load_generator import load_generator


@dataclass(frozen=True)
class NamedModel:
    """A generator that has a name, and what is known of it before it is fetched or even imported.

    Tables of these stand in modules that import no torch: `interpgan-run --list models` reads them all.

    Args:
        family: such as "StyleGAN 2".
        resolution: of the pictures, in pixels.
        data: what it was trained on.
        licence: terms of use of the weights, in short; the report says them.
        target: "module:function" that makes it; the function takes the options of `load_generator`.
        shipped: the file of weights, where it comes inside the plugin; it needs no target.
        companions: operators that go with it, of this plugin and of others, and need no parameters: directions,
            scorer, segmenter, encoder. A page offers those that are installed.

    Example:
        >>> from interpgan_core.plugin import NamedModel
        >>> model = NamedModel("toy", 32, "nothing", "Apache-2.0", "interpgan_core.generators.toy:toy")
        >>> model(noise="none").noise
        'none'
    """

    family: str
    resolution: int
    data: str
    licence: str
    target: str = ""
    shipped: Path | None = None
    companions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.shipped is None and not re.fullmatch(r"[\w.]+:\w+", self.target):
            raise InterpganError(
                f"a NamedModel needs shipped, a file of weights, or a target 'module:function', not {self.target!r}"
            )

    def __call__(self, **options: Any) -> Generator:
        """Make it; options as in `load_generator`.

        Raises:
            InterpganError: if the target does not exist, or does not take these options.
        """
        made: Generator
        if self.shipped is not None:
            made = load_generator(self.shipped, **options)
        else:
            module, _, name = self.target.partition(":")
            function = getattr(importlib.import_module(module), name, None)
            if function is None:
                raise InterpganError(f"the target {self.target} of a NamedModel does not exist")
            try:
                inspect.signature(function).bind(**options)
            except TypeError as error:
                raise InterpganError(f"{self.target} does not take these options: {error}") from error
            made = function(**options)
        made.licence = made.licence or self.licence
        return made


@dataclass(frozen=True)
class Published:
    """Published weights by name; a callable that fetches and loads them.

    Args:
        family: such as "StyleGAN 2".
        resolution: of the pictures, in pixels.
        data: what they were trained on.
        licence: terms of use of the weights, in short.
        url: where its publisher says that the file is.
        file: its name in the cache; the address's last part when left out.
        sha256: what its publisher says that it is; None: recorded at the first download, and held to it.

    Example:
        >>> from interpgan_core.plugin import Published
        >>> Published("StyleGAN 2", 1024, "FFHQ", "research", "https://example.org/ffhq.pkl").name
        'ffhq.pkl'
    """

    family: str
    resolution: int
    data: str
    licence: str
    url: str
    file: str = ""
    sha256: str | None = None

    @property
    def name(self) -> str:
        """Of the file in the cache."""
        return self.file or self.url.rpartition("/")[2].partition("?")[0]

    def __call__(self, **options: Any) -> Generator:
        """Fetch it into the cache, or find it there, and load it; options as in `load_generator`."""
        generator = load_generator(download(self.url, self.name, self.sha256), **options)
        generator.licence = self.licence
        return generator


toy = NamedModel("toy", 32, "nothing: random weights", "Apache-2.0", "interpgan_core.generators.toy:toy")
"""The named model of the core."""
