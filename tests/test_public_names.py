"""The public names: a plugin may rely on these and no others."""

import ast
import importlib
import inspect
import itertools
import pkgutil
import typing
from pathlib import Path

import pytest

import interpgan_core
import interpgan_core.plugin

NAMES = {
    "errors": "InterpganError Remark did_you_mean",
    "plugins": "hookimpl StepReport installed",
    "generators": "Generator AddedLayer HasEncoder HasStyleWeights load_generator",
    "latent codes": """
        LatentSpace LatentBatch FeatureEdit SourceEdit RankedUnits Grid seeded_normal check_batch_size
        check_equal_lengths
    """,
    "pictures": "contact_sheet difference to_uint8 ImageSet read_picture each_picture Square Cutouts",
    "directions": "Direction DirectionSet Mover LearnedMover MoverSet load_directions sigma",
    "what operators are made of": """
        Operator EditOperator Input InputFile Layers Units Seeds Ranges Progress quiet Artifact Engine
        Shown Control controls_of
    """,
    "what looks at images": "Scorer Scores score_images FeatureNet Finish",
    "regions": "Segmenter Parts parts_of check_parts part_maps mask_of InRegion Region SoftSegmenter",
    "the builtin operators": """
        LoadGenerator LoadBatch LoadDirections LoadMovers Save Sample Truncate Mix Interpolate Shift Reach Walk Sweep
        Place Exchange Ablate Insert Score ReadScores ReadImages Render RenderSamples
    """,
    "reports": "Report Strip Picture Table",
    "files": "read_weights read_npy read_npz read_safetensors write_safetensors",
    "runs": "make_plan Plan run Live use_the_machine_well",
}
FOR_BACKBONES = """
    Backbone Checkpoint Description LoadOptions Noise Precision as_channels check_option check_resolution
    recognise remark NamedModel Published
    SavedGenerator Shapes StoredNetwork renamed state_of build channels_last group_std reused_maps UpsamplingKernel
    rectify outputs_of fingerprint download cache_folder sha256_of placing Wheel Curve minimise
    LearnedDirections TrainingCodes check_held_out report_of_training
"""
PUBLIC = sorted(" ".join(NAMES.values()).split())
HOME = {name: f"interpgan_core.{module}" for name, module in interpgan_core._MODULE.items()}
PLUGIN = {
    alias.name: node.module
    for node in ast.parse(Path(interpgan_core.plugin.__file__).read_text()).body
    if isinstance(node, ast.ImportFrom)
    for alias in node.names
}


def test_these_are_the_names_for_authors_of_backbones():
    assert sorted(PLUGIN) == sorted(FOR_BACKBONES.split())
    assert not set(PLUGIN) & set(PUBLIC), "a name has one public place"


def test_these_are_the_public_names():
    assert interpgan_core.__all__ == PUBLIC
    assert dir(interpgan_core) == PUBLIC


def test_type_checkers_are_told_the_same():
    tree = ast.parse(Path(interpgan_core.__file__).read_text())
    told = {
        (alias.name, node.module)
        for block in tree.body
        if isinstance(block, ast.If)
        for node in block.body
        for alias in node.names
    }
    assert told == set(HOME.items())


@pytest.mark.parametrize("name", PUBLIC)
def test_a_name_is_what_its_module_has(name):
    # A module that is imported becomes an attribute of the package: it must not hide a name.
    for module in pkgutil.walk_packages(interpgan_core.__path__, "interpgan_core."):
        importlib.import_module(module.name)
    assert getattr(interpgan_core, name) is getattr(importlib.import_module(HOME[name]), name)


def test_a_name_that_there_is_not():
    with pytest.raises(AttributeError, match="interpgan_core has no 'Genrator'"):
        _ = interpgan_core.Genrator


def alias_docstring(name):
    """The string below `name = …` in the module that has it."""
    body = ast.parse(Path(importlib.import_module((HOME | PLUGIN)[name]).__file__).read_text()).body
    for line, below in itertools.pairwise(body):
        if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == name:
            return below.value.value if isinstance(below, ast.Expr) else None
    return None


def lacking(label, function, text, sections_from):
    """What the docstring of a function lacks: "Args" from so many arguments on, "Returns" with "Args"."""
    signature = inspect.signature(function)
    arguments = [p for p in signature.parameters if p not in ("self", "cls")]
    if not text:
        return [f"{label} has no docstring"]
    needs = len(arguments) >= sections_from or "Args:" in text
    found = []
    if arguments and needs:
        found += [f"{label} does not explain '{a}'" for a in arguments if a not in text.partition("Args:")[2]]
    returns = signature.return_annotation not in ("None", None)
    if needs and arguments and returns and not ("Returns:" in text or "Yields:" in text):
        found.append(f"{label} does not say what it returns")
    return found


def methods(cls):
    """Public methods and properties that a class defines itself, but for those whose promise it inherits."""
    for name, member in vars(cls).items():
        function = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
        if inspect.isfunction(function) and not name.startswith("_"):
            promised = any(getattr(vars(base).get(name), "__doc__", None) for base in cls.__mro__[1:])
            if function.__doc__ or not promised:
                yield name, function


@pytest.mark.parametrize("name", [*PUBLIC, *PLUGIN])
def test_a_name_is_explained(name):
    thing = getattr(importlib.import_module((HOME | PLUGIN)[name]), name)
    if inspect.isfunction(thing):
        # Of a method with one or two arguments the sentence may say all.
        assert lacking(name, thing, thing.__doc__, sections_from=1) == []
    elif inspect.isclass(thing):
        assert vars(thing).get("__doc__") and not thing.__doc__.startswith(f"{name}(")
        fields = getattr(thing, "__dataclass_fields__", {})
        assert [field for field in fields if field not in thing.__doc__] == []
        assert [
            s for m, f in methods(thing) for s in lacking(f"{name}.{m}", f, f.__doc__, sections_from=3)
        ] == []
    elif name != "hookimpl":  # of pluggy
        assert typing.get_origin(thing)
        assert alias_docstring(name)
