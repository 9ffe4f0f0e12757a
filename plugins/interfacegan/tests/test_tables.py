"""The paper's tables: the printed figures from the published files, and hand-made ones."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from interpgan_core import Direction, DirectionSet, InterpganError, Report, Scores, load_directions
from interpgan_core.testing import conformance
from interpgan_interfacegan.tables import Tabulate, correlations, cosines

BOUNDARIES = Path(__file__).parents[4] / "shared" / "boundaries" / "interfacegan"
FIVE = ("pose", "smile", "age", "gender", "eyeglasses")
PRINTED = {  # Tab. 2, PGGAN
    ("pose", "smile"): -0.04, ("pose", "age"): -0.06, ("pose", "gender"): -0.05, ("pose", "eyeglasses"): -0.04,
    ("smile", "age"): 0.04, ("smile", "gender"): -0.10, ("smile", "eyeglasses"): -0.05,
    ("age", "gender"): 0.49, ("age", "eyeglasses"): 0.38, ("gender", "eyeglasses"): 0.52,
}  # fmt: skip
NAN = float("nan")


def drawn(seed, size=8, space="z", **more):
    return Direction(torch.from_numpy(np.random.RandomState(seed).randn(size)), space, **more)


def scored(values, names=("a", "b")):
    values = torch.as_tensor(np.asarray(values), dtype=torch.float32)
    return Scores(torch.arange(len(values)), values, names)


@pytest.mark.skipif(not BOUNDARIES.is_dir(), reason="the published boundaries are not beside this checkout")
def test_table_2_of_the_paper(tmp_path):
    found = {}
    for name in FIVE:
        (found[name],) = load_directions(BOUNDARIES / f"pggan_celebahq_{name}_boundary.npy").values()
    report = Tabulate(boundaries=found).run()
    (table,) = report.tables
    assert report.notes == ("Accuracies are known only of boundaries that were fitted here.",)
    cells = {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.rows}
    worst = max(abs(cells[a][b] - printed) for (a, b), printed in PRINTED.items())
    assert worst < 0.008
    assert sum(round(cells[a][b], 2) == printed for (a, b), printed in PRINTED.items()) == 8


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 999), count=st.integers(1, 5), layers=st.integers(0, 3))
def test_cosines(seed, count, layers):
    shape = (layers, 6) if layers else (6,)
    rows = np.random.RandomState(seed).randn(count, *shape)
    found = cosines({str(i): Direction(torch.from_numpy(row), "w+") for i, row in enumerate(rows)})
    flat = rows.reshape(count, -1)
    flat /= np.linalg.norm(flat, axis=1, keepdims=True)
    np.testing.assert_allclose(found, flat @ flat.T, atol=1e-12)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 999), holes=st.floats(0, 0.5), scale=st.sampled_from([1e-6, 1.0, 1e6]))
def test_correlations_are_those_of_samples_that_have_both(seed, holes, scale):
    random = np.random.RandomState(seed)
    values = (random.randn(60, 3) @ random.randn(3, 3) * scale).astype(np.float32)
    values[random.rand(60, 3) < holes] = NAN
    found = correlations(scored(values, ("a", "b", "c")))
    for i in range(3):
        for j in range(3):
            both = ~np.isnan(values[:, [i, j]]).any(1)
            expected = np.corrcoef(values[both, i].astype(float), values[both, j].astype(float))[0, 1]
            assert found[i, j] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("column", [[5.0] * 4, [NAN] * 4, [NAN, NAN, 1, NAN]])
def test_no_correlation_with_what_never_varies(column):
    found = correlations(scored([[a, b] for a, b in zip([1, 2, 3, 4], column, strict=True)]))
    assert found[0, 0] == pytest.approx(1)
    assert np.isnan([found[0, 1], found[1, 0], found[1, 1]]).all()


def test_all_three_tables(tmp_path):
    notes = {"validation_accuracy": 0.99, "rest_accuracy": 0.75, "validated": 60, "rest": 4800}
    boundaries = DirectionSet(
        {"a": drawn(0, notes=notes), "b": drawn(1, notes={**notes, "rest_accuracy": None})}
    )
    report = Tabulate(boundaries=boundaries, scores=scored([[1, 2], [2, 1], [3, 0]])).run()
    accuracy, angles, together = report.tables
    assert accuracy.rows == (("a", 0.99, 0.75, 60, 4800), ("b", 0.99, None, 60, 4800))
    assert angles.rows[0][1] == pytest.approx(1) and angles.rows[0][2] == pytest.approx(angles.rows[1][1])
    assert together.rows[0] == ("a", pytest.approx(1), pytest.approx(-1))
    assert not report.strips and (angles.full, together.full) == (
        1,
        1,
    )  # coloured, so that no picture repeats them
    report.save(tmp_path)
    assert Report.load(tmp_path) == report


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (drawn(1, space="w"), r"'a' is a direction of z \(8,\), and 'b' of w \(8,\): there is no angle"),
        (drawn(1, size=9), r"and 'b' of z \(9,\)"),
        (drawn(1, generator="two"), "'a' was found on the generator one, and 'b' on two"),
    ],
)
def test_boundaries_that_cannot_be_compared(other, message):
    with pytest.raises(InterpganError, match=message):
        cosines({"a": drawn(0, generator="one"), "b": other})


def test_no_boundaries():
    with pytest.raises(InterpganError, match="there are no directions here; name a step that finds some"):
        Tabulate(boundaries=DirectionSet({})).run()


test_tables = conformance(
    Tabulate(boundaries={"a": drawn(0), "b": drawn(1)}, scores=scored(np.random.RandomState(0).rand(9, 2)))
)
