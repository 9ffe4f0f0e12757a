"""What a step of the interpretable layer costs, beside a plain step of the GAN with the same batch.

The three avatars, as `interpretable.train` has them by default; both kinds of step alternate, in one run. The overhead
is that of a whole training with T = 50: a step of the layer in 50 of the GAN, and the groups again in 20 of those.

    .venv/bin/python bench/layer.py [--rounds 6] [--batch-size 16]
"""

import argparse
import statistics
import time

import numpy as np
import torch
from pydantic import TypeAdapter

from interpgan_core import ImageSet, load_generator
from interpgan_interpretable.training.trainer import LayerTrainer
from interpgan_training.settings import Architecture
from interpgan_training.trainer import Settings, family_of

LAYERS = {
    "avatars.stylegan2": "synthesis.b32.conv1",
    "avatars.pggan": "layer7",
    "avatars.biggan": "blocks.2",
}
NEVER, INTERVAL, REGROUP = 10**9, 50, 20


def trainer(name, batch_size):
    generator = load_generator(name)
    known = generator.notes["training"]["family"] | {"reconstruction": 0.0, "reconstruction_kimg": 0.0}
    family = family_of(TypeAdapter(Architecture).validate_python(known), True, (LAYERS[name],))
    random = np.random.RandomState(0)
    classes = generator.class_names
    data = ImageSet(
        random.randint(0, 256, (64, 3, 64, 64)).astype(np.uint8),
        classes=torch.arange(64) % len(classes) if classes else None,
        class_names=classes,
    )
    return LayerTrainer(
        family,
        Settings(batch_size=batch_size),
        data,
        start=generator,
        training={"interval": NEVER, "regroup_interval": NEVER},
    )


def timed(call):
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--batch-size", type=int, default=16)
    options = parser.parse_args()
    print(f"batches of {options.batch_size}, {torch.get_num_threads()} threads; medians of {options.rounds}")
    for name in LAYERS:
        one = trainer(name, options.batch_size)
        one.advance()
        first = timed(lambda t=one: t.layer_step(0))  # finds the groups too, from scratch
        plain, layer = [], []
        for turn in range(options.rounds):
            # 16 steps: R1 is taken in one of them.
            plain.append(timed(lambda t=one: [t.advance() for _ in range(16)]) / 16)
            layer.append(timed(lambda t=one, n=turn: t.layer_step(n + 1)))
        again = statistics.median(timed(lambda t=one: t.regroup()) for _ in range(3))
        gan, own = statistics.median(plain), statistics.median(layer)
        overhead = (own + again / REGROUP) / (INTERVAL * gan)
        print(
            f"  {name:18} step of the GAN {gan:.3f} s, of the layer {own:.3f} s: {own / gan:.2f} times; groups again "
            f"{again:.2f} s ({first:.2f} s at first); overhead with T = {INTERVAL}: {100 * overhead:.1f} %",
            flush=True,
        )


if __name__ == "__main__":
    main()
