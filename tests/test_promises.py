"""Every sentence of a README that promises something is on the list, each with a test that holds it."""

import re

import promises
import pytest

LIST = promises.ROOT / "tests/promises.txt"
KNOWN = promises.read(LIST)
READMES = promises.readmes()


def listed(readme: str) -> list[promises.Promise]:
    return [promise for promise in KNOWN if promise.readme == readme]


@pytest.mark.parametrize("promise", KNOWN, ids=[f"{p.readme}: {p.words}" for p in KNOWN])
def test_a_promise_stands_in_its_readme_and_has_a_test(promise):
    assert promise.readme in READMES, f"there is no {promise.readme}; remove its lines from {LIST.name}"
    found = [s for s in promises.sentences(READMES[promise.readme]) if promise.words in s]
    assert found, f"{promise.readme} no longer says so; change the line of {LIST.name}, and look at its test"
    if promise.test != promises.NONE:
        assert promises.exists(promise.test), f"there is no {promise.test}; name the test that holds it now"


@pytest.mark.parametrize("readme", READMES)
def test_what_sounds_like_a_promise_is_on_the_list(readme):
    words = [promise.words for promise in listed(readme)]
    missing = [
        sentence
        for sentence in promises.sentences(READMES[readme])
        if promises.SOUNDS_LIKE_ONE.search(sentence) and not any(part in sentence for part in words)
    ]
    assert not missing, (
        f"{readme} promises this; add to {LIST.name} a part of each sentence with its test, "
        f"or `-> {promises.NONE}`: {missing}"
    )


def test_no_line_stands_there_twice():
    lines = [line for line in LIST.read_text().splitlines() if line and not line.startswith("#")]
    blocks = [line for line in LIST.read_text().splitlines() if line.startswith("#")]
    assert len(set(blocks)) == len(blocks)
    assert len({(p.readme, p.words) for p in KNOWN}) == len(lines)


def test_sentences_are_told_apart(tmp_path):
    file = tmp_path / "README.md"
    file.write_text(
        "# Head\n\nOne is\nkept. Two `is`\n- in a list\n\n```bash\nthree is kept\n```\n| a cell | is saved |\n"
    )
    assert list(promises.sentences(file)) == [
        "# Head",
        "One is kept.",
        "Two `is`",
        "- in a list",
        "a cell",
        "is saved",
    ]
    assert promises.SOUNDS_LIKE_ONE.search("its code is returned")
    assert not re.search(promises.SOUNDS_LIKE_ONE, "a code that returns")
