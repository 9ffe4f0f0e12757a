"""What a person reads who writes a step of this plugin wrongly."""

import pytest

from interpgan_core.testing import recipe_error

START = """\
interpgan: 1
steps:
  - {use: generator, weights: toy}
  - {use: sample, id: people, seeds: 0-3}
  - {use: avatars.text, id: net}
"""
WRONG = {
    '{use: text.rank, net: $net, text: " "}': "a text is empty; write what the picture shall show, such as",
    "{use: text.directions, net: $net, texts: {old: old}, entries: 3, threshold: 0.1}": (
        "give either 'entries' or 'threshold': both say how many entries move"
    ),
    "{use: text.scorer, net: $net, texts: {}}": "'texts' of text.scorer",
    "{use: text.optimise, net: $people, text: old}": "$people is a LatentBatch, not a TextImageNet",
    "{use: text.optimise, net: $net, text: old, steps: 0}": "'steps' of text.optimise must be",
    "{use: text.optimise, net: $net, text: old, method: hope}": "must be 'evolution' or 'gradient', not 'hope'",
    "{use: text.paint, net: $net, text: red hair}": (
        "say where to paint: a 'region', or 'parts' and the 'segmenter' that finds them"
    ),
    "{use: text.paint, net: $net, text: red hair, parts: [hair]}": (
        "parts are found by a segmenter; name its step in 'segmenter'"
    ),
    "{use: text.paint, net: $net, text: red hair, region: [0.5, 0, 0.2, 1]}": (
        "a region is [top, left, bottom, right], from 0 to 1, top above bottom"
    ),
    "{use: text.adapt, net: $net, text: an old person, least_diversity: 2}": "'least_diversity' of text.adapt must be",
    "{use: text.clip, weights: nothing.bin}": "there is no file nothing.bin",
    "{use: text.clip, weights: recipe.yaml, activation: relu}": "must be 'auto', 'quickgelu' or 'gelu', not 'relu'",
}


@pytest.mark.parametrize("step", WRONG)
def test_a_wrong_step_gets_a_sentence(step, tmp_path):
    assert WRONG[step] in recipe_error(f"{START}  - {step}\n", tmp_path)
