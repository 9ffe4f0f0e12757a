"""Who finds what? Every method that finds directions, on the same models, measured by the same figures.

`run` finds directions by one method on one model with one seed, measures them by `metrics.disentanglement`, and
writes one JSON file; many processes may run side by side. `table` makes the Markdown table of all files, with mean and
range over the seeds, of seconds the least, and compares the seeds of a method: do they find the same? A method that
does not apply to a model writes the sentence that says why.

    .venv/bin/python bench/finders.py run --model avatars.stylegan2 --method sefa --seed 0 --out out/finders
    .venv/bin/python bench/finders.py grid --seeds 3 | xargs -P 12 -L 1 .venv/bin/python bench/finders.py run
    .venv/bin/python bench/finders.py table --out out/finders
"""

import argparse
import itertools
import json
import os
import tempfile
import time
from pathlib import Path

import torch

from interpgan_avatars.scorer import AvatarScorer
from interpgan_avatars.segmenter import AvatarSegmenter
from interpgan_core import (
    Direction,
    DirectionSet,
    InterpganError,
    Shift,
    installed,
    load_generator,
    quiet,
    read_safetensors,
    write_safetensors,
)
from interpgan_core.testing import run_operator
from interpgan_metrics.agreement import agreement, by_chance, displacements
from interpgan_metrics.disentanglement import MeasureMovers

MODELS = ("avatars.stylegan2", "avatars.pggan", "avatars.biggan")
PARTS = ("hair", "skin", "eyes", "nose", "mouth", "beard", "glasses", "shirt")
# Hair is left out of the colours: that of the old is grey, so that age decides it.
COLOURS, SIZES = ("skin", "shirt", "background"), ("hair",)
FIELD = range(4_000_000_000, 4_000_000_008)  # samples whose ways are compared between seeds


class Finder:
    """What a method needs: a generator, a scorer, a seed, and how many directions to find.

    `first` is the first of the samples that this seed may use; those of another seed are others.
    """

    def __init__(self, given):
        self.seed, self.device, self.count, self.scored = given.seed, given.device, given.count, given.scored
        # Of a training: with its own default of steps, or as many as were asked for.
        self.learning = {"seed": given.seed, **({"steps": given.steps} if given.steps else {})}
        self.generator = load_generator(given.model, device=given.device)
        self.scorer = AvatarScorer.shipped("logit", given.device)
        self.segmenter = AvatarSegmenter.shipped(given.device)
        self.first = 10_000_000 * (given.seed + 1)

    def seeds(self, count):
        """A range of samples, as a recipe writes it."""
        return f"{self.first}-{self.first + count - 1}"

    @property
    def space(self):
        """Where directions of single vectors live: w, or else the space that is sampled."""
        return "w" if "w" in self.generator.spaces else "z"

    def step(self, use, **parameters):
        """The result of a step, by its name as in a recipe."""
        known = installed("operators")
        if use not in known:
            raise InterpganError(f"the step {use} is not installed")
        operator = known[use].load()(**parameters)
        operator.check(generator=self.generator)  # says in a sentence where a method does not apply
        with tempfile.TemporaryDirectory() as folder:
            return run_operator(operator, Path(folder), quiet, generator=self.generator, device=self.device)


def chance(finder):
    """Random directions, orthogonal to each other: what every method has to beat."""
    size = finder.generator.spaces[finder.space].shape[0]
    random = torch.Generator().manual_seed(finder.seed)
    rows = torch.linalg.qr(torch.randn(size, size, generator=random, dtype=torch.float64)).Q
    return DirectionSet({str(i): Direction(row, finder.space) for i, row in enumerate(rows[: finder.count])})


def axes(finder):
    """The first entries of the sampled code: those that an Info-PGGAN was trained to show."""
    size = next(iter(finder.generator.spaces.values())).shape[0]
    space = next(iter(finder.generator.spaces))
    return DirectionSet(
        {str(i): Direction(row, space) for i, row in enumerate(torch.eye(size)[: finder.count])}
    )


def sefa(finder):
    return finder.step("sefa", count=finder.count)


def ganspace(finder):
    return finder.step("ganspace", seeds=finder.seeds(20_000), count=finder.count)


def scores(finder):
    """Of samples, for the methods that fit to them; their time counts."""
    return finder.step("score", seeds=finder.seeds(finder.scored), scorer=finder.scorer, batch_size=64)


def interfacegan(finder):
    return finder.step(
        "interfacegan", scores=scores(finder), space=finder.space, chosen=0.1, seed=finder.seed
    )


def conditional(finder):
    """Each boundary without what it shares with all others."""
    found = interfacegan(finder)
    return DirectionSet(
        {
            name: finder.step(
                "interfacegan.condition",
                direction=direction,
                given=tuple(other for key, other in found.items() if key != name),
            )
            for name, direction in found.items()
        }
    )


def resefa(finder):
    return finder.step(
        "resefa",
        parts=PARTS,
        separately=True,
        segmenter=finder.segmenter,
        seeds=finder.seeds(16),
        count=max(1, finder.count // len(PARTS)),
    )


def stylespace(finder):
    each = max(1, finder.count // len(finder.scorer.names))
    return finder.step("stylespace.attributes", scorer=finder.scorer, seeds=finder.seeds(128), count=each)


def latentdiscovery(finder):
    return finder.step("latentdiscovery.learn", count=finder.count, **finder.learning)


def latentclr(finder):
    return finder.step("latentclr", count=finder.count, **finder.learning)


def bent(finder):
    """The same, with a direction for each code: movers."""
    return finder.step("latentclr.conditional", count=finder.count, **finder.learning)


def steerability(finder):
    transforms = ("shift_x", "shift_y", "zoom", "rotate", "brightness", "red", "green", "blue")
    return finder.step("steerability.learn", transforms=transforms, **finder.learning)


def ganalyze(finder):
    return finder.step("ganalyze.learn", scorer=finder.scorer, **finder.learning)


def styleflow(finder):
    return finder.step("styleflow", scores=scores(finder), space=finder.space, **finder.learning)


def hessian(finder):
    return finder.step("hessian.basis", count=finder.count, **finder.learning)


METHODS = {
    "chance": chance,
    "axes": axes,
    "sefa": sefa,
    "ganspace": ganspace,
    "interfacegan": interfacegan,
    "interfacegan-conditional": conditional,
    "resefa": resefa,
    "stylespace": stylespace,
    "latentdiscovery": latentdiscovery,
    "latentclr": latentclr,
    "latentclr-conditional": bent,
    "steerability": steerability,
    "ganalyze": ganalyze,
    "styleflow": styleflow,
    "hessian": hessian,
}


def run(given):
    """One file of figures, and one of the ways that the movers take."""
    given.out.mkdir(parents=True, exist_ok=True)
    model = given.model if given.model in MODELS else "avatars." + Path(given.model).absolute().parent.name
    name = f"{model}-{given.method}-{given.seed}"
    head = {"model": model, "method": given.method, "seed": given.seed, "device": given.device}
    finder = Finder(given)
    # Other processes may run beside; on a GPU the processor only waits.
    clock = time.process_time if given.device == "cpu" else time.perf_counter
    began = clock()
    try:
        found = METHODS[given.method](finder)
    except InterpganError as error:
        write(given.out / f"{name}.json", {**head, "reason": str(error)})
        print(f"{name}: {error}")
        return
    seconds = clock() - began
    began = clock()
    measured = MeasureMovers(
        directions=found,
        scorer=finder.scorer,
        segmenter=finder.segmenter,
        colours=COLOURS,
        sizes=SIZES,
        identity=finder.scorer,
        count=given.count,
        seeds=f"0-{given.samples - 1}",
        searched=f"1000-{999 + given.searched}",
        batch_size=given.batch,
    ).run(finder.generator, quiet)
    (figures,) = measured.figures().values()
    content = {
        **head,
        "threads": torch.get_num_threads(),
        "samples": given.samples,
        "seconds finding": seconds,
        "seconds measuring": clock() - began,
        "figures": figures,
        "covered": [f for f, yes in zip(measured.factors, covered(measured), strict=True) if yes],
        "measured": measured.plain(),
        "notes": {key: dict(mover.notes) for key, mover in found.items()},
    }
    ways, space = ways_of(list(found.values())[: given.count], finder.generator)
    size = finder.generator.spaces[space].shape[-1]
    write_safetensors(given.out / f"{name}.safetensors", {"ways": ways.float()}, "ways", {"size": size})
    write(given.out / f"{name}.json", content)
    print(f"{name}: found in {seconds:.1f} s, measured in {content['seconds measuring']:.1f} s")


def covered(measured):
    (found,) = measured.sets.values()
    return found.assigned().covered


def ways_of(movers, generator):
    """How the movers move the same samples, (m, k), and the space that they do it in."""
    batch = generator.sample(list(FIELD))
    moved = [Shift(direction=mover, strength=1.0).run(batch, generator) for mover in movers]
    order = list(generator.spaces)
    space = max((one.space.name for one in moved), key=order.index)
    return displacements(moved, batch, generator, space), movers[0].space


def write(path, content):
    """Whole or not at all: other processes read the folder."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_text(json.dumps(content, indent=1, default=float), encoding="utf-8")
    part.replace(path)


def grid(given):
    """The arguments of every run, a line each; those of no finder, axes, left out."""
    methods = [method for method in reversed(METHODS) if method != "axes"]
    for seed, method, model in itertools.product(range(given.seeds), methods, MODELS):
        print(f"--model {model} --method {method} --seed {seed}")


COLUMNS = {
    "reached": ("moves reached", 2),
    "targets": ("targets", 1),
    "coverage": ("coverage", 2),
    "disentangled": ("disentanglement", 2),
    "complete": ("completeness", 2),
    "dependency": ("dependency", 2),
    "largest": ("dependency, largest", 2),
    "of all": ("dependency of all moves", 2),
    "locality": ("locality", 2),
    "realism": ("realism", 2),
    "identity": ("identity", 2),
}


def table(given):
    """One table a model; a row a method."""
    files = sorted(given.out.glob("avatars.*.json"))
    if not files:
        raise SystemExit(
            f"there is no result in {given.out}; write some by: finders.py run --out {given.out}"
        )
    results = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    for model in dict.fromkeys(r["model"] for r in results):
        own = [r for r in results if r["model"] == model]
        first = next((r for r in own if "figures" in r), None)
        count = len(first["measured"]["factors"]) if first else 0
        print(f"\n**{model}**, {count} factors\n")
        heads = ("method", "movers", *COLUMNS, "agree", "by chance", "seconds")
        print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
        reasons = []
        for method in METHODS:
            runs = [r for r in own if r["method"] == method]
            done = [r for r in runs if "figures" in r]
            if not done:
                reasons += [f"- {method}: {r['reason']}" for r in runs[:1]]
                continue
            cells = [method, spread([r["figures"]["movers"] for r in done], 0)]
            cells += [spread([r["figures"][key] for r in done], digits) for key, digits in COLUMNS.values()]
            cells += [*agreements(given.out, done), f"{min(r['seconds finding'] for r in done):.0f}"]
            print(f"| {' | '.join(cells)} |")
        print("\n" + "\n".join(reasons) if reasons else "")
        for method in METHODS:
            found = [set(r["covered"]) for r in own if r["method"] == method and "covered" in r]
            if any(found):
                counts = {f: sum(f in one for one in found) for f in first["measured"]["factors"]}
                words = ", ".join(f"{f} ({n} of {len(found)})" for f, n in counts.items() if n)
                print(f"- {method} covers {words}")


def spread(values, digits):
    """Mean, and range where there is one."""
    known = [v for v in values if v is not None]
    if not known:
        return "–"
    mean, low, high = (f"{v:.{digits}f}" for v in (sum(known) / len(known), min(known), max(known)))
    return mean if low == high else f"{mean} ({low}–{high})"


def agreements(folder, runs):
    """Mean agreement of the seeds, two by two, and what random directions have."""
    ways = []
    for r in runs:
        file = folder / f"{r['model']}-{r['method']}-{r['seed']}.safetensors"
        tensors, header = read_safetensors(file, "ways")
        ways.append(tensors["ways"].double())
    pairs = [agreement(a, b) for a, b in itertools.combinations(ways, 2)]
    if not pairs:
        return "–", "–"
    return spread(pairs, 2), f"{by_chance(len(ways[0]), len(ways[1]), header['size']):.2f}"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("run", help="one method on one model with one seed")
    one.add_argument(
        "--model", required=True, help=f"{', '.join(MODELS)}, or a file of one trained from these"
    )
    one.add_argument("--method", choices=METHODS, required=True)
    one.add_argument("--seed", type=int, default=0)
    one.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    one.add_argument("--count", type=int, default=16, help="directions, at most")
    one.add_argument("--samples", type=int, default=24, help="whose changes are measured")
    one.add_argument("--searched", type=int, default=8, help="samples on which strengths are found")
    one.add_argument("--scored", type=int, default=4000, help="samples for the methods that fit to scores")
    one.add_argument("--steps", type=int, default=0, help="of a training; 0: the method's own default")
    one.add_argument("--batch", type=int, default=24)
    one.set_defaults(do=run)
    every = commands.add_parser("grid", help="the arguments of all runs, for xargs")
    every.add_argument("--seeds", type=int, default=3)
    every.set_defaults(do=grid)
    shown = commands.add_parser("table", help="the Markdown table of a folder")
    shown.set_defaults(do=table)
    for command in (one, shown):
        command.add_argument("--out", type=Path, default=Path("out/finders"))
    given = parser.parse_args()
    given.do(given)


if __name__ == "__main__":
    main()
