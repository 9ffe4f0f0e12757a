from interpgan_example import Exaggerate

from interpgan_core.testing import conformance, toy

test_exaggerate = conformance(Exaggerate(factor=2), toy)
