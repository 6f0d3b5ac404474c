"""Pipelines in YAML: estimators by import path, parameters, edges, grids, data (``docs/pipeline-yaml.md``)."""

from __future__ import annotations

import builtins
import contextlib
import importlib
import os
import re
import sys
from collections.abc import Mapping
from typing import Any

from anabranch.chain import Chain
from anabranch.cli.loading import Loaded
from anabranch.cli.request import CommandError
from anabranch.errors import GraphError
from anabranch.graph import Pipeline
from anabranch.node import AndNode, Node, OrNode, native
from anabranch.reading import CLUSTER

_TOP = {"name", "nodes", "edges", "data", "cv", "scoring", "seed"}
_DATA = {"path", "target", "partitions", "by", "columns"}
_STEP = {"estimator", "function", "native", "params"}
_BOTH = {"grid", "output", "timeout", "memory", "threads", "retries", "keep_output"}
_OR = _STEP | _BOTH | {"fit", "cv", "in_sample", "role"}
_AND = _STEP | _BOTH | {"and", "over", "join", "missing", "emits_predictions"}
#: What fields are made of that are compared or computed with before anything could say whose they are.
_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "seed": ((int,), "a whole number"),
    "timeout": ((int, float), "a number of seconds"),
    "memory": ((int, str), "a number of bytes such as 500M or 2G"),
    "threads": ((int,), "a whole number"),
    "retries": ((int,), "a whole number"),
}


def load_yaml(file: str) -> Loaded:
    """Load a YAML file.

    Raises
    ------
    CommandError
        When it is unreadable, has unknown fields, or names what cannot be imported; the message names node and field.
    """
    document = _read(file)
    _check_fields(document, _TOP, file)
    nodes = document.get("nodes")
    if not isinstance(nodes, Mapping) or not nodes:
        raise CommandError(f"{file}: nodes: a mapping of name to node is needed")
    # Functions and estimators of the user's own may stand beside the file.
    sys.path.insert(0, os.path.dirname(os.path.abspath(file)))
    graph = Pipeline(str(document.get("name") or os.path.splitext(os.path.basename(file))[0]))
    try:
        made = {str(name): _node(str(name), fields, f"{file}: nodes: {name}") for name, fields in nodes.items()}
        for node in made.values():
            graph.add_node(node)
        for edge in _edges(document, file):
            _add_edges(graph, edge, made, file)
    except GraphError as error:
        raise CommandError(f"{file}: {error}") from None
    data = document.get("data") or {}
    if isinstance(data, str):
        data = {"path": data}
    _check_fields(data, _DATA, f"{file}: data")
    data = dict(data)
    path = str(data.get("path", ""))
    if path and not os.path.isabs(path) and not path.startswith(CLUSTER):
        data["path"] = os.path.join(os.path.dirname(file), path)
    if data.get("partitions") is not None and data.get("by") is not None:
        raise CommandError(f"{file}: data: give partitions or by, not both")
    _check_kind(document, "seed", file)
    return Loaded(
        graph, data, _splitter(document.get("cv"), f"{file}: cv"), document.get("scoring"), document.get("seed")
    )


def _read(file: str) -> Mapping[str, Any]:
    try:
        import yaml

        from anabranch.cli.yaml_keys import load_unique
    except ImportError:
        raise CommandError(f"{file}: reading YAML needs PyYAML; pip install pyyaml") from None
    try:
        with open(file, encoding="utf-8") as stream:
            document = load_unique(stream)
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CommandError(f"{file} is no YAML: {' '.join(str(error).split())}") from None
    if not isinstance(document, Mapping):
        raise CommandError(f"{file}: a mapping with nodes and edges is needed")
    return document


def _check_fields(value: Any, known: set[str], where: str) -> None:
    if not isinstance(value, Mapping):
        raise CommandError(f"{where}: a mapping is needed, not {value!r}")
    unknown = [name for name in value if name not in known]
    if unknown:
        raise CommandError(f"{where}: there is no field {unknown[0]!r}; fields: {', '.join(sorted(known))}")


def _check_kind(fields: Mapping[str, Any], name: str, where: str) -> None:
    value = fields.get(name)
    kinds, needed = _KINDS[name]
    # True and False are whole numbers to Python.
    if value is not None and (isinstance(value, bool) or not isinstance(value, kinds)):
        raise CommandError(f"{where}: {name}: {needed} is needed, not {value!r}")


def _splitter(value: Any, where: str) -> Any:
    built = _built(value, where)
    if isinstance(built, int) and not isinstance(built, bool):
        fits = built >= 2
    else:
        # Texts can be split, too.
        fits = built is None or (hasattr(built, "split") and not isinstance(built, (str, type)))
    if not fits:
        splitter = "{estimator: path, params: {…}} of a splitter"
        raise CommandError(f"{where}: a number of folds from 2 on, or {splitter}, is needed, not {built!r}")
    return built


def _node(name: str, fields: Any, where: str) -> Node:
    if isinstance(fields, str):
        fields = {"estimator": fields}
    is_and = isinstance(fields, Mapping) and "and" in fields
    _check_fields(fields, _AND if is_and else _OR, where)
    # A field that is left empty is one that was left out.
    fields = {field: value for field, value in fields.items() if value is not None or field not in _KINDS}
    for field in _KINDS:
        _check_kind(fields, field, where)
    if is_and and fields["and"] is not True:
        fields["estimator"] = fields["and"]
    kinds = [kind for kind in ("estimator", "function", "native") if fields.get(kind) is not None]
    if len(kinds) != 1:
        raise CommandError(f"{where}: one of estimator, function and native is needed")
    if kinds[0] == "native":
        step: Any = native(str(fields["native"]), **(fields.get("params") or {}))
    elif kinds[0] == "function":
        step = import_path(str(fields["function"]), where)
        if fields.get("params"):
            raise CommandError(f"{where}: a function takes no params")
    else:
        step = _instance(fields["estimator"], fields.get("params"), where)
    options = {option: fields[option] for option in fields if option not in _STEP and option not in ("and", "grid")}
    if fields.get("grid") is not None:
        options["params"] = _built(fields["grid"], f"{where}: grid")
    if "cv" in options:
        options["cv"] = _built(options["cv"], f"{where}: cv")
    try:
        return AndNode(name, step, **options) if is_and else OrNode(name, step, **options)
    except (TypeError, ValueError) as error:
        raise CommandError(f"{where}: {error}") from None


def import_path(path: str, where: str) -> Any:
    """Return what an import path such as ``sklearn.tree.DecisionTreeClassifier`` names."""
    module_name, _, name = path.rpartition(".")
    if not module_name:
        if hasattr(builtins, path):
            return getattr(builtins, path)
        raise CommandError(f"{where}: {path!r} is no import path; write module.name")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        raise CommandError(f"{where}: {path}: {type(error).__name__}: {error}") from None
    if not hasattr(module, name):
        raise CommandError(f"{where}: {path}: module {module_name} has no {name!r}")
    return getattr(module, name)


def _instance(path: Any, params: Any, where: str) -> Any:
    if not isinstance(path, str):
        raise CommandError(f"{where}: an import path is needed, not {path!r}")
    made = import_path(path, where)
    if not callable(made):
        raise CommandError(f"{where}: {path} is a {type(made).__name__}, no class")
    params = _built(params or {}, f"{where}: params")
    if not isinstance(params, Mapping):
        raise CommandError(f"{where}: params: a mapping is needed, not {params!r}")
    try:
        with _without_jvm(made):
            return made(**params)
    except (TypeError, ValueError) as error:
        raise CommandError(f"{where}: {path}: {error}") from None


def _without_jvm(made: Any) -> contextlib.AbstractContextManager:
    """Return the context in which something is constructed: stages of Spark are only named here, and run elsewhere."""
    if not any(base.__module__ == "pyspark.ml.param" for base in getattr(made, "__mro__", ())):
        return contextlib.nullcontext()
    from anabranch.spark.declaration import declare

    return declare()


def _built(value: Any, where: str) -> Any:
    """Return parameters with nested ``{estimator: path, params: …}`` and ``{object: path}`` made what they name."""
    if isinstance(value, Mapping):
        if "estimator" in value and set(value) <= {"estimator", "params"}:
            return _instance(value["estimator"], value.get("params"), where)
        if set(value) == {"object"}:
            return import_path(str(value["object"]), where)
        return {name: _built(item, f"{where}: {name}") for name, item in value.items()}
    if isinstance(value, list):
        built = [_built(item, where) for item in value]
        # (name, estimator, …) of scikit-learn's composites is a tuple there, and a list in YAML.
        named = len(built) > 1 and isinstance(built[0], str) and not isinstance(built[1], (str, list))
        skipped = len(built) > 1 and isinstance(built[0], str) and built[1] in ("passthrough", "drop")
        return tuple(built) if named or skipped else built
    return value


def _edges(document: Mapping[str, Any], file: str) -> list[Any]:
    edges = document.get("edges") or []
    if not isinstance(edges, list):
        raise CommandError(f"{file}: edges: a list is needed, as in ['a >> [b, c] >> d'], not {edges!r}")
    return edges


def _add_edges(graph: Pipeline, edge: Any, nodes: Mapping[str, Node], file: str) -> None:
    if isinstance(edge, str):
        graph.add(_chain(edge, nodes, file))
    elif isinstance(edge, list) and len(edge) == 2:
        graph.add_edge(_named(edge[0], nodes, file), _named(edge[1], nodes, file))
    else:
        raise CommandError(f"{file}: edges: {edge!r} is neither [source, target] nor 'a >> [b, c] >> d'")


def _chain(text: str, nodes: Mapping[str, Node], file: str) -> Chain:
    chain: Chain | None = None
    for part in text.split(">>"):
        names = re.fullmatch(r"\s*(?:\[(?P<list>[^\]]*)\]|(?P<one>[^\[\]]+?))\s*", part)
        if names is None:
            raise CommandError(f"{file}: edges: {text!r} does not read as 'a >> [b, c] >> d'")
        listed = [names["one"]] if names["one"] else names["list"].split(",")
        stage = Chain.of([_named(name.strip(), nodes, file) for name in listed])
        chain = stage if chain is None else chain >> stage
    assert chain is not None
    return chain


def _named(name: Any, nodes: Mapping[str, Node], file: str) -> Node:
    if str(name) not in nodes:
        raise CommandError(f"{file}: edges: there is no node {str(name)!r}; nodes: {', '.join(nodes)}")
    return nodes[str(name)]
