"""What READMEs promise, and the tests that hold it: `promises.txt`, read; and sentences that sound like a promise."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
NONE = "no promise"
SOUNDS_LIKE_ONE = re.compile(
    r"\b(?:always|never|exactly|guaranteed?|(?:the|to the|in the) same (?:bits?|bytes?)|to the (?:bit|byte|pixel)|"
    r"at most|at least|at the latest|(?:is|are) (?:returned|kept|refused|saved|left out|left alone|never \w+)|"
    r"goes on where|go on where|no \w+ (?:falls|rises|is lost)|whatever (?:the|happens|comes))\b"
)
_CODE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z`*\[(])|(?<=:)\n")


@dataclass(frozen=True)
class Promise:
    """A line of the list: a part of a sentence of a README, and the test that holds it, or `no promise`."""

    readme: str
    words: str
    test: str


def read(path: Path) -> list[Promise]:
    """Blocks begin with `# README`; a line each is `words -> test`, `-> no promise` where it holds nothing."""
    readme, found = "", []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            readme = line.removeprefix("# ")
        elif line.strip():
            words, arrow, test = line.rpartition(" -> ")
            assert arrow and words.strip() and test.strip(), f"not `words -> test`: {line}"
            found.append(Promise(readme, words.strip(), test.strip()))
    return found


def readmes() -> dict[str, Path]:
    """Those of the project, by their place in it."""
    files = [ROOT / "README.md", *sorted(ROOT.glob("plugins/*/README.md"))]
    return {file.relative_to(ROOT).as_posix(): file for file in files}


@cache
def sentences(file: Path) -> tuple[str, ...]:
    """The sentences of a README, and the cells of its tables, each on one line; without code."""
    return tuple(_split(file.read_text(encoding="utf-8")))


def _split(text: str) -> Iterator[str]:
    text = _COMMENT.sub("", _CODE.sub("\n", text))
    block: list[str] = []
    for line in (*text.splitlines(), ""):
        starts = re.match(r"\s*(?:[-*] |\d+\. |#|\||$)", line)
        if starts:
            yield from _sentences(" ".join(block))
            block = []
        if line.startswith("|"):
            for cell in re.split(r"(?<!\\)\|", line.strip("| ")):
                yield from _sentences(cell)
        elif line.strip():
            block.append(line.strip())


def _sentences(text: str) -> Iterator[str]:
    for sentence in _END.split(" ".join(text.split())):
        if sentence.strip("-: "):
            yield sentence.strip()


def exists(test: str) -> bool:
    """Is there a test of this id: `file::name`, or `file::name[parameter]`?"""
    file, _, name = test.partition("::")
    return (ROOT / file).is_file() and name.partition("[")[0] in _tests(ROOT / file)


@cache
def _tests(file: Path) -> frozenset[str]:
    names = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            names.add(node.name)
        if isinstance(node, ast.Assign):
            names.update(target.id for target in node.targets if isinstance(target, ast.Name))
    return frozenset(name for name in names if name.startswith("test_"))
