"""Edits of photographs of faces: which take, whose face it still is, how near the inversion comes, and the time.

Each photograph goes through recipes/my-face.yaml alone, with a smile and glasses beside the edits of
the recipe. Scores are those of the pasted pictures. What is done is kept, so that it goes on where it was stopped.
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

RECIPE = Path(__file__).parents[1] / "recipes/my-face.yaml"
TAKES = {  # edit: attribute, and the least change of its score: at least a third of the samples' standard deviation
    "older": ("age", 7),
    "younger": ("age", -7),
    "smiling": ("smile", 0.06),
    "serious": ("smile", -0.06),
    "to the left": ("pose", -0.06),
    "to the right": ("pose", 0.06),
    "with glasses": ("glasses", 0.5),
}

MORE = {  # beside the edits of the recipe: each as one of these, but for some fields
    "smiling": ("serious", {"batch": "$between", "by": 0.13}),
    "with glasses": (
        "younger",
        {"direction": "$toward.glasses", "attribute": "glasses", "to": 1.2, "by": None},
    ),
}
GLASSES = 1  # score above which glasses are there


def recipe_of(photograph: Path, held_out: bool) -> dict[str, Any]:
    """recipes/my-face.yaml, for this photograph."""
    recipe: dict[str, Any] = YAML(typ="safe").load(RECIPE)
    for step in recipe["steps"]:
        if step.get("id") == "me":
            step["pictures"] = str(photograph.resolve())
        if held_out and step["use"] in ("inversion", "inversion.pivotal"):
            step["identity_weight"] = 0
        if step["use"] == "faces.paste":
            step.pop("attributes", None)
            step["batches"] |= {name: f"${name.replace(' ', '-')}" for name in MORE}
    named = {step.get("id"): step for step in recipe["steps"]}
    for name, (like, other) in MORE.items():
        recipe["steps"].insert(-1, {**named[like], "id": name.replace(" ", "-"), **other})
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
    out.mkdir(parents=True, exist_ok=True)
    if (out / "figures.json").exists():
        return dict(json.loads((out / "figures.json").read_text()))
    file = out / "recipe.yaml"
    YAML(typ="safe").dump(recipe_of(photograph, held_out), file)
    began, busy = time.monotonic(), time.process_time()
    figures: dict[str, Any]
    try:
        run(make_plan(file), out / "run", device=device, progress=quiet)
    except InterpganError as error:
        figures = {"refused": str(error)}
    else:
        (table,) = out.glob("run/*faces-paste/tables/*.csv")
        rows = list(csv.DictReader(table.open()))
        inverted = sorted([*out.glob("run/*-code"), *out.glob("run/*-inversion-pivotal")])[-1]
        figures = {
            "seconds": time.monotonic() - began,
            "processor seconds": time.process_time() - busy,
            "dB": in_the_face(inverted),
            "identity": apart(inverted),
            "pictures": {row.pop("picture"): row for row in rows},
        }
    (out / "figures.json").write_text(json.dumps(figures, indent=1))
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
    for name in ("dB", "identity", "seconds", "processor seconds"):
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
