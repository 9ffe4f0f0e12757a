from interpgan_core.testing import conformance, toy
from interpgan_example import Exaggerate

test_exaggerate = conformance(Exaggerate(factor=2), toy)
