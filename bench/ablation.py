"""Does each part of `interpretable.train` earn its place? Short trainings, the same but for one part.

Each goes on from `avatars.pggan` for 6,000 pictures with the settings of its recipe in `recipes/train`, shortened, and
is measured on the same samples. One seed: small differences mean nothing.

    .venv/bin/python bench/ablation.py [--kimg 6] [--out out/ablation]
"""

import argparse
import json
from pathlib import Path

import torch
from ruamel.yaml import YAML

from interpgan_avatars.data import drawn
from interpgan_avatars.scorer import AvatarScorer
from interpgan_avatars.segmenter import AvatarSegmenter
from interpgan_core import load_generator, quiet
from interpgan_interpretable.edits.exchange import ExchangeConcepts
from interpgan_interpretable.measures.consistency import MeasureConsistency
from interpgan_interpretable.measures.locality import MeasureLocality
from interpgan_interpretable.measures.transfer import MeasureTransfer
from interpgan_interpretable.partition.name import NameConcepts
from interpgan_interpretable.training.train import TrainInterpretable
from interpgan_metrics.fid import FrechetDistance

RECIPE = Path(__file__).parents[1] / "recipes/train/avatars-pggan-interpretable.yaml"
VARIANTS = {
    "all of it": {},
    "without L_interp": {"group_penalty": 0},
    "without L_real": {"realism": False},
    "without Langevin": {"langevin_steps": 0},
    "lambda_3 constant": {"last_group_penalty": 0.03},
    "without exchanges": {"exchange": False},
    "without anchor": {"exchange": False, "anchor": 0, "anchor_kimg": 0},
}
PARTS = ("hair", "skin", "shirt")
COLUMNS = (
    "",
    "in use",
    "consistency",
    "% pure",
    "own",
    "other",
    "at home",
    "FID",
    "locality",
    "% recognised",
)


def parameters(kimg, change):
    with RECIPE.open(encoding="utf-8") as file:
        steps = YAML(typ="safe").load(file)["steps"]
    found = dict(next(step for step in steps if step["use"] == "interpretable.train"))
    steps = max(int(found["training"]["group_penalty_steps"] * kimg / found["kimg"]), 50)
    shorter = {
        "anchor_kimg": kimg,
        "regroup_interval": 25,
        "regroup_samples": 128,
        "group_penalty_steps": steps,
    }
    found |= {"kimg": kimg, "ema_kimg": 1, "training": found["training"] | shorter | change}
    return {name: value for name, value in found.items() if name not in ("use", "data")}


def measured(generator, segmenter, scorer, data):
    named = NameConcepts(segmenter=segmenter, seeds="0-63", min_agreement=0.25).run(generator, quiet)
    table = MeasureConsistency(segmenter=segmenter, seeds="0-99").run(generator, quiet).tables[0]
    whole = table.rows[-1]
    pure = sum(row[1] * row[4] for row in table.rows[:-1]) / whole[1]
    people, sources = named.sample(range(1000, 1032)), named.sample(range(2000, 2032))
    local, right = [], []
    for part in [p for p in PARTS if p in named.concepts]:
        edits = {"exchange": ExchangeConcepts(source=sources, concepts=(part,)).run(people, named)}
        known = {"before": people, "edits": edits, "segmenter": segmenter, "parts": (part,)}
        local.append(f"{MeasureLocality(**known).run(named, quiet).tables[0].rows[0][-1]:.3f}")
        right.append(f"{MeasureTransfer(**known, source=sources).run(named, quiet).tables[0].rows[1][1]:.0f}")
    n = len(data)
    step = FrechetDistance(data=data, features=scorer, seeds=f"0-{n - 1}", real=n, kid=False, batch_size=32)
    fid = step.run(named, quiet).tables[0].rows[0][1]
    names = "/".join(p for p in PARTS if p in named.concepts)
    return len(generator.concepts), whole[2], pure, fid, f"{' '.join(local)} ({names})", " ".join(right)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kimg", type=float, default=6.0)
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--out", type=Path, default=Path("out/ablation"))
    options = parser.parse_args()
    (options.out / "few").mkdir(parents=True, exist_ok=True)
    segmenter, scorer = AvatarSegmenter.shipped(), AvatarScorer.shipped()
    data = drawn(range(max(int(1000 * options.kimg), options.samples)), options.out, quiet)
    few = drawn(range(options.samples), options.out / "few", quiet)
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
    for name, change in VARIANTS.items():
        folder = options.out / name.replace(" ", "-")
        result, scratch = folder / "result", folder / "scratch"
        for path in (result, scratch):
            path.mkdir(parents=True, exist_ok=True)
        step = TrainInterpretable(data=data, **parameters(options.kimg, change))
        made = step.run(load_generator("avatars.pggan"), "cpu", result, scratch, quiet)
        with torch.no_grad():
            used, agree, pure, fid, local, right = measured(made, segmenter, scorer, few)
        log = [json.loads(line) for line in (result / "log.jsonl").read_text().splitlines()]
        last = [
            next((row[key] for row in reversed(log) if key in row), None)
            for key in ("own", "other", "at home")
        ]
        cells = [f"{value:.2f}" if value is not None else "" for value in last]
        print(
            f"| {name} | {used} | {agree:.3f} | {pure:.0f} | {' | '.join(cells)} | {fid:.0f} | {local} | {right} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
