"""FILE[:OBJECT] as a graph."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import os
import sys
import traceback
from types import ModuleType
from typing import Any

from anabranch.cli.request import CommandError
from anabranch.graph import Pipeline
from anabranch.local_code import add_root
from anabranch.lowering import from_sklearn

#: Names that win when a file has several pipelines.
FAVOURITES = ("graph", "pipeline", "g", "search", "model")


@dataclasses.dataclass
class Loaded:
    """A graph with what its file says of its runs; flags win over it."""

    graph: Pipeline
    data: dict[str, Any] = dataclasses.field(default_factory=dict)
    cv: Any = None
    scoring: Any = None
    seed: int | None = None
    candidates: list[dict[str, int]] | None = None


def load_pipeline(named: str, *, standing: bool = False) -> Loaded:
    """Load FILE[:OBJECT]: a YAML file, a Python file, or a module's name.

    Parameters
    ----------
    standing : bool
        The workers are not ours and cannot import what stands beside the file or below: it is pickled by value.

    Raises
    ------
    CommandError
        When the file, the object or an import path in it does not exist, or the object is no pipeline.
    """
    file, name = _parted(named)
    if file.endswith((".yaml", ".yml")):
        if name is not None:
            raise CommandError(f"{named}: a YAML file holds one pipeline; leave out :{name}")
        from anabranch.cli.yaml_pipeline import load_yaml

        if standing:
            add_root(os.path.dirname(os.path.abspath(file)))
        return load_yaml(file)
    module = _module(file, standing)
    found = _object(module, file, name)
    return _loaded(found, name or file)


def _parted(named: str) -> tuple[str, str | None]:
    file, colon, name = named.rpartition(":")
    return (file, name) if colon and file and name and os.sep not in name else (named, None)


def _module(file: str, standing: bool) -> ModuleType:
    if file.endswith(".py") or os.path.exists(file):
        return _module_of_file(file, standing)
    sys.path.insert(0, os.getcwd())
    try:
        module = importlib.import_module(file)
    except ModuleNotFoundError as error:
        if error.name and file.startswith(error.name):
            raise CommandError(f"{file}: there is no such file, and no module of that name") from None
        raise CommandError(f"{file}: {error}") from None
    except Exception as error:
        raise CommandError(_explained(file, error)) from error
    if standing:
        _by_value(module)
        add_root(os.getcwd())
    return module


def _module_of_file(file: str, standing: bool) -> ModuleType:
    if not os.path.isfile(file):
        raise CommandError(f"{file}: no such file")
    directory, base = os.path.split(os.path.abspath(file))
    # Its neighbours can be imported, here and, by the path that an embedded pool inherits, in its tasks.
    sys.path.insert(0, directory)
    name = os.path.splitext(base)[0]
    if name in sys.modules or name in sys.stdlib_module_names or not name.isidentifier():
        name = f"pipeline_file_{abs(hash(file)):x}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise CommandError(f"{file}: a Python or a YAML file is needed")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise CommandError(_explained(file, error)) from error
    except SystemExit as error:
        raise CommandError(f"{file}: it ended the program ({error}) when it was loaded") from None
    # A task need not run the file again to have what it defines.
    _by_value(module)
    if standing:
        add_root(directory)
    return module


def _by_value(module: ModuleType) -> None:
    import cloudpickle

    cloudpickle.register_pickle_by_value(module)


def _explained(file: str, error: BaseException) -> str:
    frames = [
        f for f in traceback.extract_tb(error.__traceback__) if os.path.basename(f.filename) == os.path.basename(file)
    ]
    line = getattr(error, "lineno", None) or (frames[-1].lineno if frames else None)
    place = f"{file}, line {line}" if line else file
    return f"{place}: {type(error).__name__}: {error}"


def _object(module: ModuleType, file: str, name: str | None) -> Any:
    if name is not None:
        value: Any = module
        for part in name.split("."):
            if not hasattr(value, part):
                known = ", ".join(_candidates(module)) or "none"
                raise CommandError(f"{file} has no {name!r}; its pipelines: {known}")
            value = getattr(value, part)
        return value
    candidates = _candidates(module)
    if len(candidates) == 1:
        return next(iter(candidates.values()))
    for favourite in FAVOURITES:
        if favourite in candidates:
            return candidates[favourite]
    if not candidates:
        raise CommandError(
            f"{file} holds no ab.Pipeline and no estimator of scikit-learn or Spark; name a function: {file}:build"
        )
    raise CommandError(
        f"{file} holds several pipelines, {', '.join(candidates)}: name one, as in {file}:{next(iter(candidates))}"
    )


def _candidates(module: ModuleType) -> dict[str, Any]:
    public = {name: value for name, value in vars(module).items() if not name.startswith("_")}
    graphs = {name: value for name, value in public.items() if isinstance(value, Pipeline)}
    return graphs or {name: value for name, value in public.items() if _is_estimator(value)}


def _is_estimator(value: Any) -> bool:
    if isinstance(value, type) or not hasattr(value, "fit"):
        return False
    return hasattr(value, "get_params") or _is_of_spark(value)


def _is_of_spark(value: Any) -> bool:
    """Whether it is an estimator of pyspark.ml, or what `ab.from_spark` made of a search of it."""
    named = {(base.__module__, base.__name__) for base in type(value).__mro__}
    return bool(named & {("pyspark.ml.base", "Estimator"), ("anabranch.spark.search", "SparkSearch")})


def _loaded(found: Any, name: str) -> Loaded:
    if callable(found) and not _is_estimator(found) and not isinstance(found, (Pipeline, type)):
        try:
            found = found()
        except Exception as error:
            raise CommandError(f"{name}: {type(error).__name__}: {error}") from error
    if isinstance(found, Pipeline):
        return Loaded(found)
    if not _is_estimator(found):
        raise CommandError(f"{name} is a {type(found).__name__}; an ab.Pipeline, an estimator or a search is needed")
    if _is_of_spark(found):
        return _loaded_of_spark(found)
    if hasattr(found, "param_grid") or hasattr(found, "param_distributions"):
        from anabranch.cli.searches import lower_search

        graph, candidates = lower_search(found)
        return Loaded(graph, cv=found.cv, scoring=found.scoring, candidates=candidates)
    return Loaded(from_sklearn(found))


def _loaded_of_spark(found: Any) -> Loaded:
    from anabranch.spark.lowering import from_spark
    from anabranch.spark.search import SparkSearch

    lowered = found if isinstance(found, SparkSearch) else from_spark(found)
    if isinstance(lowered, Pipeline):
        return Loaded(lowered)
    return Loaded(
        lowered.graph, cv=lowered.splitter(), scoring=lowered.scorer, candidates=lowered.distinct_candidates()
    )
