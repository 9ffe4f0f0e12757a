"""The named model of the core."""

from interpgan_core.models import NamedModel

toy = NamedModel("toy", 32, "nothing: random weights", "Apache-2.0", "interpgan_core.toy:toy")
