"""For tests of plugins: the promises of operators, generators and plugins, and wrong recipes.

    from interpgan_core.testing import conformance, toy
    test_glow = conformance(Glow(strength=1), toy)

Each check is a test of its own, named after the promise that it holds the plugin to.
"""

from interpgan_core.generators.toy import toy as toy
from interpgan_core.testing.case import Case as Case
from interpgan_core.testing.conformance import checks_for as checks_for
from interpgan_core.testing.conformance import conformance as conformance
from interpgan_core.testing.generators import GENERATOR_CHECKS as GENERATOR_CHECKS
from interpgan_core.testing.plugins import plugin_conformance as plugin_conformance
from interpgan_core.testing.precision import roundings as roundings
from interpgan_core.testing.recipes import recipe_error as recipe_error
from interpgan_core.testing.running import Stopped as Stopped
from interpgan_core.testing.running import recorded as recorded
from interpgan_core.testing.running import run_operator as run_operator
from interpgan_core.testing.running import stop_after as stop_after
