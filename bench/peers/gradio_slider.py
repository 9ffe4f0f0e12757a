"""A slider and a picture in Gradio, for bench/studio.py: run by a Python that has gradio.

PYTHON bench/peers/gradio_slider.py SITE_PACKAGES_OF_INTERPGAN
"""

import site
import sys

import gradio

site.addsitedir(sys.argv[1])

from interpgan_core import Live, make_plan, to_uint8, use_the_machine_well

use_the_machine_well()
live = Live("cpu")


def draw(value: float):
    """The picture at a strength of the smile."""
    steps = [
        {"use": "generator", "weights": "avatars.stylegan2"},
        {"use": "avatars.directions", "id": "toward"},
        {"use": "sample", "id": "people", "seeds": 9},
        {"use": "shift", "direction": "$toward.smile", "strength": float(value), "unit": "sigma"},
    ]
    plan = make_plan({"interpgan": 1, "steps": steps})
    generator = live.result(plan, plan.steps[0].id)
    return to_uint8(generator.images(live.result(plan, "shift")))[0]


draw(0.0)
with gradio.Blocks() as page:
    slider = gradio.Slider(-5, 5, 0, step=0.1, elem_id="slider")
    image = gradio.Image(draw(0.0), format="png", elem_id="image", buttons=[])
    slider.input(draw, slider, image, show_progress="hidden", trigger_mode="always_last")
page.launch(server_name="127.0.0.1", share=False, inbrowser=False)
