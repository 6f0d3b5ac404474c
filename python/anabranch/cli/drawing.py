"""``anabranch graph``."""

from __future__ import annotations

from anabranch.cli.loading import load_pipeline
from anabranch.cli.request import CommandError, Request
from anabranch.rendering import render


def graph(request: Request) -> int:
    """Print a pipeline's picture, or write it to a file."""
    loaded = load_pipeline(request.needed("file"))
    loaded.graph.validate()
    path = request.text("svg")
    if path is not None:
        try:
            loaded.graph.to_svg(path)
        except OSError as error:
            raise CommandError(f"--svg {path}: {error.strerror}") from None
        return 0
    print(render(loaded.graph, request.text("format") or "text"))
    return 0
