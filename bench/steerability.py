"""What a generator follows of known transforms: what is seen against what was asked for, and the picture error.

python bench/steerability.py avatars.stylegan2 shift_x --reach 0.05 --steps 140
"""

import argparse
import tempfile
import time
from pathlib import Path

from interpgan_core import load_generator
from interpgan_core.testing import run_operator
from interpgan_steerability.operators import LearnTransforms, LearnWalks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("transform")
    parser.add_argument("--reach", type=float)
    parser.add_argument("--space")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--rate", type=float, default=0.05)
    parser.add_argument("--held-out", default="100000-100031")
    parser.add_argument("--walk", action="store_true")
    given = parser.parse_args()
    kind = LearnWalks if given.walk else LearnTransforms
    operator = kind(
        transforms=(given.transform,),
        reach={given.transform: given.reach} if given.reach else {},
        space=given.space,
        steps=given.steps,
        batch_size=given.batch_size,
        rate=given.rate,
        held_out=given.held_out,
    )
    generator = load_generator(given.model)
    began = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        found = run_operator(operator, Path(folder), generator=generator)
    for _, unit, asked, seen, deviation, error in found.summary().tables[0].rows:
        print(f"{asked:+.3f} asked, {seen:+.4f} ± {deviation:.4f} seen ({unit}), picture error {error:.2f}")
    print(f"{time.process_time() - began:.0f} s of one core")


if __name__ == "__main__":
    main()
