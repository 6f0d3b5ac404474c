"""Writes docs/api.md, the reference of what `import anabranch` gives, from its docstrings.

python docs/api_reference.py            writes the page
python docs/api_reference.py --check    fails when the page is not what would be written
"""

from __future__ import annotations

import importlib
import inspect
import pathlib
import re
import sys
from collections.abc import Iterator
from typing import Any

PAGE = pathlib.Path(__file__).with_name("api.md")
MODULES = {
    "anabranch": "The package: `import anabranch as ab`",
    "anabranch.model_selection": "Searches and validation: `ab.model_selection`",
    "anabranch.nodes": "Ready-made functions of nodes: `ab.nodes`",
    "anabranch.plotting": "Plots: `ab.plotting`",
    "anabranch.spark": "Spark's stages: `ab.spark`",
    "anabranch.joblib": "joblib's backend: `ab.joblib`",
}
_SECTION = re.compile(r"^(\w[\w ]*)\n-{3,}$", re.MULTILINE)


def page() -> str:
    """Return the page's text."""
    lines = [
        "# API reference",
        "",
        "Made from the docstrings by `make api`; `make lint` fails when it is not current.",
        "",
    ]
    for name, title in MODULES.items():
        module = importlib.import_module(name)
        lines += [f"## {title}", "", *_prose(inspect.getdoc(module) or ""), ""]
        for public in sorted(_public(module)):
            lines += _entry(public, getattr(module, public))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip() + "\n"


def _public(module: Any) -> Iterator[str]:
    names = getattr(module, "__all__", None) or [name for name in vars(module) if not name.startswith("_")]
    for name in names:
        value = getattr(module, name)
        if not inspect.ismodule(value) and str(getattr(value, "__module__", "anabranch")).startswith("anabranch"):
            yield name


def _entry(name: str, value: Any) -> list[str]:
    lines = [f"### `{name}`", ""]
    if inspect.isclass(value) and issubclass(value, BaseException):
        return [*lines, *_prose(inspect.getdoc(value) or ""), ""]
    lines += [*_signature(name, value), *_prose(_own_doc(value)), ""]
    if inspect.isclass(value):
        for title, member in _members(value):
            shown = ["*Property.*"] if isinstance(member, property) else _signature(f".{title}", member)
            lines += [f"#### `{name}.{title}`", "", *shown, "", *_prose(inspect.getdoc(member) or ""), ""]
    return lines


def _own_doc(value: Any) -> str:
    """Return the docstring, of what is scikit-learn's function no more than its first line."""
    text = inspect.getdoc(value) or ""
    wrapped = getattr(value, "__wrapped__", None)
    if wrapped is not None and str(wrapped.__module__).startswith("sklearn"):
        theirs = f"sklearn.model_selection.{wrapped.__name__}"
        return f"{text.partition(chr(10))[0]} Parameters and results are those of `{theirs}`."
    return text


def _signature(name: str, value: Any) -> list[str]:
    """Return a call with its parameters; none where they are another library's, and change with its versions."""
    if getattr(value, "__wrapped__", None) is not None or not _is_ours(value):
        return []
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):
        return []
    plain = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in signature.parameters.values()
        if parameter.name != "self"
    ]
    text = re.sub(r" at 0x[0-9a-f]+", "", str(inspect.Signature(plain)))
    return ["```python", f"{name}{text}", "```", ""]


def _is_ours(value: Any) -> bool:
    maker = value.__init__ if inspect.isclass(value) else value
    return str(getattr(maker, "__module__", None) or "").startswith("anabranch")


def _members(kind: type) -> Iterator[tuple[str, Any]]:
    """Yield public methods and properties that the package itself defines, in the order of their definition."""
    seen = set()
    for base in kind.__mro__:
        if not base.__module__.startswith("anabranch"):
            continue
        for name, member in vars(base).items():
            # scikit-learn's available_if keeps the function in an attribute, and so does our own `WeightedFit`.
            member = getattr(member, "fn", getattr(member, "__func__", member))
            if name.startswith("_") or name in seen or not (inspect.isfunction(member) or isinstance(member, property)):
                continue
            seen.add(name)
            yield name, member


def _prose(text: str) -> list[str]:
    """Return a numpydoc docstring as Markdown."""
    parts = _SECTION.split(text)
    lines = [*_literal(parts[0]), ""]
    for title, body in zip(parts[1::2], parts[2::2]):
        lines += [f"**{title}**", ""]
        lines += _literal(body) if title in ("Examples", "Notes") else _fields(body)
        lines.append("")
    return lines


def _literal(text: str) -> list[str]:
    """Return text with ``::`` blocks fenced and double backquotes made single."""
    lines: list[str] = []
    code = False
    for line in text.strip("\n").split("\n"):
        if code and line and not line.startswith("    "):
            lines += ["```", ""]
            code = False
        lines.append(line[4:] if code else line.replace("``", "`"))
        if not code and line.rstrip().endswith("::"):
            lines[-1] = lines[-1].rstrip()[:-1]
            lines += ["", "```python"]
            code = True
    return [*lines, "```"] if code else lines


def _fields(body: str) -> list[str]:
    lines: list[str] = []
    for line in body.strip("\n").split("\n"):
        if line and not line.startswith(" "):
            name, colon, kind = line.partition(" : ")
            lines.append(f"- `{name.strip('`')}`{colon}{kind.replace('``', '`')}")
        elif line.strip():
            lines.append(f"  {line.strip().replace('``', '`')}")
    return lines


def main(arguments: list[str]) -> int:
    """Write or check the page; returns the exit status."""
    text = page()
    if arguments != ["--check"]:
        PAGE.write_text(text, encoding="utf-8")
        return 0
    if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
        print(f"{PAGE.name} is not current: run `make api`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
