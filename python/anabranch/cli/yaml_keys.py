"""YAML in which no key stands twice: of two nodes of one name, the first would be lost without a word."""

from __future__ import annotations

from typing import IO, Any

import yaml

from anabranch.cli.request import CommandError

_MERGE = "tag:yaml.org,2002:merge"


class _Loader(yaml.SafeLoader):
    # While the document is composed, not when objects are made of it: by then `<<` has put other mappings' keys in.
    def compose_mapping_node(self, anchor: Any) -> Any:
        node = super().compose_mapping_node(anchor)
        lines: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == _MERGE:
                continue
            line = key.start_mark.line + 1
            if key.value in lines:
                raise CommandError(
                    f"{key.start_mark.name}, line {line}: {key.value!r} stands here a second time, after line "
                    f"{lines[key.value]}; only one of them would count"
                )
            lines[key.value] = line
        return node


def load_unique(stream: IO[str]) -> Any:
    """Return the document of an open file, as `yaml.safe_load` does.

    Raises
    ------
    CommandError
        When a mapping has a key twice; the message names the file, the key and both lines.
    yaml.YAMLError
        When it is no YAML.
    """
    return yaml.load(stream, Loader=_Loader)
