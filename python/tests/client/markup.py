"""What pages must be: no element and no handler out of anybody's text."""

from __future__ import annotations

import html.parser

HOSTILE = "<script>alert(1)</script>\"'&]]>\x00\x1b[31m\ud800"
HARMLESS = {
    "b", "code", "defs", "details", "div", "g", "marker", "path", "pre", "progress", "rect", "span", "summary", "svg",
    "table", "tbody", "td", "text", "th", "thead", "title", "tr",
}  # fmt: skip


class Tags(html.parser.HTMLParser):
    """Collects what a browser would take for elements, and the text."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.text = set(), ""
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        assert not any(name.startswith("on") or "javascript:" in (value or "") for name, value in attributes)

    def handle_data(self, data):
        self.text += data
