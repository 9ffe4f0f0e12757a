"""What dissected units of the avatars are worth: removal, insertion, and interpretable layers beside their parents.

.venv/bin/python bench/units.py twins   [--seeds 1000]     which share of units tells a part, before and after
.venv/bin/python bench/units.py remove  [--samples 60] [--only avatars.pggan]   glasses and beard, by ACE, IoU, random
.venv/bin/python bench/units.py insert  [--samples 60]     glasses at a brushed place, at three levels
"""

import argparse
import tempfile
from pathlib import Path

from interpgan_avatars.scorer import AvatarScorer
from interpgan_avatars.segmenter import AvatarSegmenter
from interpgan_core import load_generator, quiet
from interpgan_dissection.dissect import Dissect
from interpgan_dissection.effect import MeasureEffect
from interpgan_dissection.rank import RankUnits

TWINS = {
    "avatars.stylegan2": "synthesis.b32.conv1",
    "avatars.pggan": "layer7",
    "avatars.biggan": "blocks.2",
}
REMOVE = (
    ("avatars.stylegan2", "synthesis.b8.conv1", "glasses"),
    ("avatars.stylegan2", "synthesis.b8.conv1", "beard"),
    ("avatars.pggan", "layer7", "glasses"),
    ("avatars.pggan", "layer5", "beard"),
    ("avatars.biggan", "stem", "glasses"),
    ("avatars.biggan", "stem", "beard"),
)
ATTRIBUTE = {"glasses": "eyeglasses", "beard": "beard"}
EYES = (0.3, 0.15, 0.62, 0.85)
SEGMENTER, SCORER = AvatarSegmenter.shipped(), AvatarScorer.shipped()


def dissected(generator, layer, seeds):
    with tempfile.TemporaryDirectory() as folder:
        step = Dissect(layer=layer, segmenter=SEGMENTER, seeds=f"0-{seeds - 1}", shown=0)
        return step.run(generator, Path(folder), quiet)


def printed(report):
    for table in report.tables:
        print(table.title, *(f"  {column}" for column in table.columns), sep=" |")
        for row in table.rows:
            cells = ("-" if v is None else f"{v:.3g}" if isinstance(v, float) else str(v) for v in row)
            print("  " + " | ".join(cells), flush=True)
    for note in report.notes:
        print("  " + note)


def twins(given):
    for model, layer in TWINS.items():
        for name in (model, f"{model}-interpretable"):
            found = dissected(load_generator(name), layer, given.seeds)
            drawn = found.drawn()
            tell = 100 * float((drawn >= 0).double().mean())
            best = found.ratio.max(1).values.mean()
            parts = len(set(drawn.tolist()) - {-1})
            told = f"{tell:.0f} % of {len(found)} units tell one of {parts} parts"
            print(f"{name} {layer}: {told}; mean best IQR {best:.3f}", flush=True)


def remove(given):
    for model, layer, part in REMOVE:
        if given.only and model not in given.only:
            continue
        generator = load_generator(model)
        found = dissected(generator, layer, given.seeds)
        fields = {"dissection": found, "part": part, "segmenter": SEGMENTER, "count": 30}
        ranked = {
            "ACE": RankUnits(
                **fields, by="ace", pairs=given.pairs, seeds=f"20000-{20000 + 4 * given.pairs - 1}"
            ),
            "IoU": RankUnits(**fields),
        }
        report = MeasureEffect(
            ranked={name: step.run(generator, quiet) for name, step in ranked.items()},
            segmenter=SEGMENTER,
            part=part,
            samples=given.samples,
            seeds=f"30000-{30000 + 10 * given.samples - 1}",
            random=given.random,
            scorer=SCORER,
            attribute=ATTRIBUTE[part],
        ).run(generator, quiet)
        print(f"{model} {layer}")
        printed(report)


def insert(given):
    generator = load_generator("avatars.stylegan2")
    found = dissected(generator, "synthesis.b32.conv0", given.seeds)
    units = RankUnits(
        dissection=found, part="glasses", by="ace", segmenter=SEGMENTER, count=30, pairs=given.pairs
    )
    ranked = units.run(generator, quiet)
    for level in ("mean", "99%", "map"):
        report = MeasureEffect(
            ranked={f"ACE, level {level}": ranked},
            segmenter=SEGMENTER,
            part="glasses",
            action="insert",
            region=EYES,
            level=level,
            counts=(4, 10, 15, 20, 30),
            samples=given.samples,
            seeds=f"30000-{30000 + 4 * given.samples - 1}",
            random=0,
            scorer=SCORER,
            attribute="eyeglasses",
        ).run(generator, quiet)
        printed(report)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("twins", "remove", "insert"))
    parser.add_argument("--seeds", type=int, default=1000, help="samples that are dissected")
    parser.add_argument("--samples", type=int, default=60, help="samples that are edited")
    parser.add_argument("--pairs", type=int, default=100, help="of ACE")
    parser.add_argument("--random", type=int, default=3, help="random orders of units")
    parser.add_argument("--only", nargs="*", help="models")
    given = parser.parse_args()
    {"twins": twins, "remove": remove, "insert": insert}[given.what](given)


if __name__ == "__main__":
    main()
