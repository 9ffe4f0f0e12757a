"""The published PGGANs, by name.

InterFaceGAN's: the conversion of NVIDIA's network that its repository links to. GenForce's: those of MODEL_ZOO.md
of genforce/genforce, whose addresses were reported dead in 2026. No publisher gives a SHA-256.
"""

from __future__ import annotations

from interpgan_core.plugin import Published

LICENCE = "CC BY-NC 4.0 (NVIDIA)"


def _genforce(name: str, share: str, resolution: int, data: str) -> Published:
    place = "https://mycuhk-my.sharepoint.com/:u:/g/personal/1155082926_link_cuhk_edu_hk"
    file = f"genforce-pggan_{name}{resolution}.pth"
    return Published("PGGAN", resolution, data, LICENCE, f"{place}/{share}&download=1", file)


# Category of LSUN -> share.
_LSUN = {
    "bedroom": "EUZQWGz2GT5Bh_GJLalP63IBvCsXDTOxDFIC_ZBsmoEacA?e=VNXiDb",
    "livingroom": "Efzh6qQv6QtCm0YN1lulH-YByqdE3AqlI-E6US_hXMuiig?e=ppdyB2",
    "diningroom": "EcLb3_hGUkdClompZo27xk0BNmotgbFqdIeu-ZOGJsBMRg?e=xjYpN3",
    "kitchen": "ESCyg6hpNn1LlHVX_un1wLsBZAORUNkW9MO2kU1X5kafAQ?e=09TbGC",
    "churchoutdoor": "EQ8cKujs2TVGjCL_j6bsnk8BqD9REF2ME2lBnpbTPsqIvA?e=zH55fT",
    "tower": "EeyBJvgRVGJClKr1KKYDF_cBT1FDepRU1-GLqYNh8W9-fQ?e=nrpa5N",
    "bridge": "EZ2QScfPy19PiDERLJQ3gPMBP4WmvZHwhNFLzfaP2YD8hQ?e=bef1U9",
    "restaurant": "ERvJ4pz8jgtMrcuJXUfcOQEBDugZ099_TetCQs-9-ILCVg?e=qYsVdQ",
    "classroom": "EUU9SCOPUxhMoUS4Ceo9kl0BQkVK7d69lA-JeOP-zOWvXw?e=YIB4no",
    "conferenceroom": "EX8AF0_6NoJAl5vKFewHWnsBk0r4PK4WsqsMrJyj84TrqQ?e=oNQIZS",
    "person": "EWu4SqR42YpCoqsVJOcM2cMBcdfXA0j5wZ2hno9X0R9ydQ?e=KuDRns",
    "cat": "EQdveyUNOMtAue52n6BxoHoB6Yup5-PTvBDmyfUn7Un4Hw?e=7acGbT",
    "dog": "ESaKyXA5fGlOvXJYDDFbT2kB9c0HlXh9n_wnyhiP05nhow?e=d4aKDV",
    "bird": "Ef2p4Pd3AKVCmSm00YikCIABhylh2dLPaFjPfPVn3RiTXA?e=9bRitp",
    "horse": "EXwCPdv6XqJFtuvFFoswRScBmLJbhKzaC5D_iovl1GFOTw?e=WDdD77",
    "sheep": "ER6J5EKjAUNFtm9VwLf-uUsBZ5dnqxeKsPxY9ijiPtMhcQ?e=OKtfva",
    "cow": "ERZLxw7N7xJPm72FyePTbpcByzrr0pH-Fg7qyLt5tYGXwQ?e=ovIPCl",
    "car": "EfGc2we47aFDtAY1548pRvsByIju-uXRbkZEFpJotuPKZw?e=DQqVj8",
    "bicycle": "Ed1dN_FgwmdBgeNWhaRUry8BgwT88-n2ppicSDPx-f7f_Q?e=bxTxnf",
    "motorbike": "EV3yQdeJXIdPjZbMO0mp2-MBJbKuuBdypzBL4gnedO57Dw?e=tXdvtD",
    "bus": "Ed7-OYLnq0RCqRlM8qK8wZ8B87dz_NUxIKBrvyFUwRCEbg?e=VP5bmX",
    "train": "EedE2cozKOVAkhvbdLd4SfwBknFW8vWZnKiqgeIBbAvCCA?e=BrLpTl",
    "boat": "Eb39waqQFr9Bp4wO0rC5NHwB0Vz2NGCuqbRPucguBIkDrg?e=lddSyL",
    "airplane": "Ee6FzIx3KjNDhxrS5mDvpCEB3iQ7TgErmKhbwbV-eF07iw?e=xflPXa",
    "bottle": "EWhoy2AFCTZGtEG1UoayWjcB9Kdc_wreJ8p4RlBB93nbNg?e=DMZceU",
    "chair": "EbQRTfwdostBhXG30Uacn7ABsEUFa-tEW3oxiM5zDYQbRw?e=FkB7T0",
    "pottedplant": "EWg7hnoGATBOuJvXWr4m7CQBJL9o7nqnD6nOMRhtH2SKXg?e=Zi3hjD",
    "tvmonitor": "EVXwttoJVtBMuhHNDdK3cMwBdMiZARJV38PMTsL6whnFlA?e=RbG0ru",
    "diningtable": "EXVzBkbmTCVImMtuHLCTBeMBXZmv0RWyx5KXQQAe7-7D5w?e=6RYSnm",
    "sofa": "EaADQYDXwY9NrzbiUFcRYRgBOu1GdJMG8YgNZZmbNjbn-Q?e=DqKrXG",
}
_CELEBAHQ = "EW_3jQ6E7xlKvCSHYrbmkQQBAB8tgIv5W5evdT6-GuXiWw?e=gRifVa"

# Name in recipes -> model.
MODELS: dict[str, Published] = {
    "pggan.celebahq-1024": Published(
        "PGGAN", 1024, "CelebA-HQ", LICENCE,
        "https://www.dropbox.com/s/t74z87pk3cf8ny7/pggan_celebahq.pth?dl=1", "interfacegan-pggan_celebahq.pth",
    ),
    "pggan.genforce-celebahq-1024": _genforce("celebahq", _CELEBAHQ, 1024, "CelebA-HQ"),
    **{f"pggan.genforce-{name}-256": _genforce(name, share, 256, f"LSUN, {name}") for name, share in _LSUN.items()},
}  # fmt: skip
