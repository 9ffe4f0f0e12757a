"""A browser for tests that look at pages."""

import importlib.util
import shutil

import pytest

_OPEN = {}


@pytest.fixture(scope="session")
def found_browser():
    """A browser; None where there is none."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not chromium or not importlib.util.find_spec("playwright"):
        yield None
        return
    from playwright.sync_api import sync_playwright

    flags = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync"
    quiet = "--disable-background-networking --disable-component-update"
    if "browser" in _OPEN:  # Playwright opens one in a process
        yield _OPEN["browser"]
        return
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=[*flags.split(), *quiet.split()])
        _OPEN["browser"] = opened
        yield opened
        del _OPEN["browser"]
        opened.close()


@pytest.fixture
def browser(found_browser):
    if found_browser is None:
        pytest.skip("playwright is not installed, or there is no Chromium here")
    return found_browser
