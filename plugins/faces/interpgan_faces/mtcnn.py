"""MTCNN: three small nets that find faces and five points of each, from coarse to fine.

Source:
    Zhang et al., Joint Face Detection and Alignment Using Multitask Cascaded Convolutional Networks, IEEE SPL 2016;
    weights and constants as in the package facenet-pytorch.

Letters in shapes: k boxes. A box is x0, y0, x1, y1 in pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

SHRINK = 0.709  # of each level of the pyramid to the next
CELL, STRIDE = 12, 2  # what the first net sees, and how far it moves, in pixels of a level
LIKELY = (0.6, 0.7, 0.7)  # the least probability of a face, by each net
OVERLAP_OF_LEVEL, OVERLAP = 0.5, 0.7  # more of it, and the less likely of two boxes goes
SCALE = 127.5 / 128  # of pixels in [-1, 1]


class Net(nn.Module):
    """One of the three: convolutions with PReLU and pooling, perhaps a dense layer, and two or three heads.

    Args:
        state: its weights, by the names of facenet-pytorch; they say what it is made of.
        pools: size of the pooling after each convolution, all of stride 2; 0 for none.
    """

    def __init__(self, state: dict[str, Tensor], pools: tuple[int, ...]) -> None:
        super().__init__()
        self.pools = pools
        for name, tensor in state.items():
            module, kind = name.rsplit(".", 1)
            if not hasattr(self, module):
                self.add_module(module, nn.Module())
            getattr(self, module).register_parameter(kind, nn.Parameter(tensor.float(), requires_grad=False))
        self.heads = sorted(name for name, _ in self.named_children() if "_" in name)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Args: x: (n, 3, h, w), scaled. Returns: probability of a face, corrections of the box, and perhaps points."""
        for i, pool in enumerate(self.pools, 1):
            conv, prelu = getattr(self, f"conv{i}"), getattr(self, f"prelu{i}")
            x = functional.prelu(functional.conv2d(x, conv.weight, conv.bias), prelu.weight)
            if pool:
                x = functional.max_pool2d(x, pool, 2, ceil_mode=True)
        heads = [getattr(self, name) for name in self.heads]
        if heads[0].weight.ndim == 4:
            found = [functional.conv2d(x, head.weight, head.bias) for head in heads]
        else:
            last = len(self.pools) + 1
            dense, prelu = getattr(self, f"dense{last}"), getattr(self, f"prelu{last}")
            x = x.permute(0, 3, 2, 1).flatten(1)  # the order in which the weights were trained
            x = functional.prelu(functional.linear(x, dense.weight, dense.bias), prelu.weight)
            found = [functional.linear(x, head.weight, head.bias) for head in heads]
        return [found[0].softmax(1)[:, 1], *found[1:]]


@dataclass(frozen=True, eq=False)
class Found:
    """Faces of a picture, the largest first.

    Args:
        boxes: (k, 4).
        likely: (k,) probability of a face.
        points: (k, 5, 2) x and y of the right eye, the left eye, the nose, the right and left corner of the mouth.
    """

    boxes: Tensor
    likely: Tensor
    points: Tensor

    @property
    def sure(self) -> float:
        """Probability of the likeliest face; 0 where there is none."""
        return float(self.likely.max()) if len(self.likely) else 0.0


class Mtcnn:
    """The cascade.

    Args:
        first, second, third: state dicts of the three nets.
        device: "cpu", "cuda".
    """

    def __init__(
        self,
        first: dict[str, Tensor],
        second: dict[str, Tensor],
        third: dict[str, Tensor],
        device: str = "cpu",
    ) -> None:
        self.first = Net(first, (2, 0, 0)).to(device)
        self.second = Net(second, (3, 3, 0)).to(device)
        self.third = Net(third, (3, 3, 2, 0)).to(device)
        self.device = device

    @torch.no_grad()
    def find(self, image: Tensor, smallest: float) -> Found:
        """Find faces.

        Args:
            image: (3, h, w) float32 in [-1, 1].
            smallest: the side of the smallest face that is sought, in pixels.
        """
        image = image.to(self.device)
        boxes = self._proposed(image, smallest)
        if len(boxes):
            likely, moves, *_ = self.second(_crops(image, boxes, 24))
            boxes, likely, moves = (t[likely > LIKELY[1]] for t in (boxes, likely, moves))
            kept = _apart(boxes, likely, OVERLAP)
            boxes = _squared(_moved(boxes[kept], moves[kept]))
        if not len(boxes):
            return Found(torch.zeros(0, 4), torch.zeros(0), torch.zeros(0, 5, 2))
        likely, moves, places = self.third(_crops(image, boxes, 48))
        boxes, likely, moves, places = (t[likely > LIKELY[2]] for t in (boxes, likely, moves, places))
        size = boxes[:, 2:] - boxes[:, :2] + 1
        points = torch.stack([places[:, :5], places[:, 5:]], 2) * size[:, None] + boxes[:, None, :2] - 1
        boxes = _moved(boxes, moves)
        kept = _apart(boxes, likely, OVERLAP, of_smaller=True)
        area = (boxes[kept, 2] - boxes[kept, 0]) * (boxes[kept, 3] - boxes[kept, 1])
        kept = kept[area.argsort(descending=True, stable=True)]
        return Found(boxes[kept].cpu(), likely[kept].cpu(), points[kept].cpu())

    def levels(self, size: tuple[int, int], smallest: float) -> list[float]:
        """Scales of the pyramid for a picture of (h, w) pixels."""
        scale, scales = CELL / smallest, []
        while min(size) * scale >= CELL:
            scales.append(scale)
            scale *= SHRINK
        return scales

    def _proposed(self, image: Tensor, smallest: float) -> Tensor:
        """(k, 4) square boxes by the first net, at all levels."""
        height, width = image.shape[1:]
        every = []
        for scale in self.levels((height, width), smallest):
            small = functional.adaptive_avg_pool2d(image, (int(height * scale + 1), int(width * scale + 1)))
            likely, moves = (t[0] for t in self.first(small[None] * SCALE))
            y, x = (likely >= LIKELY[0]).nonzero().unbind(1)
            corner = torch.stack([x, y], 1).float() * STRIDE + 1
            boxes = torch.cat([(corner / scale).floor(), ((corner + CELL - 1) / scale).floor()], 1)
            row = torch.cat([boxes, likely[y, x, None], moves[:, y, x].T], 1)
            every.append(row[_apart(boxes, row[:, 4], OVERLAP_OF_LEVEL)])
        rows = torch.cat(every) if every else image.new_zeros(0, 9)
        rows = rows[_apart(rows[:, :4], rows[:, 4], OVERLAP)]
        size = rows[:, 2:4] - rows[:, :2]
        return _squared(rows[:, :4] + rows[:, 5:] * torch.cat([size, size], 1))


def _moved(boxes: Tensor, moves: Tensor) -> Tensor:
    """Boxes corrected by (k, 4) shares of their sizes; of the second net on, a box holds its last pixel."""
    size = boxes[:, 2:] - boxes[:, :2] + 1
    return boxes + moves * torch.cat([size, size], 1)


def _squared(boxes: Tensor) -> Tensor:
    """Boxes made square about their middles."""
    size = boxes[:, 2:] - boxes[:, :2]
    side = size.amax(1, keepdim=True)
    corner = boxes[:, :2] + size / 2 - side / 2
    return torch.cat([corner, corner + side], 1)


def _crops(image: Tensor, boxes: Tensor, side: int) -> Tensor:
    """(k, 3, side, side) what the boxes hold, scaled; what lies outside the picture is left out."""
    height, width = image.shape[1:]
    crops = []
    for x0, y0, x1, y1 in boxes.trunc().int().tolist():
        part = image[:, max(y0, 1) - 1 : min(y1, height), max(x0, 1) - 1 : min(x1, width)]
        if 0 in part.shape:  # a box beyond the border: black, which is no face
            part = image.new_full((3, 1, 1), -1)
        crops.append(functional.adaptive_avg_pool2d(part, side))
    return torch.stack(crops) * SCALE


def _apart(boxes: Tensor, likely: Tensor, overlap: float, of_smaller: bool = False) -> Tensor:
    """Rows of boxes of which no two overlap more; the likeliest first.

    `overlap` is the intersection over the union; over the smaller box, where a box holds its last pixel too, when
    `of_smaller`.
    """
    order = likely.argsort(descending=True, stable=True)
    more = float(of_smaller)
    corner, end = boxes[:, :2], boxes[:, 2:]
    area = (end - corner + more).prod(1)
    kept = []
    while len(order):
        best, rest = order[0], order[1:]
        kept.append(best)
        both = (torch.minimum(end[best], end[rest]) - torch.maximum(corner[best], corner[rest]) + more).clamp(
            min=0
        )
        shared = both.prod(1)
        whole = torch.minimum(area[best], area[rest]) if of_smaller else area[best] + area[rest] - shared
        order = rest[shared / whole <= overlap]
    return torch.stack(kept) if kept else order
