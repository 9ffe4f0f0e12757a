"""The encoder `faces.encoder` on samples that it has not seen: how near its codes are, what they draw, and the time.

.venv/bin/python bench/faces_encoder.py
"""

from __future__ import annotations

import time
from statistics import median

import numpy as np
import torch
from torch.nn import functional

from interpgan_core import load_generator
from interpgan_faces.encoder import LoadEncoder
from interpgan_faces.identity import LoadIdentity

HELD_OUT = range(600, 760)  # seeds; half of them truncated by a psi from .5 to 1
DRAWN = slice(0, 160, 7)  # of these: whose codes are drawn


def main() -> None:
    torch.set_num_threads(1)
    generator = load_generator("mobilestylegan.ffhq", resolution=512)
    encoder, identity = LoadEncoder().run(generator), LoadIdentity().run("cpu")
    mean, half = generator.spaces["w"].mean, len(HELD_OUT) // 2
    batch = generator.to_space(generator.sample(HELD_OUT), "w")
    psi = torch.ones(len(HELD_OUT), 1)
    psi[half:, 0] = torch.from_numpy(np.random.RandomState(0).uniform(0.5, 1, half)).float()
    batch.codes[:] = mean + psi * (batch.codes - mean)
    found, seconds = [], []
    with torch.no_grad():
        for image in generator.iter_images(batch, 1):
            began = time.process_time()
            found.append(encoder.encode(image.clamp(-1, 1)).codes)
            seconds.append(time.process_time() - began)
        codes = torch.cat(found)
        cosine = functional.cosine_similarity(codes - mean, batch.codes - mean)
        print(f"cosine of deviations from the mean, median of {len(codes)}: {cosine.median():.3f}")
        drawn, wanted = [
            torch.cat([image.clamp(-1, 1) for image in generator.iter_images(part, 1)])
            for part in (type(batch)(codes[DRAWN], batch.space), type(batch)(batch.codes[DRAWN], batch.space))
        ]
        apart = torch.cat(
            [
                (identity.features(a[None]) - identity.features(b[None])).norm(dim=1)
                for a, b in zip(drawn, wanted, strict=True)
            ]
        )
    noise = ((drawn - wanted) / 2).square().mean((1, 2, 3))
    print(
        f"{len(drawn)} of their pictures: {-10 * noise.log10().median():.1f} dB, identity {apart.median():.2f}"
    )
    print(f"{median(seconds):.3f} s of one thread a picture")


if __name__ == "__main__":
    main()
