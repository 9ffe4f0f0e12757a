"""The tables and the plot of what `bench/adapted.py` has measured: means and ranges over the seeds that are there.

.venv/bin/python bench/adapted_table.py [--out out/adapted] [--plot FILE.png]
"""

import argparse
import json
import statistics
from pathlib import Path

PAPER = {
    "mouth": (0.061, 83.6),
    "eyes": (0.050, 63.7),
    "hair": (0.016, 81.7),
}  # locality, recognised; hair: chin


def across(values, digits):
    """Mean and range of several seeds; of one, the number."""
    values = [value for value in values if value is not None]
    if not values:
        return ""
    text = f"{statistics.mean(values):.{digits}f}"
    return text if len(values) == 1 else f"{text} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def table(options):
    found = {}
    for path in sorted(options.out.glob("*-[0-9].json")):
        found.setdefault(path.stem.rpartition("-")[0], []).append(json.loads(path.read_text()))
    for model, runs in found.items():
        print(f"\n## {model}, {len(runs)} seeds\n\n| | |\n|---|---|")
        for section, keys in (
            ("adapted", ("processor", "seconds", "MB", "unexplained", "outside", "silent")),
            ("concepts", ("same bytes", "consistency adapted", "pure adapted")),
            ("untrained", ("consistency untrained", "pure untrained")),
        ):
            for key in keys:
                print(f"| {key} | {across([r.get(section, {}).get(key) for r in runs], 3)} |")
        print(f"| named | {'; '.join(', '.join(r['named']) for r in runs if 'named' in r)} |")
        print("\n| part | edit | locality | recognised, %: cut out | framed |\n|---|---|---|---|---|")
        for part, name, locality, *right in points(runs):
            print(f"| {part} | {name} | {across(locality, 3)} | {' | '.join(across(r, 0) for r in right)} |")
        print("\n| face | nearer, % | verified | of like pose: nearer | verified |\n|---|---|---|---|---|")
        swaps = [r["faces"] for r in runs if "faces" in r]
        for name in swaps[0] if swaps else ():
            if name == "concepts":
                continue
            cells = [
                across([s[name].get(k) for s in swaps], 0)
                for k in ("nearer", "verified", "of like pose", "verified of like pose")
            ]
            print(f"| {name} | {' | '.join(cells)} |")
        print("\n| moved | found there, % | locality | median miss, % of the picture |\n|---|---|---|---|")
        for section in ("moves", "moves, pasted"):
            each = [r[section] for r in runs if section in r]
            for name in dict.fromkeys(name for one in each for name in one):
                rows = [one[name] for one in each if name in one]
                cells = [
                    across([f * r[i] for r in rows], d) for i, f, d in ((0, 1, 0), (1, 1, 3), (2, 100, 1))
                ]
                print(f"| {name}{section.removeprefix('moves')} | {' | '.join(cells)} |")
    if options.plot:
        plot({model: points(runs) for model, runs in found.items()}, options.plot)


def points(runs):
    """part, edit, localities, recognised by the part and by its frame: of all seeds."""
    rows = {}
    for run in runs:
        for section, edits in run.items():
            if section.startswith(("exchange of ", "baselines, ")):
                part = section.removeprefix("exchange of ").removeprefix("baselines, ")
                for name, (outside, inside, *right) in edits.items():
                    row = rows.setdefault((part, name), ([], [], []))
                    for column, value in zip(row, (outside and outside / inside, *right), strict=True):
                        column.append(value)
    return [(part, name, *row) for (part, name), row in sorted(rows.items())]


def plot(models, file):
    """Recognition against locality, one point a method, one panel a model and part; crosses: the paper's."""
    from matplotlib.figure import Figure

    kinds = ("hair", "eyes", "mouth")
    figure = Figure(figsize=(3.4 * len(kinds), 2.9 * len(models)), layout="constrained")
    axes = figure.subplots(len(models), len(kinds), squeeze=False)
    depths = ("filters", "shape", "texture", "everything")
    names = [*depths, "collage, outline", "collage, box", "Editing in Style", "Retrieve in Style", "PandA"]
    for row, (model, found) in zip(axes, models.items(), strict=True):
        for axis, kind in zip(row, kinds, strict=True):
            for part, name, locality, cut, frame in found:
                right = frame if model.startswith("mobile") and kind != "hair" else cut
                if part == kind and name in names:
                    number = names.index(name)
                    axis.scatter(
                        max(statistics.mean(locality), 1e-4),
                        statistics.mean(right),
                        color=f"C{number}",
                        marker="o" if number < len(depths) else "s",
                        label=name,
                    )
            axis.scatter(*PAPER[kind], color="black", marker="x", label="the paper's, its own pictures")
            axis.set(title=f"{model}: {kind}", xscale="log", xlim=(5e-4, 2), ylim=(0, 104))
            axis.set(xlabel="locality (to the left is better)", ylabel="part recognised, %")
            axis.axhline(25, color="grey", linewidth=0.5)
    by_name = {}
    for axis in figure.axes:
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
            by_name.setdefault(label, handle)
    figure.legend(by_name.values(), by_name, loc="outside lower center", ncols=4, frameon=False)
    figure.savefig(file, dpi=110)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, default=Path("out/adapted"))
    parser.add_argument("--plot", type=Path)
    table(parser.parse_args())


if __name__ == "__main__":
    main()
