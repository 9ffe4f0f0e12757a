"""What a published encoder's file holds, from its names, its shapes and, where it has them, its options."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from interpgan_core import InterpganError
from interpgan_core.plugin import Checkpoint, Shapes, StoredNetwork, build

if TYPE_CHECKING:
    from torch import Tensor, nn

    from interpgan_inversion.published.network import Plan

Kind = Literal["e4e", "psp"]
"""How the codes of layers are made: e4e, each is added to the first; psp, each by itself."""

IR_SE50 = ("input_layer.0.weight", "body.0.res_layer.1.weight")
_RESNET = ("conv1.weight", "relu.weight", "body.0.conv1.weight")
_IDINVERT = ("block0.conv.weight", "block1.conv1.weight", "block1.wscale1.bias")
_UNITS = {"IR-SE50": 24, "ResNet-34": 16}
_COUNTER = ".num_batches_tracked"  # of batch norm, for training alone
_LOOKS_TWICE = 6  # channels of ReStyle: the picture, and what its codes draw
_MOST_ITERATIONS = 100
_ITERATIONS = 5  # of ReStyle, where the file does not say
_PICTURE = 256  # pixels
_LARGEST = 1024  # pixels of the pictures of any encoder
_CARS = (192, 256)

# The names of the networks in the options: the paper's, whether codes are added to the first, and the body.
_TYPES: dict[str, tuple[bool | None, str]] = {
    "Encoder4Editing": (True, "IR-SE50"),
    "SingleStyleCodeEncoder": (None, "IR-SE50"),
    "WEncoder": (None, "IR-SE50"),
    "GradualStyleEncoder": (False, "IR-SE50"),
    "BackboneEncoderUsingLastLayerIntoW": (None, "IR-SE50"),
    "BackboneEncoderUsingLastLayerIntoWPlus": (None, "IR-SE50"),
    "BackboneEncoder": (False, "IR-SE50"),
    "ProgressiveBackboneEncoder": (True, "IR-SE50"),
    "ResNetBackboneEncoder": (False, "ResNet-34"),
    "ResNetGradualStyleEncoder": (False, "ResNet-34"),
    "ResNetProgressiveBackboneEncoder": (True, "ResNet-34"),
}


@dataclass(frozen=True, eq=False)
class Found:
    """A published encoder in a file, not yet built.

    Args:
        checkpoint: the file.
        name: such as "e4e".
        codes: how many it gives; 1 = one for all layers, a code of W.
        used: how many of them its generator takes.
        size: numbers of a code.
        picture: height and width of what it sees, in pixels.
        inputs: channels of what it sees.
        make: makes the network; its weights come from the file.
        state: the network's tensors.
        mean: (size,) or (codes, size), to which codes are added; None where the file has none.
        adds_mean: are its codes to be added to the mean of W?
        iterations: how often ReStyle looks; 1 for all others.
        family: whose codes they are, such as "StyleGAN 2".
        data: what it was trained on, in the file's own word; "" where it does not say.
    """

    checkpoint: Checkpoint
    name: str
    codes: int
    used: int
    size: int
    picture: tuple[int, int]
    inputs: int
    make: Callable[[], nn.Module]
    state: Mapping[str, Tensor]
    mean: Tensor | None
    adds_mean: bool
    iterations: int
    family: str
    data: str

    @property
    def in_words(self) -> str:
        """What it is, in a few words: "e4e, 18 codes of 512 numbers"."""
        many = (
            f"one code of {self.size} numbers"
            if self.codes == 1
            else f"{self.codes} codes of {self.size} numbers"
        )
        return f"{self.name}{f' ({self.data})' if self.data else ''}, {many}"

    @property
    def pictures(self) -> str:
        """What its pictures must be."""
        height, width = self.picture
        if self.inputs == 1:
            return f"sketches of {width} px, drawn as those that it was trained on"
        if self.picture == _CARS:
            return f"cars, {height} x {width} px: the middle three quarters of a square picture"
        return (
            f"{width} px, aligned as those that it was trained on (faces as those of FFHQ: inversion.align)"
        )

    @property
    def looks_again(self) -> bool:
        """Does it look at the picture, and at what its codes draw, several times?"""
        return self.inputs == _LOOKS_TWICE

    @property
    def has_generator(self) -> bool:
        """Does its own generator stand in the same file?"""
        return any(name.endswith("decoder.input.input") for name in self.checkpoint.shapes)

    def facts(self) -> dict[str, str]:
        """What it is, by label, to be shown."""
        facts = {"encoder": self.in_words, "its pictures": self.pictures}
        if self.used != self.codes:
            facts["its codes"] = f"the first {self.used} are used"
        if self.looks_again:
            facts["it looks"] = f"{self.iterations} times, at the picture and at what its codes draw"
        if self.adds_mean and self.mean is None:
            facts["its mean code"] = "not in the file; the generator's takes its place"
        return facts

    def built(self) -> nn.Module:
        """The network, its weights still in the file where that is large.

        Raises:
            InterpganError: if a tensor is missing, is not known, or has another shape than the network's.
        """
        return build(self.make, self.state, self.checkpoint.path)

    def network(self) -> nn.Module:
        """The network, its weights in memory once.

        Raises:
            InterpganError: as `built`.
        """
        network = self.built()
        self.checkpoint.own(network)
        return network


def find(checkpoint: Checkpoint, kind: Kind | None = None) -> Found | None:
    """The encoder of a file.

    Args:
        checkpoint: any file.
        kind: for a file that does not say how the codes of layers are made.

    Returns:
        What it is; None where there is none.

    Raises:
        InterpganError: if there is one, and it is damaged, of a variant that is not known, or does not say what it is.
    """
    found = checkpoint.network(_IDINVERT)
    if found is not None:
        return _idinvert(checkpoint, found, kind)
    found = checkpoint.network(IR_SE50, _RESNET)
    if found is None or not any(_is_head(name) for name in found.tensors):
        return None
    return _style_encoder(checkpoint, found, kind)


def _is_head(name: str) -> bool:
    return name.startswith(("styles.", "linear.", "output_layer_2."))


def _style_encoder(checkpoint: Checkpoint, found: StoredNetwork, kind: Kind | None) -> Found:
    from interpgan_inversion.published.network import StyleEncoder

    state, shapes = _read(checkpoint, found, "pSp, e4e or ReStyle")
    options = _options(checkpoint)
    said = str(options.get("encoder_type", ""))
    plan = _plan(shapes, _added(shapes, said, options, kind))
    if said and _TYPES[said][1] != plan.body:
        shapes.fail(f"says that it is a {said}, and its tensors are those of {plan.body}")
    side = options.get("stylegan_size", options.get("output_size"))
    used = plan.codes
    if plan.codes > 1 and isinstance(side, int) and not isinstance(side, bool) and side >= 4:
        # Files for cars of 512 pixels have the heads of 1024, and the first 16 of their codes are used.
        used = 2 * (side.bit_length() - 1) - 2
        if used > plan.codes:
            shapes.fail(
                f"gives {plan.codes} codes, and says that it is of pictures of {side} px, which take {used}"
            )
    mean, codes = _mean(shapes, plan, (found.beside or {}).get("latent_avg"))
    if codes != plan.codes:
        used = codes
    restyle = plan.inputs == _LOOKS_TWICE
    name = "e4e" if plan.added or "stylegan_size" in options else "pSp"
    if restyle:
        name = f"ReStyle of {name}, {plan.body}"
    data = str(options.get("dataset_type", ""))
    repeated = options.get("n_iters_per_batch")
    known = isinstance(repeated, int) and 0 < repeated < _MOST_ITERATIONS
    return Found(
        checkpoint,
        name,
        codes,
        used,
        plan.size,
        _CARS if data.startswith("cars") else (_PICTURE, _PICTURE),
        plan.inputs,
        partial(StyleEncoder, plan),
        state,
        mean,
        adds if isinstance(adds := options.get("start_from_latent_avg"), bool) else mean is not None,
        (int(repeated or 0) if known else _ITERATIONS) if restyle else 1,
        "StyleGAN 2",
        data if re.fullmatch(r"\w{1,40}", data) else "",
    )


def _mean(shapes: Shapes, plan: Plan, mean: Tensor | None) -> tuple[Tensor | None, int]:
    """The mean code, (size,) or (codes, size), and how many codes there are when it is added.

    Raises:
        InterpganError: if it fits no codes of the encoder.
    """
    if mean is None:
        return None, plan.codes
    rows = 1 if mean.ndim < 2 else len(mean)
    if (
        not mean.is_floating_point()
        or mean.ndim not in (1, 2)
        or mean.shape[-1] != plan.size
        or (plan.codes > 1 and rows not in (1, plan.codes))
    ):
        shapes.fail(
            f"has a mean code of shape {tuple(mean.shape)}, and its encoder gives {plan.codes} of {plan.size} numbers"
        )
    mean = mean.float().clone()
    if mean.ndim == 2 and bool((mean == mean[:1]).all()):
        mean = mean[0]
    return mean, plan.codes if mean.ndim == 1 else rows


def _added(shapes: Shapes, said: str, options: Mapping[str, Any], kind: Kind | None) -> bool:
    """Is every code added to the first? No shape shows it, so the file or the recipe has to say it.

    Raises:
        InterpganError: if neither does, both do and differ, or the file says something unknown.
    """
    if said and said not in _TYPES:
        shapes.fail(f"holds an encoder of type {said[:60]!r}, not one of {', '.join(_TYPES)}")
    known: bool | None = None
    if not any(name.startswith("styles.") for name in shapes):
        known = False
        if kind is not None:
            raise InterpganError(f"{shapes.path} holds an encoder of one kind; leave kind out")
    elif said:
        known = _TYPES[said][0]
        if known is None:
            shapes.fail(f"says that it is a {said}, which has no heads, and has heads")
    elif "stylegan_size" in options:
        known = True
    elif "output_size" in options and _inputs(shapes) != _LOOKS_TWICE:  # ReStyle writes the same for both
        known = False
    if known is None and kind is None:
        raise InterpganError(
            f"{shapes.path} does not say whether its encoder makes codes as e4e or as pSp does, and their tensors have "
            "the same names; say kind: e4e or kind: psp"
        )
    if known is not None and kind is not None and known != (kind == "e4e"):
        other = "e4e" if known else "psp"
        raise InterpganError(
            f"{shapes.path} says that its encoder makes codes as {other} does; leave kind out"
        )
    return kind == "e4e" if known is None else known


def _inputs(shapes: Shapes) -> int:
    """Channels of what the encoder sees."""
    return shapes.of("input_layer.0.weight" if "input_layer.0.weight" in shapes else "conv1.weight", 4)[1]


def _plan(shapes: Shapes, added: bool) -> Plan:
    from interpgan_inversion.published.network import POOLED, Plan

    irse = "input_layer.0.weight" in shapes
    body = "IR-SE50" if irse else "ResNet-34"
    units = shapes.count(r"body\.(\d+)\..*")
    if units != _UNITS[body]:
        shapes.fail(f"has a body of {units} units, and {body} has {_UNITS[body]}")
    conv = "body.{}.res_layer.1.weight" if irse else "body.{}.conv1.weight"
    stem = shapes.of("input_layer.0.weight" if irse else "conv1.weight", 4)
    widths = (stem[0], *(shapes.of(conv.format(i), 4)[0] for i in range(units)))
    narrow = tuple(shapes.of(f"body.{i}.res_layer.5.fc1.weight", 4)[0] for i in range(units)) if irse else ()
    inputs = stem[1]
    if inputs not in (1, 3, 6):
        what = f"label maps of {inputs} classes" if inputs > 6 else f"pictures of {inputs} channels"
        raise InterpganError(
            f"{shapes.path} holds an encoder of {what}, not of pictures; take one of pictures, such as "
            "psp_ffhq_encode.pt"
        )
    between = shapes.of("output_layer_2.3.weight", 2)[0] if "output_layer_2.3.weight" in shapes else 0
    if any(name.startswith("styles.") for name in shapes):
        count = shapes.count(r"styles\.(\d+)\..*")
        heads = tuple(
            sum(1 for name in shapes if re.fullmatch(rf"styles\.{i}\.convs\.\d+\.weight", name))
            for i in range(count)
        )
        size = shapes.of("styles.0.linear.weight", 2)[0]
        pyramid = "latlayer1.weight" in shapes
        _check_depths(shapes, heads, pyramid)
        return Plan(body, inputs, widths, narrow, count, size, heads, pyramid, added=added)
    outputs, size = shapes.of("linear.weight", 2)
    if between and shapes.of("output_layer_2.3.weight", 2)[1] != widths[-1] * POOLED**2:
        shapes.fail("has an output_layer_2 for maps of another size")
    if outputs % size or (outputs != size and not between):
        shapes.fail(f"has {outputs} outputs, which are no codes of {size} numbers")
    return Plan(body, inputs, widths, narrow, outputs // size, size, between=between)


def _check_depths(shapes: Shapes, heads: tuple[int, ...], pyramid: bool) -> None:
    """Of a picture of 256 pixels the maps have 16, 32 and 64, and each head halves its map down to one place."""
    from interpgan_inversion.published.network import COARSE, MIDDLE

    for i, depth in enumerate(heads):
        if depth != (4 if not pyramid or i < COARSE else 5 if i < MIDDLE else 6):
            shapes.fail(f"reads code {i} by {depth} convolutions")


def _idinvert(checkpoint: Checkpoint, found: StoredNetwork, kind: Kind | None) -> Found:
    from interpgan_inversion.published.idinvert import InDomainEncoder

    if kind is not None:
        raise InterpganError(
            f"{checkpoint.path} holds the encoder of IDInvert, which is of one kind; leave kind out"
        )
    state, shapes = _read(checkpoint, found, "IDInvert's encoder")
    blocks = shapes.count(r"block(\d+)\..*")
    last = f"block{blocks - 1}.fc.weight"
    if "block0.bn.bn.weight" not in shapes:
        shapes.fail("has no batch norm, and the published encoders have")
    widths = [shapes.of("block0.conv.weight", 4)[0]]
    widths += [shapes.of(f"block{i}.conv2.weight", 4)[0] for i in range(1, blocks - 1)]
    outputs, codes = shapes.of(last, 2)[0], 2 * (blocks - 1)
    if blocks < 3 or outputs % codes:
        shapes.fail(f"has {outputs} outputs, which are no {codes} codes")
    side = 4 * 2 ** (len(widths) - 1)
    if side > _LARGEST:
        shapes.fail(f"is of pictures of {side} px")
    return Found(
        checkpoint,
        "IDInvert",
        codes,
        codes,
        outputs // codes,
        (side, side),
        3,
        partial(InDomainEncoder, widths, codes, outputs // codes),
        state,
        None,
        False,
        1,
        "StyleGAN 1",
        "",
    )


def _read(checkpoint: Checkpoint, found: StoredNetwork, family: str) -> tuple[dict[str, Tensor], Shapes]:
    """The weights of a network, without the counters of its training, and their shapes.

    Raises:
        InterpganError: if a tensor is empty, or no weight.
    """
    state = {name: tensor for name, tensor in found.tensors.items() if not name.endswith(_COUNTER)}
    shapes = Shapes(state, checkpoint.path, family)
    for name, tensor in state.items():
        if not tensor.is_floating_point() or not tensor.numel():
            shapes.fail(f"has {name} of {tensor.dtype} and shape {tuple(tensor.shape)}, which is no weight")
    return state, shapes


def _options(checkpoint: Checkpoint) -> Mapping[str, Any]:
    """The options of the training, where the file has them: a dict of plain values."""
    content = checkpoint.content
    options = content.get("opts") if isinstance(content, Mapping) else None
    return options if isinstance(options, Mapping) else {}
