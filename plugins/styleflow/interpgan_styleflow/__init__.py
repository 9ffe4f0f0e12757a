"""StyleFlow: codes given attributes, as a flow with an exact inverse, and edits by it."""

from collections.abc import Mapping

from interpgan_core import hookimpl


@hookimpl
def interpgan_operators() -> Mapping[str, str]:
    return {
        "styleflow": "interpgan_styleflow.operators:LearnFlow",
        "styleflow.edit": "interpgan_styleflow.edit:EditAttributes",
    }
