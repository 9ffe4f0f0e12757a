"""Objects that stand beside the weights in people's files: kept as names and values, never made."""

from __future__ import annotations

import sys
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from typing import Any

from interpgan_core.files.builders import BUILDERS, Global, Placeholder, PlainDict

# Of Python's own modules, and of libraries that can do anything, only these are known to be plain values.
_VALUES = {
    "builtins": {"bool", "bytearray", "complex", "float", "frozenset", "int", "list", "slice", "str", "tuple", "range"},
    "collections": {"Counter", "defaultdict", "deque"},
    "datetime": {"date", "datetime", "time", "timedelta", "timezone"},
    "decimal": {"Decimal"},
    "fractions": {"Fraction"},
    "pathlib": {"Path", "PosixPath", "PurePath", "PurePosixPath", "PureWindowsPath", "WindowsPath"},
    "pathlib._local": {"Path", "PosixPath", "PurePath", "PurePosixPath", "PureWindowsPath", "WindowsPath"},
    "types": {"SimpleNamespace"},
    "typing": {"Any"},
    "uuid": {"UUID"},
    "torch": {"device", "dtype", "Size", "Generator", "bfloat16", "float16", "float32", "float64"},
    "numpy": {"bool", "bool_", "float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8"},
    "numpy.random._pickle": {"__bit_generator_ctor", "__generator_ctor", "__randomstate_ctor"},
    "torch.torch_version": {"TorchVersion"},
    "torch.nn.modules.module": {"_WrappedHook"},
}  # fmt: skip
_CLASSES_OF = (
    "torch.nn.modules.",
    "numpy.random.",
    "numpy.dtypes.",
    "torch.nn.parallel.",
    "torch.optim.",
    "torch._dynamo.eval_frame",
    "torch.nn.utils.spectral_norm.",
)
# Packages whose functions load, call or run what they are given; and the modules of Python 2.
_ABLE = {
    "IPython", "PIL", "cloudpickle", "dill", "django", "fsspec", "interpgan_core", "jax", "joblib", "keras",
    "matplotlib", "numba", "numexpr", "numpy", "pandas", "pip", "pkg_resources", "requests", "scipy", "setuptools",
    "skimage", "sklearn", "sympy", "tensorflow", "tfutil", "torch", "torchaudio", "torchvision",
    "__builtin__", "cPickle", "commands", "copy_reg", "exceptions", "os2", "popen2", "sets", "urllib2",
}  # fmt: skip


class Inert(Placeholder):
    """Stands for an object of a class that nothing here needs: its attributes are kept, nothing is made or called."""

    name = ""

    def __init__(self, *_args: Any, **_kwargs: Any) -> None:
        self.state: Any = None
        self.items: dict[Any, Any] = {}
        self.values: list[Any] = []

    def __new__(cls, *_args: Any, **_kwargs: Any) -> Inert:
        made = super().__new__(cls)
        made.__init__()  # type: ignore[misc]  # torch's reader makes objects without it
        return made

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def __setitem__(self, key: Any, value: Any) -> None:
        self.items[key] = value

    def extend(self, values: list[Any]) -> None:
        """What the pickle adds to an object that is a list."""
        self.values.extend(values)

    def value(self) -> Any:
        """Of a dict its items, of a list its values; of any other object the name of its class and its attributes."""
        if self.items or self.values:
            return self.items or self.values
        return {"class_name": self.name, "state": self.state}


def is_harmless(module: str, name: str) -> bool:
    """May a file name this without being refused? Whatever it is, it is not called.

    Args:
        module: as the file says it.
        name: of a global of the module.

    Returns:
        True for classes of people's own programs and for plain values; False for what Python itself or a library
        could be made to run, which no good file has.
    """
    if name in _VALUES.get(module, ()) or module == "torch.nn.functional":
        return True
    if f"{module}.".startswith(_CLASSES_OF):
        return name[:1].isupper() and "." not in name
    package = module.partition(".")[0]
    if module.startswith(
        "dnnlib.tflib"
    ):  # these networks are nothing without the source code in their pickle
        return False
    return package not in _ABLE and package not in sys.stdlib_module_names and package.isidentifier()


def inert(module: str, name: str) -> type:
    """The class that stands for a harmless global; a dict of another class is a dict here."""
    if name.lower().endswith("dict"):
        return PlainDict
    full = f"{module}.{name}"
    return type(full, (Inert,), {"name": full})  # by that name torch's reader speaks of it


def of_python3(module: str, name: str) -> tuple[str, str]:
    """What a global of Python 2 is called today; others as they are."""
    return NAME_MAPPING.get((module, name), (IMPORT_MAPPING.get(module, module), name))


def builder_of(module: str, name: str) -> Global | None:
    """What stands for a global of a pickle; None = the file is refused."""
    if (module, name) not in BUILDERS:
        module, name = of_python3(module, name)
    build = BUILDERS.get((module, name))
    if build is None and is_harmless(module, name):
        build = inert(module, name)
    return None if build is None else Global(f"{module}.{name}", build)
