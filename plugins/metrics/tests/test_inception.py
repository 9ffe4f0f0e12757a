import pytest
import torch

from interpgan_core import InterpganError, seeded_normal
from interpgan_metrics.features import FeatureNet
from interpgan_metrics.inception import LoadInception
from interpgan_metrics.inception_network import inception_v3

# Features 0, 300, 700, 1100, 1500, 1800, 1900 and 2047 of two pictures, and the mean of each picture's: what
# pytorch-fid 0.3.0 answers with the weights that `weights` makes.
PUBLISHED = (
    [0.5036, 0.0, 0.01636, 0.11906, 1.28231, 0.01921, 0.0, 0.13867],
    [0.49465, 0.0, 0.01781, 0.11936, 1.27044, 0.02292, 0.0, 0.14101],
)
MEANS = (0.3632, 0.3651)


@pytest.fixture(scope="module")
def weights():
    """Random weights that keep the size of what passes; the names are those of the published file."""
    with torch.device("meta"):
        table = {n: tuple(t.shape) for n, t in inception_v3().state_dict().items() if t.ndim}
    made = {}
    for i, name in enumerate(sorted(table)):
        drawn = seeded_normal([i], table[name])[0]
        if drawn.ndim == 4:
            made[name] = drawn * (2 / drawn[0].numel()) ** 0.5
        elif name.endswith("running_var"):
            made[name] = drawn.abs() + 0.5
        else:
            made[name] = 0.1 * drawn + name.endswith("weight")
    return made


@pytest.mark.long
@pytest.mark.parity
def test_it_answers_as_pytorch_fid_does(weights, tmp_path):
    classifier = {"fc.weight": torch.zeros(1008, 2048), "fc.bias": torch.zeros(1008)}
    torch.save({**weights, **classifier}, tmp_path / "inception.pth")
    net = LoadInception(weights=tmp_path / "inception.pth").run("cpu")
    assert isinstance(net, FeatureNet)
    pictures = seeded_normal([1, 2], (3, 64, 64)).clamp(-1, 1)
    found = net.features(pictures)
    assert found.shape == (2, 2048)
    chosen = found[:, [0, 300, 700, 1100, 1500, 1800, 1900, 2047]]
    torch.testing.assert_close(chosen, torch.tensor(PUBLISHED), rtol=1e-3, atol=2e-5)
    torch.testing.assert_close(found.mean(1), torch.tensor(MEANS), rtol=2e-4, atol=0)


def test_a_file_that_lacks_something(weights, tmp_path):
    lacking = {n: t for n, t in weights.items() if not n.startswith("Mixed_7c.branch_pool")}
    torch.save(lacking, tmp_path / "cut.pth")
    with pytest.raises(InterpganError, match=r"cut.pth lacks Mixed_7c.branch_pool.conv.weight, "):
        LoadInception(weights=tmp_path / "cut.pth").run("cpu")


@pytest.mark.parametrize("content", [{"conv1.weight": torch.zeros(2)}, [torch.zeros(2)]])
def test_another_file(content, tmp_path):
    torch.save(content, tmp_path / "other.pth")
    with pytest.raises(InterpganError, match=r"holds no Inception v3; give the file pt_inception-2015"):
        LoadInception(weights=tmp_path / "other.pth").run("cpu")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ValueError, match=r"there is no file"):
        LoadInception(weights=tmp_path / "none.pth")
