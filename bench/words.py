"""Edits in words on the avatars: what they cost, and what the scorer of avatars, another net, sees of them.

.venv/bin/python bench/words.py directions [--samples 100] [--every 1] [--reach 5]   entry after entry against gradients
.venv/bin/python bench/words.py mapper [--model avatars.pggan]           one mapper for all texts, beside directions
.venv/bin/python bench/words.py sentences                                words that avatars.text was not trained with
"""

import argparse
import tempfile
import time
from pathlib import Path

import torch

from interpgan_avatars.scorer import AvatarScorer
from interpgan_avatars.text import AvatarText
from interpgan_core import InterpganError, Ranges, Shift, load_generator, quiet
from interpgan_text.directions import FindGlobalDirections
from interpgan_text.edit import EditByText
from interpgan_text.mapper import LoadMapper
from interpgan_text.net import of_images, toward
from interpgan_text.relevance import by_differences, by_gradients, entries_of
from interpgan_text.sentences import LoadSentences
from interpgan_text.train_mapper import TrainMapper

MODEL = "avatars.stylegan2"
TEXTS = {"smile": "a smiling person", "old": "an old person", "glasses": "a person with glasses"}
SPREAD = Ranges("0-1023")
STRONGEST = 30  # entries that move by default
SCORER = AvatarScorer.shipped()
BINARY = ("smile", "age", "gender", "eyeglasses", "beard")
# Text -> what the scorer shall see: 1 is yes, old, male; of hair the number of the colour, of style that of the cut.
PROMPTS = {
    "a smiling person": {"smile": 1},
    "a person who does not smile": {"smile": 0},
    "an old person": {"age": 1},
    "a young person": {"age": 0},
    "a man": {"gender": 1},
    "a woman": {"gender": 0},
    "a person with glasses": {"eyeglasses": 1},
    "a person without glasses": {"eyeglasses": 0},
    "a person with a beard": {"beard": 1},
    "a clean shaven person": {"beard": 0},
    "a person with red hair": {"hair": 2},
    "a person with long hair": {"style": 5},
    "an old woman with glasses": {"age": 1, "gender": 0, "eyeglasses": 1},
    "a young man with a beard": {"age": 0, "gender": 1, "beard": 1},
}
# Text, neutral text, what the scorer shall see, and the same in words that avatars.text knows.
UNTRAINED = (
    ("a person with spectacles", "a person", ("eyeglasses", 1), "a person with glasses"),
    ("a person in sunglasses", "a person", ("eyeglasses", 1), "a person with glasses"),
    ("an elderly person", "a person", ("age", 1), "an old person"),
    ("a teenager", "a person", ("age", 0), "a young person"),
    ("a cheerful person", "a person", ("smile", 1), "a smiling person"),
    ("a person in a good mood", "a person", ("smile", 1), "a smiling person"),
    ("a grumpy person", "a person", ("smile", 0), "a serious person"),
    ("a boy", "a child", ("gender", 1), "a man"),
    ("a queen", "a monarch", ("gender", 0), "a woman"),
    ("a grey-haired guy, a pensioner", "a guy", ("age", 1), "an old person"),
    ("a person with facial hair", "a person", ("beard", 1), "a person with a beard"),
    ("a person with whiskers", "a person", ("beard", 1), "a person with a beard"),
)


def directions(given):
    """Seconds of both in one run, and how far they agree, on the same samples."""
    net = AvatarText.shipped()
    began = time.perf_counter()
    generator = load_generator(MODEL)
    FindGlobalDirections(net=net, texts={"smile": TEXTS["smile"]}).run(generator, quiet)
    print(f"one direction from nothing, 100 samples: {time.perf_counter() - began:.1f} s", flush=True)
    changes = toward(net, list(TEXTS.values()), "a person")
    entries = entries_of(generator, "s", SPREAD, quiet)
    batches = list(generator.stream(range(given.samples), 10, "s"))
    began = time.perf_counter()
    slopes = by_gradients(generator, net, changes, batches, entries.deviation)
    quick = time.perf_counter() - began
    which = range(0, slopes.shape[1], given.every)
    slopes = slopes[:, which.start :: which.step]
    moving = entries.deviation > 0
    print(
        f"{int(moving.sum())} of {len(moving)} entries of S vary; {given.samples} samples, {len(TEXTS)} texts"
    )
    for reach in given.reach:
        began = time.perf_counter()
        rows = by_differences(generator, net, batches, entries, which, reach)
        slow = (time.perf_counter() - began) * given.every
        along = changes.double() @ rows.T
        whole = torch.cosine_similarity(along, slopes, dim=1)
        shares = changes.double() @ torch.nn.functional.normalize(rows, dim=1).T
        shared = [
            len(set(a.abs().topk(STRONGEST).indices.tolist()) & set(b.abs().topk(STRONGEST).indices.tolist()))
            for a, b in zip(along, slopes, strict=True)
        ]
        print(f"reach {reach:g}: {slow:.1f} s, gradients {quick:.1f} s, ratio {slow / quick:.0f}")
        for text, cosine, common, unit in zip(
            TEXTS.values(), whole.tolist(), shared, torch.cosine_similarity(shares, slopes, dim=1).tolist(),
            strict=True,
        ):  # fmt: skip
            print(
                f"  {text:24} cosine {cosine:.3f}, {common} of the {STRONGEST} strongest in common; "
                f"rows of length 1, as published: {unit:.3f}",
                flush=True,
            )


def facts(generator, batch):
    """What the scorer sees: attribute -> (n,) values."""
    with torch.no_grad():
        images = generator.images(batch, 25)
        scores, groups = SCORER(images), SCORER.groups(images)
    return {name: (scores[:, SCORER.names.index(name)] > 0.5).long() for name in BINARY} | groups


def judged(generator, batch, edited, wanted, before):
    """Of those who lacked what is wanted, how many have it; how many lacked it; share of other attributes kept."""
    after = facts(generator, edited)
    has = torch.stack([after[name] == value for name, value in wanted.items()]).all(0)
    had = torch.stack([before[name] == value for name, value in wanted.items()]).all(0)
    kept = torch.stack([after[name] == before[name] for name in BINARY if name not in wanted])
    return int((has & ~had).sum()), int((~had).sum()), float(kept.double().mean())


def printed(rows):
    """Rows of text, reached, lacked, kept; and all together."""
    for text, reached, lacked, kept in rows:
        print(f"  {text:36} {reached:3} of {lacked:3}   others kept {100 * kept:3.0f} %")
    share = sum(row[1] for row in rows) / sum(row[2] for row in rows)
    kept = sum(row[3] for row in rows) / len(rows)
    print(f"  {'all':36} {100 * share:.0f} % reached, {100 * kept:.0f} % kept", flush=True)


def trained(generator, net, file):
    if file:
        return LoadMapper(file=file).run(generator)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        mapper = TrainMapper(net=net).run(generator, Path(scratch), quiet)
    print(f"trained in {time.perf_counter() - began:.0f} s; {dict(mapper.figures)}", flush=True)
    return mapper


def mapper(given):
    """Edits by a mapper and by directions of the same texts, judged by the scorer."""
    net, generator = AvatarText.shipped(), load_generator(given.model)
    moves = trained(generator, net, given.mapper)
    batch = generator.sample(range(given.people))
    before = facts(generator, batch)
    for strength in given.strengths:
        print(f"{given.model}: text.edit, strength {strength:g}")
        edits = {
            text: EditByText(net=net, mapper=moves, text=text, strength=strength).run(batch, generator)
            for text in PROMPTS
        }
        printed([(t, *judged(generator, batch, edits[t], want, before)) for t, want in PROMPTS.items()])
    texts = {str(number): text for number, text in enumerate(PROMPTS)}
    found = FindGlobalDirections(net=net, texts=texts).run(generator, quiet) if given.sigmas else {}
    for strength in given.sigmas:
        print(f"{given.model}: text.directions, strength {strength:g} in sigma")
        edits = {
            text: Shift(direction=found[name], strength=strength, unit="sigma").run(batch, generator)
            for name, text in texts.items()
        }
        printed([(t, *judged(generator, batch, edits[t], want, before)) for t, want in PROMPTS.items()])


def sentences(given):
    """Texts in words that avatars.text does not know: which samples they fit, and edits by a mapper."""
    eyes, generator = AvatarText.shipped(), load_generator(given.model)
    net = LoadSentences(net=eyes).run("cpu")
    moves = trained(generator, eyes, given.mapper)
    batch = generator.sample(range(given.people))
    before = facts(generator, batch)
    many = generator.sample(range(1000, 1000 + given.samples))
    seen, known = of_images(net, generator.images(many, 25)), facts(generator, many)
    print(f"{'':36} ranks of two samples right; by avatars.text; edits: reached, others kept")
    for text, neutral, (name, value), like in UNTRAINED:
        right = [ranked(seen, known[name] == value, toward(net, [text], neutral)[0])]
        try:
            eyes.embed_texts([text])
            raise AssertionError(f"avatars.text knows all words of '{text}'")
        except InterpganError:
            right.append(ranked(seen, known[name] == value, toward(eyes, [like], "a person")[0]))
        edit = EditByText(net=net, mapper=moves, text=text, neutral=neutral).run(batch, generator)
        reached, lacked, kept = judged(generator, batch, edit, {name: value}, before)
        print(
            f"{text:32} {100 * right[0]:3.0f} %   ('{like}': {100 * right[1]:3.0f} %)   {reached} of {lacked}, "
            f"{100 * kept:.0f} %",
            flush=True,
        )


def ranked(seen, has, along):
    """Of a sample that has it and one that has not, how often the first one lies further along."""
    scores = seen @ along
    return float((scores[has][:, None] > scores[~has][None]).double().mean())


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("directions")
    one.add_argument("--samples", type=int, default=100)
    one.add_argument("--every", type=int, default=1, help="compare one entry in so many")
    one.add_argument("--reach", type=float, nargs="+", default=[5.0])
    one.set_defaults(run=directions)
    for run in (mapper, sentences):
        more = commands.add_parser(run.__name__)
        more.add_argument("--model", default=MODEL)
        more.add_argument("--mapper", help="the file of one that is trained already")
        more.add_argument("--people", type=int, default=30)
        more.add_argument("--samples", type=int, default=300)
        more.add_argument("--strengths", type=float, nargs="+", default=[0.6, 0.75])
        more.add_argument(
            "--sigmas", type=float, nargs="*", default=[2.0, 4.0], help="strengths of directions"
        )
        more.set_defaults(run=run)
    given = parser.parse_args()
    given.run(given)


if __name__ == "__main__":
    main()
