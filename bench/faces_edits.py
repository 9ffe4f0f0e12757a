"""Edits of photographs of faces: which take, whose face it still is, how near the inversion comes, and the time.

Each photograph goes through recipes/my-face.yaml alone, with a smile beside the edits of the recipe, and then through
recipes/my-face-glasses.yaml, whose first steps are the same and are kept. Scores are those of the pasted pictures. What
is done is kept, so that it goes on where it was stopped.
`--held-out` leaves the identity net out of the loss. Several processes do several photographs at once.

    .venv/bin/python bench/faces_edits.py PHOTOGRAPHS --count 50 --out out/faces-edits [--held-out]
        [--processes 2] [--device cuda]

PHOTOGRAPHS: a photograph, or a folder of them, such as the 500 of CelebA in the package felonfinder.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from photograph import in_the_face
from ruamel.yaml import YAML

from interpgan_core import InterpganError, make_plan, quiet, read_picture, run
from interpgan_faces.identity import LoadIdentity

RECIPES = Path(__file__).parents[1] / "recipes"
TAKES = {  # edit: attribute, and the least change of its score: at least a third of the samples' standard deviation
    "older": ("age", 7),
    "younger": ("age", -7),
    "smiling": ("smile", 0.06),
    "serious": ("smile", -0.06),
    "to the left": ("pose", -0.06),
    "to the right": ("pose", 0.06),
    "with glasses": ("glasses", 0.5),
}

SMILING = {"id": "smiling", "batch": "$between", "by": 0.13}  # as `serious` of the recipe, but for these
GLASSES = 1  # score above which glasses are there


def recipe_of(name: str, photograph: Path, held_out: bool) -> dict[str, Any]:
    """A recipe of the folder, for this photograph."""
    recipe: dict[str, Any] = YAML(typ="safe").load(RECIPES / f"{name}.yaml")
    named = {step.get("id"): step for step in recipe["steps"]}
    named["me"]["pictures"] = str(photograph.resolve())
    paste = recipe["steps"][-1]
    del paste["attributes"]
    if "serious" in named:
        recipe["steps"].insert(-1, {**named["serious"], **SMILING})
        paste["batches"]["smiling"] = "$smiling"
    for step in recipe["steps"]:
        if held_out and step["use"] in ("inversion", "inversion.pivotal"):
            step["identity_weight"] = 0
    return recipe


def apart(folder: Path) -> float:
    """Identity distance of the inverted picture."""
    pictures = [np.asarray(read_picture(folder / f"000-{name}.png")) for name in ("original", "0")]
    images = torch.from_numpy(np.stack(pictures)).movedim(3, 1).float() / 127.5 - 1
    with torch.no_grad():
        one, other = LoadIdentity().run("cpu").features(images)
    return float((one - other).norm())


def edited(photograph: Path, out: Path, held_out: bool, device: str) -> dict[str, Any]:
    """Figures of one photograph; {"refused": sentence} where it is refused."""
    out = out / photograph.stem
    figures = ran("my-face", photograph, out, held_out, device)
    if "refused" not in figures:
        inverted = next(out.glob("run/*-inversion-pivotal"))
        figures |= {"dB": in_the_face(inverted), "identity": apart(inverted)}
        more = ran("my-face-glasses", photograph, out, held_out, device)
        figures["pictures"] |= {"with glasses": more["pictures"]["with glasses"]}
        figures["seconds of glasses"] = more["seconds"]
    return figures


def ran(name: str, photograph: Path, out: Path, held_out: bool, device: str) -> dict[str, Any]:
    """Time, and scores of the pasted pictures, of one recipe; kept in a file."""
    kept, file = out / f"{name}.json", out / f"{name}.yaml"
    if kept.exists():
        return dict(json.loads(kept.read_text()))
    out.mkdir(parents=True, exist_ok=True)
    YAML(typ="safe").dump(recipe_of(name, photograph, held_out), file)
    began, busy = time.monotonic(), time.process_time()
    figures: dict[str, Any]
    try:
        run(make_plan(file), out / "run", device=device, progress=quiet)
    except InterpganError as error:
        figures = {"refused": str(error)}
    else:
        figures = {"seconds": time.monotonic() - began, "processor seconds": time.process_time() - busy}
        newest = max(out.glob("run/*faces-paste/tables/*.csv"), key=lambda path: path.stat().st_mtime)
        rows = list(csv.DictReader(newest.open()))
        figures["pictures"] = {row.pop("picture"): row for row in rows}
    kept.write_text(json.dumps(figures, indent=1))
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photographs", type=Path)
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--out", type=Path, default=Path("out/faces-edits"))
    parser.add_argument("--held-out", action="store_true")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    given = options.photographs
    files = sorted(given.rglob("*.jpg")) if given.is_dir() else [given]
    files = files[:: max(1, len(files) // options.count)][: options.count]
    do = partial(edited, out=options.out, held_out=options.held_out, device=options.device)
    found = []
    with ProcessPoolExecutor(options.processes, get_context("spawn")) as pool:
        for file, figures in zip(files, pool.map(do, files), strict=True):
            found.append(figures)
            print(file.name, figures.get("refused", f"{figures.get('dB', 0):.1f} dB"), flush=True)
    report([each for each in found if "refused" not in each], len(files))


def report(found: list[dict[str, Any]], count: int) -> None:
    """Print the table."""
    print(f"\n{len(found)} of {count} photographs edited; medians:")
    for name in ("dB", "identity", "seconds", "processor seconds", "seconds of glasses"):
        values = [each[name] for each in found]
        print(f"{name}: {statistics.median(values):.2f}, from {min(values):.2f} to {max(values):.2f}")
    print("| edit | takes | change of its score | identity distance |\n|---|---|---|---|")
    for edit, (attribute, least) in TAKES.items():
        changes, distances = [], []
        for each in found:
            before, after = (each["pictures"][name] for name in ("photograph", edit))
            if attribute == "glasses" and float(before[attribute]) > GLASSES:
                continue  # they are there
            changes.append(float(after[attribute]) - float(before[attribute]))
            distances.append(float(after["identity distance"]))
        takes = sum(change / least >= 1 for change in changes)
        middle, far = statistics.median(changes), statistics.median(distances)
        print(f"| {edit} | {takes} of {len(changes)} | {middle:+.2f} | {far:.2f} |")


if __name__ == "__main__":
    main()
