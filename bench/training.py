"""Training: pictures a second of the operator's loop, and of the plain loop that one would write for the same networks.

Both take the same steps on the same pictures, in turn, in one process; the figure is the ratio of their medians.
"""

import statistics
import time

import numpy as np
import torch
from torch.nn import functional

from interpgan_core import ImageSet
from interpgan_training.families.stylegan2 import StyleGAN2Family
from interpgan_training.settings import StyleGAN2Settings
from interpgan_training.trainer import Settings, Trainer

BATCH, ROUNDS, STEPS = 16, 7, 4


def plain_steps(family, networks, optimisers, pictures, precision, count):
    """Steps as a short script takes them: no checkpoints, no seeds of their own, no log."""
    generator, discriminator = networks
    for _ in range(count):
        random = torch.Generator()
        real = pictures[torch.randint(len(pictures), (BATCH,))].float() / 127.5 - 1
        real = real.contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", precision, enabled=precision != torch.float32):
            fake = family.fakes(generator, BATCH, None, 0.0, random).detach()
            on_real = family.logits(discriminator, real, None, 0.0).float()
            on_fake = family.logits(discriminator, fake, None, 0.0).float()
        loss = functional.softplus(on_fake).mean() + functional.softplus(-on_real).mean()
        optimisers[1].zero_grad(set_to_none=True)
        loss.backward()
        optimisers[1].step()
        discriminator.requires_grad_(False)
        with torch.autocast("cpu", precision, enabled=precision != torch.float32):
            fake = family.fakes(generator, BATCH, None, 0.0, random)
            logits = family.logits(discriminator, fake, None, 0.0).float()
        optimisers[0].zero_grad(set_to_none=True)
        functional.softplus(-logits).mean().backward()
        optimisers[0].step()
        discriminator.requires_grad_(True)


def main():
    pixels = np.random.RandomState(0).randint(0, 256, size=(2000, 3, 64, 64)).astype(np.uint8)
    family = StyleGAN2Family(StyleGAN2Settings(r1=0))  # the penalty is the same work in both
    for name in ("float32", "bfloat16"):
        precision = getattr(torch, name)
        trainer = Trainer(family, Settings(precision=name, batch_size=BATCH), ImageSet(pixels))
        networks = family.build(64, 0)
        optimisers = [
            torch.optim.Adam(n.parameters(), 2e-3, (0.0, 0.99), eps=1e-8, fused=True) for n in networks
        ]
        tensor = torch.from_numpy(pixels)
        ours, plain = [], []
        for _ in range(ROUNDS + 1):
            start = time.perf_counter()
            for _ in range(STEPS):
                trainer.advance()
            middle = time.perf_counter()
            plain_steps(family, networks, optimisers, tensor, precision, STEPS)
            ours.append(middle - start)
            plain.append(time.perf_counter() - middle)
        mine, theirs = (statistics.median(times[1:]) for times in (ours, plain))
        rate = STEPS * BATCH / mine
        print(
            f"training, StyleGAN2 at 64 px, {name}: {rate:.1f} pictures/s, {mine / theirs:.3f} of the plain loop"
        )


if __name__ == "__main__":
    main()
