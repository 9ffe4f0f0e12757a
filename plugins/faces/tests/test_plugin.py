"""The plugin keeps what all plugins promise."""

from interpgan_core.testing import plugin_conformance

test_plugin = plugin_conformance("faces")
