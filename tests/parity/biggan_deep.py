"""Hugging Face's BigGAN-deep: what our network makes of the original's weights and inputs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from interpgan_core import LatentBatch, load_generator
from parity.biggan import features, last
from parity.case import Case

INPUTS = r"z|class_idx|soft_label|bnidx_.*"


def observe(case: Case, folder: Path) -> Iterator[tuple[str, Tensor]]:
    """Everything that the original was asked."""
    (folder / "config.json").write_text(json.dumps(case.facts["config"]))
    torch.save(case.state("G", lambda key, shape: torch.zeros(shape)), folder / "pytorch_model.bin")
    labels = torch.nn.functional.one_hot(case.tensor("class_idx"), case.facts["config"]["num_classes"])
    asked = {n.partition("/")[0] for n in case.arrays if n.startswith("img_")}
    for name in sorted(n for n in asked if not n.endswith("_f64")):
        truncation = float(name.rpartition("t")[2])
        generator = load_generator(folder, truncation=truncation)
        weights = case.tensor("soft_label") if "soft" in name else labels.float()
        batch = LatentBatch(case.tensor("z") * truncation, generator.spaces["z"], weights)
        found, image = features(generator, batch)
        yield name, image
        if name == "img_t1.0":
            yield "embed", generator.module.embed(weights)
            # The original keeps its first map in the order (h, w, c).
            yield "feat_t1.0/gen_z", found["stem"].permute(0, 2, 3, 1).flatten(1)
            for i, maps in enumerate(list(found.values())[1:]):
                yield f"feat_t1.0/layers{i}", maps
            normal, maps = last(generator, maps)
            yield "feat_t1.0/bn", normal
            yield "feat_t1.0/conv_to_rgb", maps
        if f"{name}_f64" in case.arrays:
            generator.module.double()
            short = batch[: len(case.arrays[f"{name}_f64"])]
            yield f"{name}_f64", generator.forward(replace(short, labels=short.labels.double()))
