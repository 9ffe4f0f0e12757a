"""The published StyleGANs, as their publishers' own pages list them.

NVIDIA's: README.md of NVlabs/stylegan3 (catalogues `stylegan3` and `stylegan2`) and of
NVlabs/stylegan2-ada-pytorch. InterFaceGAN's: the conversions of NVIDIA's StyleGAN 1 that its repository and
its users link to. GenForce's: MODEL_ZOO.md of genforce/genforce, its own, NVIDIA's converted, and those of
others; its users reported these addresses dead in 2026. None of them publishes a SHA-256.
"""

from __future__ import annotations

from interpgan_core.plugin import Published

NVIDIA = "NVIDIA Source Code License, non-commercial"
BY_NC = "CC BY-NC 4.0 (NVIDIA)"
GENFORCE = "MIT (genforce)"
UNSTATED = "not stated"


def _catalogue(version: int, name: str, resolution: int, data: str) -> Published:
    """Of NVIDIA's catalogue: `name` as in the file's, without version and size."""
    family = f"StyleGAN {version}" + (f" {name[0].upper()}" if version == 3 else "")
    folder = f"https://api.ngc.nvidia.com/v2/models/nvidia/research/stylegan{version}/versions/1/files"
    file = f"stylegan{version}-{name}-{resolution}x{resolution}.pkl"
    return Published(family, resolution, data, NVIDIA, f"{folder}/{file}")


def _ada(name: str, resolution: int, data: str) -> Published:
    """Of the paper on limited data."""
    url = f"https://nvlabs-fi-cdn.nvidia.com/stylegan2-ada-pytorch/pretrained/{name}.pkl"
    return Published("StyleGAN 2", resolution, data, NVIDIA, url, f"stylegan2-ada-{name}.pkl")


def _interfacegan(share: str, file: str, data: str) -> Published:
    url = f"https://www.dropbox.com/s/{share}/{file}?dl=1"
    return Published("StyleGAN 1", 1024, data, BY_NC, url, f"interfacegan-{file}")


def _genforce(version: int, file: str, share: str, resolution: int, data: str, licence: str) -> Published:
    place = "https://mycuhk-my.sharepoint.com/:u:/g/personal/1155082926_link_cuhk_edu_hk"
    url = f"{place}/{share}&download=1"
    return Published(
        f"StyleGAN {version}", resolution, data, licence, url, f"genforce-{file}{resolution}.pth"
    )


_V3 = [
    (f"{kind}-{name}", resolution, data)
    for kind in "tr"
    for name, resolution, data in (
        ("ffhq", 1024, "FFHQ"),
        ("ffhqu", 1024, "FFHQ-U"),
        ("ffhqu", 256, "FFHQ-U"),
        ("metfaces", 1024, "MetFaces"),
        ("metfacesu", 1024, "MetFaces-U"),
        ("afhqv2", 512, "AFHQ v2"),
    )
]
_V2 = [
    ("ffhq", 1024, "FFHQ"),
    ("ffhq", 512, "FFHQ"),
    ("ffhq", 256, "FFHQ"),
    ("ffhqu", 1024, "FFHQ-U"),
    ("ffhqu", 256, "FFHQ-U"),
    ("metfaces", 1024, "MetFaces"),
    ("metfacesu", 1024, "MetFaces-U"),
    ("afhqv2", 512, "AFHQ v2"),
    ("afhqcat", 512, "AFHQ, cats"),
    ("afhqdog", 512, "AFHQ, dogs"),
    ("afhqwild", 512, "AFHQ, wild animals"),
    ("brecahad", 512, "BreCaHAD"),
    ("cifar10", 32, "CIFAR-10"),
    ("celebahq", 256, "CelebA-HQ"),
    ("lsundog", 256, "LSUN, dogs"),
]
_ADA = [
    ("ffhq", 1024, "FFHQ"),
    ("metfaces", 1024, "MetFaces"),
    ("afhqcat", 512, "AFHQ, cats"),
    ("afhqdog", 512, "AFHQ, dogs"),
    ("afhqwild", 512, "AFHQ, wild animals"),
    ("cifar10", 32, "CIFAR-10, by class"),
    ("brecahad", 512, "BreCaHAD"),
]
_INTERFACEGAN = [
    ("ffhq", "qyv37eaobnow7fu", "stylegan_ffhq.pth", "FFHQ"),
    ("celebahq", "nmo2g3u0qt7x70m", "stylegan_celebahq.pth", "CelebA-HQ"),
]
_GENFORCE = [
    (1, "ffhq", "EdfMxgb0hU9BoXwiR3dqYDEBowCSEF1IcsW3n4kwfoZ9OQ?e=VwIV58", 1024, "FFHQ", BY_NC),
    (1, "celebahq", "EcCdXHddE7FOvyfmqeOyc9ABqVuWh8PQYFnV6JM1CXvFig?e=1nUYZ5", 1024, "CelebA-HQ", BY_NC),
    (1, "bedroom", "Ea6RBPddjcRNoFMXm8AyEBcBUHdlRNtjtclNKFe89amjBw?e=Og8Vff", 256, "LSUN, bedrooms", BY_NC),
    (1, "cat", "EVjX8u9HuehLip3z0hRfIHcB7QtoFkTB7NiRDb8nrKOl2w?e=lHcp1B", 256, "LSUN, cats", BY_NC),
    (1, "car", "EcRJNNzzUzJGjI2X53S9HjkBhXkKT5JRd6Q3IIhCY1AyRw?e=FvMRNj", 512, "LSUN, cars", BY_NC),
    (1, "celeba_partial", "ET2etKNzMS9JmHj5j60fqMcBRJfQfYNvqUrujaIXxCvKDQ?e=QReLE6", 256, "CelebA", GENFORCE),
    (1, "ffhq", "ES-NAUCC2qdHg87BftvlBiQBVpbJ8-005Q4TNr5KrOxQEw?e=00AnWt", 256, "FFHQ", GENFORCE),
    (1, "ffhq", "EZYrrwOiEgVOg-PfGv7QTegBzFQ9yq2v7o1WxNq5JJ9KNA?e=SZU8PI", 512, "FFHQ", GENFORCE),
    (1, "livingroom", "EfFCYLHjqbFDmjOvCCFJgDcBZ1QYgETfZJxp4ZTHjLxZBg?e=InVd0n", 256,
     "LSUN, living rooms", GENFORCE),
    (1, "diningroom", "ERsUza_hSFRIm4iZCag7P0kBQ9EIdfQKByw4QYt_ay97lg?e=Cimh7S", 256,
     "LSUN, dining rooms", GENFORCE),
    (1, "kitchen", "ERcYvoingQNKix35lUs0vUkBQQkAZMp1rtDxjwNlOJAoaA?e=a1Tcwr", 256, "LSUN, kitchens", GENFORCE),
    (1, "apartment", "EfurPNSB2BRFtXdqGkmDD6YBwyKN8YK2v7nKwnJQdsbf6A?e=w3oYa4", 256,
     "LSUN, four kinds of room", GENFORCE),
    (1, "church", "ETMgG1_d06tAlbUkJD1qA9IBaLZ9zJKPkG2kO-4jxhVV5w?e=Dbkb7o", 256, "LSUN, churches", GENFORCE),
    (1, "tower", "Ebm9QMgqB2VDqyIE5rFhreEBgZ_RyKcRf8bQ333K453u3w?e=if8sDj", 256, "LSUN, towers", GENFORCE),
    (1, "bridge", "Ed9QM6OP9sVHnazSp4cqPSEBb-ALfBPXRxP1hD7FsTYh8w?e=3vv06p", 256, "LSUN, bridges", GENFORCE),
    (1, "restaurant", "ESDhYr01WtlEvBNFrVpFezcB2l9lF1rBYuHFoeNpBr5B7A?e=uFWFNh", 256,
     "LSUN, restaurants", GENFORCE),
    (1, "classroom", "EbWnI3oto9NPk-lxwZlWqPQB2atWpGiTWMIT59MzF9ij9Q?e=KvcNBg", 256,
     "LSUN, classrooms", GENFORCE),
    (1, "conferenceroom", "Eb1gVi3pGa9PgJ4XYYu_6yABQZ0ZcGDak4FEHaTHaeYFzw?e=0BeE8t", 256,
     "LSUN, conference rooms", GENFORCE),
    (1, "animeface", "EWDWflY6lBpGgX0CGQpd2Z4B5wTEVamTOA9JRYne7zdCvA?e=tOzgYA", 512, "anime faces", UNSTATED),
    (1, "animeportrait", "EXBvhTBi-v5NsnQtrxhFEKsBin4xg-Dud9Jr62AEwFTIxg?e=bMGK7r", 512,
     "anime portraits", UNSTATED),
    (1, "artface", "Eca0OiGqhyZMmoPbKahSBWQBWvcAH4q2CE3zdZJflp2jkQ?e=h4rWAm", 512, "painted faces", UNSTATED),
    (2, "ffhq", "EX0DNWiBvl5FuOQTF4oMPBYBNSalcxTK0AbLwBn9Y3vfgg?e=Q0sZit", 1024, "FFHQ", NVIDIA),
    (2, "church", "EQzDtJUdQ4ROunMGn2sZouEBmNeFX4QWvxjermVE5cZvNA?e=tQ7r9r", 256, "LSUN, churches", NVIDIA),
    (2, "cat", "EUKXeBwUUbZJr6kup7PW4ekBx2-vmTp8FjcGb10v8bgJxQ?e=nkerMF", 256, "LSUN, cats", NVIDIA),
    (2, "horse", "EconoT6tb69OuAIqfXRtGlsBZz4vBx01UmmFO-JAS356Jg?e=bcSCC4", 256, "LSUN, horses", NVIDIA),
    (2, "car", "EYSnUsxU8KJFuMHhZm-JLWoB0nHxdlbrLHNZ_Qkoe3b9LA?e=Ycjp5A", 512, "LSUN, cars", NVIDIA),
]  # fmt: skip

# Name in recipes -> model.
MODELS: dict[str, Published] = {
    **{f"stylegan.v3-{name}-{size}": _catalogue(3, name, size, data) for name, size, data in _V3},
    **{f"stylegan.v2-{name}-{size}": _catalogue(2, name, size, data) for name, size, data in _V2},
    **{f"stylegan.v2-ada-{name}-{size}": _ada(name, size, data) for name, size, data in _ADA},
    **{
        f"stylegan.v1-{name}-1024": _interfacegan(share, file, data)
        for name, share, file, data in _INTERFACEGAN
    },
    **{
        f"stylegan.v{version}-genforce-{name}-{size}": _genforce(
            version, f"stylegan{'' if version == 1 else version}_{name}", share, size, data, licence
        )
        for version, name, share, size, data, licence in _GENFORCE
    },
}
