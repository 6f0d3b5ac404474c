"""``anabranch graph``."""

from __future__ import annotations

from anabranch.cli.loading import load_pipeline
from anabranch.cli.request import Request
from anabranch.rendering import render


def graph(request: Request) -> int:
    """Print a pipeline's picture."""
    loaded = load_pipeline(request.needed("file"))
    loaded.graph.validate()
    print(render(loaded.graph, request.text("format") or "text"))
    return 0
