"""Defaults and constants that are a paper's: where it says so, and that they are still what it says."""

import pytest

from interpgan_core.plugins import plugins

# Operator, field, number, where it stands.
DEFAULTS = [
    ("interfacegan", "chosen", 0.02, "InterFaceGAN, published code: 2 % of the samples on each side"),
    ("interfacegan", "train", 0.7, "InterFaceGAN, published code: 70 % to fit, 30 % to validate"),
    ("interfacegan.verify", "strength", 2.0, "HiGAN, IJCV 2021, section 3.3: λ"),
    ("interfacegan.layers", "strength", 2.0, "HiGAN, IJCV 2021, section 3.3: λ"),
    ("ganspace", "count", 80, "GANSpace, published code: the components that it keeps"),
    ("dissection", "quantile", 0.005, "Network Dissection, CVPR 2017, section 2.2: P(a > T) = 0.005"),
    ("inversion", "rate", 0.1, "StyleGAN 2, CVPR 2020, appendix D: λ_max"),
    ("inversion", "noise", 0.05, "StyleGAN 2, CVPR 2020, appendix D: of the strength of the noise at first"),
    ("inversion.indomain", "steps", 100, "IDInvert, ECCV 2020, published code"),
    ("inversion.pivotal", "steps", 350, "PTI, ACM TOG 2022, section 4"),
    ("inversion.pivotal", "rate", 3e-4, "PTI, ACM TOG 2022, section 4"),
    ("inversion.pivotal", "perceptual_weight", 1.0, "PTI, ACM TOG 2022, section 4: λ_P"),
    ("metrics.coverage", "k", 3, "Kynkäänniemi et al., NeurIPS 2019, section 3"),
    ("metrics.path-length", "epsilon", 1e-4, "StyleGAN, CVPR 2019, section 4.1"),
    ("metrics.fid", "subsets", 100, "KID, ICLR 2018, section 4"),
    ("metrics.fid", "subset_size", 1000, "KID, ICLR 2018, section 4"),
    ("text.optimise", "rate", 0.1, "StyleCLIP, ICCV 2021, published code"),
    ("text.optimise", "keep_code", 0.008, "StyleCLIP, ICCV 2021, published code: λ_L2"),
    ("interpretable.partition", "concepts", 24, "Li et al., AAAI 2022, experiments: C"),
]


@pytest.mark.parametrize(("operator", "field", "number", "place"), DEFAULTS)
def test_a_default_is_the_papers(operator, field, number, place):
    assert plugins().operators[operator].load().model_fields[field].default == number, place


def test_the_layer_is_trained_as_in_its_paper():
    """Li et al., AAAI 2022, equations 1, 4, 5 and 7, and the numbers of the training."""
    from interpgan_interpretable.training.settings import LayerSettings

    settings = LayerSettings()
    assert (settings.concepts, settings.interval, settings.other_penalty) == (24, 50, 2 / 3)  # C, T, λ_1
    assert (settings.group_penalty, settings.last_group_penalty) == (3e-2, 3e-6)  # λ_3
    assert settings.group_penalty_at(0) == 3e-2
    assert settings.group_penalty_at(250) == pytest.approx(3e-4)  # halfway on a logarithmic scale
    assert settings.group_penalty_at(10**6) == pytest.approx(3e-6)


def test_the_rate_and_the_noise_of_a_search_are_those_of_stylegan_2():
    """Appendix D: the rate rises over 5 % and falls over 25 %, as a cosine; the noise is gone after 75 %, squared."""
    from interpgan_inversion.search import Schedule

    schedule = Schedule(100, rate=0.1, noise=0.05)
    rates = {step: schedule.rate_at(step) for step in (0, 2, 5, 74, 87)}
    assert rates == pytest.approx({0: 0.01, 2: 0.05, 5: 0.1, 74: 0.1, 87: 0.05})
    noise = {step: schedule.noise_at(step) for step in (0, 15, 60, 75, 99)}
    assert noise == pytest.approx({0: 0.05, 15: 0.05 * 0.8**2, 60: 0.05 * 0.2**2, 75: 0, 99: 0})
