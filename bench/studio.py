"""From a move of a slider to the picture on the screen, in Chromium: the studio, and a page of Gradio that does the
same; and from the command to the first picture.

    .venv/bin/python bench/studio.py [--gradio-python .bench/bin/python] [--moves 60]
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

HERE = Path(__file__).parent
ROUNDS = 3
# Sets a slider and waits until the picture that answers is painted: the time in ms.
OURS = """([selector, value, done]) => new Promise((resolve, reject) => {
  setTimeout(() => reject(new Error('no picture came in 20 s')), 20000);
  const slider = document.querySelector(selector), stage = document.querySelector('#stage');
  const before = stage.dataset.number, began = performance.now();
  const watch = new MutationObserver(() => {
    if (stage.dataset.number === before) return;
    watch.disconnect();
    requestAnimationFrame(() => resolve(performance.now() - began));
  });
  watch.observe(stage, {attributes: true, attributeFilter: ['data-number']});
  slider.value = value;
  slider.dispatchEvent(new Event('input', {bubbles: true}));
  if (done) slider.dispatchEvent(new Event('change', {bubbles: true}));
})"""
GRADIO = """value => new Promise((resolve, reject) => {
  const slider = document.querySelector('#slider input[type=range]');
  const source = () => document.querySelector('#image img')?.src;
  const before = source(), began = performance.now();
  const look = async () => {
    if (performance.now() - began > 20000) reject(new Error('no picture came in 20 s'));
    else if (!source() || source() === before) requestAnimationFrame(look);
    else {
      await document.querySelector('#image img').decode().catch(() => {});
      resolve(performance.now() - began);
    }
  };
  slider.value = value;
  slider.dispatchEvent(new Event('input', {bubbles: true}));
  look();
})"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gradio-python", help="a Python that has gradio")
    parser.add_argument("--moves", type=int, default=60)
    options = parser.parse_args()
    print(f"load of this machine: {os.getloadavg()[0]:.1f}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("google-chrome"),
            args=["--no-sandbox", "--disable-gpu"],
        )
        help_and_start(browser)
        drags(browser, options.moves, options.gradio_python)
        preview(browser, options.moves // 3)
        browser.close()


def help_and_start(browser: Browser) -> None:
    """Seconds of --help, and from the command to the first picture."""
    command = Path(sys.executable).with_name("interpgan-studio")
    helps, starts = [], []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        subprocess.run([command, "--help"], capture_output=True, check=True)
        helps.append(time.perf_counter() - began)
        began = time.perf_counter()
        with studio("--weights", "avatars.stylegan2") as address:
            page = opened(browser, address)
            starts.append(time.perf_counter() - began)
            page.context.close()
    print(
        f"--help: {statistics.median(helps):.2f} s; command to first picture: {statistics.median(starts):.2f} s"
    )


def drags(browser: Browser, moves: int, gradio: str | None) -> None:
    """Milliseconds from move to picture, in turns."""
    slider = 'input[type=range][data-direction="$avatars-directions.smile"]'
    ours: list[float] = []
    theirs: list[float] = []
    with studio("--weights", "avatars.stylegan2") as address:
        page = opened(browser, address)
        page.wait_for_timeout(2000)
        if gradio is None:
            ours += moved(page, slider, moves)
            tell("studio, avatars", ours)
            return
        with served(
            [gradio, str(HERE / "peers/gradio_slider.py"), sysconfig.get_paths()["purelib"]], r"http://\S+"
        ) as other:
            peer = browser.new_context().new_page()
            peer.goto(other)
            peer.wait_for_selector("#image img")
            peer.wait_for_timeout(4000)  # until its page listens
            for _ in range(ROUNDS):
                ours += moved(page, slider, moves)
                for move in range(moves):
                    theirs.append(peer.evaluate(GRADIO, str(round(-3 + 0.1 * move, 1))))
                    peer.wait_for_timeout(20)
    tell("studio, avatars", ours)
    tell("Gradio, avatars", theirs)
    print(f"Gradio takes {statistics.median(theirs) / statistics.median(ours):.1f} times as long")


def preview(browser: Browser, moves: int) -> None:
    """Milliseconds from move to draft of a photographic face of 512 pixels, and to the full picture."""
    slider = 'input[type=range][data-direction="$attributes.smile"]'
    with studio(str(HERE.parent / "recipes/studio-ffhq.yaml")) as address:
        page = opened(browser, address)
        page.wait_for_timeout(10_000)  # spreads along directions are measured
        page.evaluate(OURS, [slider, "0.5", True])
        drafts = moved(page, slider, moves)
        full = [page.evaluate(OURS, [slider, str(1 + i / 10), True]) for i in range(5)]
    tell("studio, FFHQ at 512 pixels, drafts", drafts)
    tell("studio, FFHQ at 512 pixels, full", full)


def moved(page: Page, slider: str, moves: int) -> list[float]:
    times = []
    for move in range(moves):
        times.append(page.evaluate(OURS, [slider, str(round(-3 + 0.1 * move, 1)), False]))
        page.wait_for_timeout(20)
    return times


def tell(what: str, times: list[float]) -> None:
    tenths = statistics.quantiles(times, n=10)
    print(f"{what}: median {statistics.median(times):.1f} ms, p90 {tenths[-1]:.1f} ms of {len(times)} moves")


def opened(browser: Browser, address: str) -> Page:
    page = browser.new_context(viewport={"width": 1200, "height": 900}).new_page()
    page.goto(address)
    page.wait_for_selector("#stage[data-number]", timeout=60_000)
    return page


@contextmanager
def studio(*arguments: str) -> Iterator[str]:
    command = [str(Path(sys.executable).with_name("interpgan-studio")), "--no-browser", *arguments]
    with served(command, r"http://\S+") as address:
        yield address


@contextmanager
def served(command: list[str], pattern: str) -> Iterator[str]:
    """Run a command that prints an address, and stop it in the end."""
    variables: dict[str, Any] = {**os.environ, "PYTHONUNBUFFERED": "1", "GRADIO_ANALYTICS_ENABLED": "False"}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=variables
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if found := re.search(pattern, line):
                yield found[0]
                return
        raise SystemExit(f"{command[0]} served nothing")
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    main()
