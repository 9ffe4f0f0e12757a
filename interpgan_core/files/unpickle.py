"""Reading pickles as data: a machine that knows a pickle's opcodes but can only build plain values.

Python's own unpickler calls what the file names. This one looks every name up in `BUILDERS`, a table of
functions of this package, keeps the objects of people's own classes as inert values, and calls nothing else; it
imports nothing and asks no object for an attribute.
"""

from __future__ import annotations

import pickletools
import re
from collections.abc import Iterator
from typing import IO, Any, cast

from interpgan_core.errors import InterpganError
from interpgan_core.files.builders import Global, Placeholder, key
from interpgan_core.files.inert import Inert, builder_of
from interpgan_core.files.plain import plain

MAX_STEPS = 4_000_000  # of one pickle: about ten seconds

# Opcodes that push their argument.
VALUES = {
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "STRING",
    "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8",
    "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8",
}  # fmt: skip

_TENSORFLOW = {"dnnlib.tflib.network.Network", "tfutil.Network"}
_SOURCE = 2**21  # bytes at the start of such a pickle that hold the source code of its network
_LEGACY = (
    "with legacy.py of NVIDIA's stylegan2-ada-pytorch on a machine that you can spare, and load the .pkl that "
    "it writes"
)
_CONVERSIONS = (
    "take a conversion, such as the named models stylegan.v1-ffhq-1024 and stylegan.v1-celebahq-1024"
)
# A name in the source code, the family, and what can be done.
_FAMILIES = (
    (b"G_mapping_ND", "LIA", "There is no conversion to PyTorch that is known here, and no plugin for it"),
    (b"G_synthesis_stylegan2", "StyleGAN 2", f"Convert it {_LEGACY}"),
    (b"G_style", "StyleGAN 1", f"NVIDIA's legacy.py does not read it: {_CONVERSIONS}"),
    (
        b"",
        "",
        f"If it is a StyleGAN 2, convert it {_LEGACY}; legacy.py does not read StyleGAN 1: {_CONVERSIONS}",
    ),
)


class RestrictedUnpickler:
    """Reads one pickle from a file.

    Args:
        file: open for reading, seekable, at the start of the pickle.
        what: names the file in messages.
    """

    def __init__(self, file: IO[bytes], what: str) -> None:
        self.file, self.what = file, what
        self.begin = file.tell()
        self.size = file.seek(0, 2) - self.begin
        self.budget = 4 * self.size + 1000
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def load(self) -> Any:
        """Read the pickle.

        Returns:
            Nested dicts and lists of numbers, strings, bytes, None, numpy arrays and torch tensors. Tuples
            and sets become lists; a network of NVIDIA's becomes {class_name, version, state}.

        Raises:
            InterpganError: if it names anything that could be made to run, is damaged, or describes more than it
                holds.
        """
        self.file.seek(self.begin)
        try:
            for name, arg in _steps(self.file, self.size):
                self._step(name, arg)
            return plain(self.stack.pop(), self.size)
        except InterpganError:
            raise
        except Exception as error:  # whatever a hostile stream brings about
            raise damaged(error, self.what) from error

    def find_class(self, module: str, name: str) -> Global:
        """What stands for a global; the only gate.

        Raises:
            InterpganError: if nothing does; names every global of the pickle that is refused.
        """
        if found := builder_of(module, name):
            return found
        self.file.seek(self.begin)
        named = {pair for pair in globals_in(self.file, self.size) if builder_of(*pair) is None}
        self.file.seek(self.begin)
        source = self.file.read(_SOURCE)
        raise refusal({".".join(pair) for pair in named | {(module, name)}}, self.what, source)

    def _step(self, name: str, arg: Any) -> None:
        stack, memo = self.stack, self.memo
        match name:
            case "PROTO" | "FRAME" | "STOP":
                pass
            case "NONE":
                stack.append(None)
            case "NEWTRUE" | "NEWFALSE":
                stack.append(name == "NEWTRUE")
            case "EMPTY_LIST" | "EMPTY_SET":
                stack.append([])  # a set would hash what it holds, and that may take for ever
            case "EMPTY_DICT":
                stack.append({})
            case "EMPTY_TUPLE":
                stack.append(())
            case "MARK":
                self.marks.append(len(stack))
            case "POP":
                # A mark may be popped too.
                if self.marks and self.marks[-1] == len(stack):
                    self.marks.pop()
                else:
                    stack.pop()
            case "POP_MARK":
                self._since_mark()
            case "DUP":
                stack.append(stack[-1])
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                stack.append(tuple(self._last(int(name[5]))))
            case "TUPLE":
                stack.append(tuple(self._since_mark()))
            case "LIST" | "FROZENSET":
                stack.append(self._since_mark())
            case "DICT":
                stack.append(_pairs(self._since_mark()))
            case "APPEND" | "APPENDS" | "ADDITEMS":
                items = self._last(1) if name == "APPEND" else self._since_mark()
                self._top(list, Inert).extend(items)
            case "SETITEM" | "SETITEMS":
                items = self._since_mark() if name == "SETITEMS" else self._last(2)
                top = self._top(dict, Inert)
                (top.items if isinstance(top, Inert) else top).update(_pairs(items))
            case "PUT" | "BINPUT" | "LONG_BINPUT":
                memo[arg] = stack[-1]
            case "MEMOIZE":
                memo[len(memo)] = stack[-1]
            case "GET" | "BINGET" | "LONG_BINGET":
                stack.append(memo[arg])
            case "GLOBAL":
                stack.append(self.find_class(*arg.split(" ", 1)))
            case "STACK_GLOBAL":
                module, attribute = self._last(2)
                if not (isinstance(module, str) and isinstance(attribute, str)):
                    raise TypeError("a global without a name")
                stack.append(self.find_class(module, attribute))
            case "REDUCE" | "NEWOBJ":
                function, args = self._last(2)
                stack.append(self._call(function, args))
            case "INST":
                stack.append(self._call(self.find_class(*arg.split(" ", 1)), self._since_mark()))
            case "OBJ":
                function, *args = self._since_mark()
                stack.append(self._call(function, args))
            case "BUILD":
                [state] = self._last(1)
                # Attributes of a dict (a state dict's _metadata) say nothing about weights.
                if not isinstance(stack[-1], dict):
                    self._top(Placeholder).__setstate__(state)
            case _ if name in VALUES:
                if isinstance(arg, int) and arg.bit_length() > 1024:
                    raise ValueError("a number that is too long")
                stack.append(bytes(arg) if name == "BYTEARRAY8" else arg)
            case _:
                raise ValueError(f"the opcode {name} has no place in a file of weights")

    def _call(self, function: Any, args: Any) -> Any:
        if not isinstance(function, Global) or not isinstance(args, tuple | list):
            raise TypeError("something is called that is no function")
        # A short stream must not have a long list copied again and again.
        self.budget -= len(args) + sum(
            len(a) for a in args if isinstance(a, str | bytes | list | tuple | dict)
        )
        if self.budget < 0:
            raise ValueError("it describes more than it holds")
        return function.build(*args)

    def _top(self, *kinds: type) -> Any:
        top = self.stack[-1]
        if not isinstance(top, kinds):
            raise TypeError(f"{type(top).__name__} where {kinds[0].__name__} is needed")
        return top

    def _last(self, count: int) -> list[Any]:
        if len(self.stack) < count:
            raise IndexError("something is missing")
        items = self.stack[-count:]
        del self.stack[-count:]
        return items

    def _since_mark(self) -> list[Any]:
        mark = self.marks.pop()
        items = self.stack[mark:]
        del self.stack[mark:]
        return items


def globals_in(file: IO[bytes], size: int) -> Iterator[tuple[str, str]]:
    """Every global that a pickle names, found without building anything; good for messages only.

    Args:
        file: at the start of the pickle; afterwards behind it.
        size: bytes at most.

    Yields:
        (module, name), as far as the stream can be read.
    """
    strings: list[Any] = [None, None]
    memo: dict[int, Any] = {}
    try:
        for name, arg in _steps(file, size):
            if name in ("GLOBAL", "INST"):
                module, _, attribute = arg.partition(" ")
                yield module, attribute
            elif name == "STACK_GLOBAL":
                yield str(strings[-2]), str(strings[-1])
            elif name in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"):
                memo[len(memo) if arg is None else arg] = strings[-1]
            elif name in ("GET", "BINGET", "LONG_BINGET"):
                strings = [strings[-1], memo.get(arg)]
            elif name in VALUES:
                strings = [strings[-1], arg]
            elif name not in ("PROTO", "FRAME"):
                strings = [strings[-1], None]
    except Exception:  # damaged: what was found so far must do
        return


def refusal(names: set[str], what: str, source: bytes = b"") -> InterpganError:
    """The error for a file that asks to run code.

    Args:
        names: globals that were refused.
        what: names the file.
        source: its start, where it may say which network it is.
    """
    if names & _TENSORFLOW:
        family, way = next((family, way) for mark, family, way in _FAMILIES if mark in source)
        if "tfutil.Network" in names:
            family, way = "PGGAN", "Take a conversion to PyTorch, such as the named model pggan.celebahq-1024"
        which = f", {family}" if family else ""
        return InterpganError(
            f"{what} is a network of TensorFlow{which}, whose pickle runs its own source code; it was not opened. {way}"
        )
    listed = ", ".join(_printable(name, 80) for name in sorted(names)[:12])
    more = f" and {len(names) - 12} more" if len(names) > 12 else ""
    return InterpganError(
        f"{what} asks to run code that is no part of any weights: {listed}{more}. It was not opened. "
        "If it comes from someone you trust, ask for its weights alone: a state dict or a safetensors file"
    )


def damaged(error: Exception, what: str) -> InterpganError:
    """The error for a file that could not be read.

    Args:
        error: what the reader met.
        what: names the file.
    """
    # So says torch of a global that it refuses, here perhaps in a torch file inside the pickle.
    if refused := re.search(r"GLOBAL (\S+) (?:was not|whose)", str(error)):
        return refusal({refused[1]}, what)
    reason = _printable(str(error).partition("\n")[0], 200) or type(error).__name__
    return InterpganError(f"{what} was cut short or is damaged ({reason}); download or make it again")


def _printable(text: str, limit: int) -> str:
    """What a file says, for a message: not endless, and without commands to the terminal."""
    return "".join(c if c.isprintable() else "?" for c in text[:limit])


def _steps(file: IO[bytes], size: int) -> Iterator[tuple[str, Any]]:
    """The opcodes of a pickle with their arguments."""
    stream = cast(IO[bytes], _Bounded(file, size))
    for count, (opcode, arg, _position) in enumerate(pickletools.genops(stream)):
        if count > MAX_STEPS:
            raise ValueError("it has too many steps")
        yield opcode.name, arg


class _Bounded:
    """A file that is never asked for more bytes than it has: a length in the stream may be any number."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self.file, self.end = file, file.tell() + size

    def read(self, count: int) -> bytes:
        return self.file.read(min(count, self.end - self.file.tell()))

    def readline(self) -> bytes:
        return self.file.readline(self.end - self.file.tell())


def _pairs(items: list[Any]) -> dict[Any, Any]:
    return {key(name): value for name, value in zip(items[::2], items[1::2], strict=True)}
