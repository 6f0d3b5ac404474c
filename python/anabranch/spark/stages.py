"""Stages of Spark ML as descriptions: what travels in the place of objects that live in a JVM.

A description is made of a live stage (`describe`) and makes one again where a session is (`StageDescription.rebuild`).
In between it is pickled, compared, shown and given other parameters without pyspark, Java or a session.
"""

from __future__ import annotations

import dataclasses
import functools
import pickle
from collections.abc import Iterator, Mapping
from typing import Any

from anabranch.spark.persistence import WHOLE, SavedModel, load_java, load_stage, save_java
from anabranch.spark.stage_kinds import ENDS, kind_of, titles
from anabranch.spark.stage_values import Opaque, decoded, dumps, encoded, is_params

__all__ = ["StageDescription", "describe"]

#: Attributes of a live stage that a description has in another form, or that belong to its process alone.
_MAPS = ("_paramMap", "_defaultParamMap")
_JAVA = "_java_obj"
#: In the place of a class in the JVM: that of models that make their counterpart of their parts (`OneVsRestModel`).
_BY_CONSTRUCTOR = "parts"


@dataclasses.dataclass(frozen=True, eq=False)
class StageDescription:
    """A stage (or an evaluator) of Spark ML, in any process.

    Attributes
    ----------
    class_name : str
        ``pyspark.ml.feature.StandardScaler``.
    uid : str
    is_estimator : bool
        Whether it has to be fitted.
    kind : str or None
        ``classifier`` or ``regressor``, of what predicts; of pipelines and searches what they end in.
    params, defaults : dict
        What was set, and the stage's defaults, by Spark's names; nested stages are descriptions.
    parts : dict
        Attributes that are stages: those of a `PipelineModel`, the best model of a search.
    names : tuple of str
        Of all its parameters.
    changed : frozenset of str
        Parameters of which the stage has yet to check the values.
    payload : bytes
        The rest of the Python object, pickled: its class, its attributes.
    java_class : str
        Of what has a counterpart in the JVM.
    saved : SavedModel, optional
        Of what learned something in the JVM: the files of Spark's persistence.
    """

    class_name: str
    uid: str
    is_estimator: bool
    kind: str | None
    params: Mapping[str, Any]
    defaults: Mapping[str, Any]
    parts: Mapping[str, Any]
    names: tuple[str, ...]
    payload: bytes
    java_class: str = ""
    saved: SavedModel | None = None
    changed: frozenset[str] = frozenset()

    # ---- parameters

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return values by Spark's names, defaults included; with `deep` those of nested stages as ``stage__name``.

        Stages of a pipeline are called by their classes, as `make_pipeline` of scikit-learn does
        (``logisticregression__maxIter``, ``stringindexer-2__inputCol``); another nested stage by its parameter
        (``classifier__maxIter``).
        """
        values = {name: _shown(value) for name, value in {**self.defaults, **self.params}.items()}
        if deep:
            for title, nested in self.nested():
                values.update({f"{title}__{name}": value for name, value in nested.get_params().items()})
        return values

    def with_params(self, values: Mapping[str, Any]) -> StageDescription:
        """Return a description with these values; None brings a parameter's default back.

        Raises
        ------
        ValueError
            When the stage has no parameter of a name; the message names stage and parameter.
        """
        params, parts, changed = dict(self.params), dict(self.parts), set(self.changed)
        inner: dict[str, dict[str, Any]] = {}
        for name, value in values.items():
            title, parted, rest = name.partition("__")
            if name in self.names:
                params.pop(name, None)
                changed.discard(name)
                if value is not None:
                    params[name] = encoded(value)
                    changed.add(name)
            elif parted and any(title in (own, nested.uid) for own, nested in self.nested()):
                inner.setdefault(title, {})[rest] = value
            else:
                raise ValueError(
                    f"{self.short_name} ({self.uid}) has no parameter {name!r}; it has: {', '.join(sorted(self.names))}"
                )
        result = dataclasses.replace(self, params=params, parts=parts, changed=frozenset(changed))
        for title, own in inner.items():
            result = result._with_nested(title, own)
        end = result.last()
        return result if end is result else dataclasses.replace(result, kind=end.kind)

    def param_names(self) -> frozenset[str]:
        """Return the names of its own parameters."""
        return frozenset(self.names)

    def nested(self) -> list[tuple[str, StageDescription]]:
        """Return the stages within this one, each with the name by which its parameters are called."""
        found: list[tuple[str, StageDescription]] = []
        for name, value in self._holders():
            if isinstance(value, StageDescription):
                found.append((name, value))
            elif isinstance(value, (list, tuple)):
                stages = [item for item in value if isinstance(item, StageDescription)]
                found.extend(zip(titles([stage.short_name for stage in stages]), stages))
        return found

    def _holders(self) -> Iterator[tuple[str, Any]]:
        yield from {**self.defaults, **self.params}.items()
        yield from self.parts.items()

    def _with_nested(self, title: str, values: Mapping[str, Any]) -> StageDescription:
        own = next(nested for name, nested in self.nested() if title in (name, nested.uid))
        other = own.with_params(values)

        def swapped(value: Any) -> Any:
            if value is own:
                return other
            return [swapped(item) for item in value] if isinstance(value, (list, tuple)) else value

        return dataclasses.replace(
            self,
            params={name: swapped(value) for name, value in self.params.items()},
            parts={name: swapped(value) for name, value in self.parts.items()},
        )

    def columns(self) -> dict[str, Any]:
        """Return the columns by the parameters that name them (``featuresCol``, ``outputCols``, …).

        Those of a pipeline are its last stage's, those of a search its estimator's, or best model's.
        """
        own = {
            name: value
            for name, value in {**self.defaults, **self.params}.items()
            if name.endswith(("Col", "Cols")) and value not in (None, "", [])
        }
        inner = self.last()
        return {**inner.columns(), **own} if inner is not self else own

    def last(self) -> StageDescription:
        """Return the stage by which this one ends: of a pipeline its last, of a search its estimator, or itself."""
        for name in ENDS:
            value = self.parts.get(name, self.params.get(name))
            if isinstance(value, (list, tuple)):
                value = value[-1] if value else None
            if isinstance(value, StageDescription):
                return value
        return self

    # ---- the stage itself

    @property
    def short_name(self) -> str:
        """The name of its class."""
        return self.class_name.rpartition(".")[2]

    def rebuild(self) -> Any:
        """Return the stage as an object of pyspark, in a process with an active session.

        Raises
        ------
        TypeError
            When a parameter was given a value that the stage does not take.
        """
        if self.saved is not None and self.saved.form == WHOLE:
            return self._with_changes(load_stage(self.saved.files))
        kind, state = pickle.loads(self.payload)
        stage = kind.__new__(kind)
        if self.java_class == _BY_CONSTRUCTOR:
            # Its counterpart in the JVM holds those of its parts.
            kind.__init__(stage, **{name: decoded(value) for name, value in self.parts.items()})
        else:
            stage.__dict__.update({name: decoded(value) for name, value in self.parts.items()})
        stage.__dict__.update(state)
        stage._copy_params()
        if self.saved is not None:
            stage.__dict__[_JAVA] = load_java(self.saved, self.java_class)
        elif self.java_class and self.java_class != _BY_CONSTRUCTOR:
            from pyspark.ml.wrapper import JavaWrapper

            stage.__dict__[_JAVA] = JavaWrapper._new_java_obj(self.java_class, self.uid)
        stage._defaultParamMap = {stage.getParam(name): decoded(value) for name, value in self.defaults.items()}
        kept = {name: value for name, value in self.params.items() if name not in self.changed}
        stage._paramMap = {stage.getParam(name): decoded(value) for name, value in kept.items()}
        return self._with_changes(stage)

    def _with_changes(self, stage: Any) -> Any:
        for name in sorted(self.changed):
            try:
                stage._set(**{name: decoded(self.params[name])})
            except TypeError as error:
                raise TypeError(f"{self.short_name} ({self.uid}): {error}") from None
        return stage

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={_shown(value)!r}" for name, value in self.params.items())
        return f"{self.short_name}({shown})"


def describe(stage: Any) -> StageDescription:
    """Return the description of a live stage, model, pipeline or evaluator of pyspark.ml.

    Raises
    ------
    TypeError
        When it is none, is a model of a Spark Connect session, or holds what cannot be pickled.
    """
    if isinstance(stage, StageDescription):
        return stage
    if not is_params(stage):
        raise TypeError(f"{stage!r} is no stage of pyspark.ml")
    kind = type(stage)
    state = dict(stage.__dict__)
    own, defaults = ({param.name: encoded(value) for param, value in state.pop(name, {}).items()} for name in _MAPS)
    java = state.pop(_JAVA, None)
    # Caches of what can be found again, and the arguments of the last call of a constructor.
    for name in ("_params", "_input_kwargs"):
        if name in state:
            state[name] = None if name == "_params" else {}
    # What was asked of the JVM once, such as the trees of a forest, can be asked again.
    for name in [name for name in state if isinstance(getattr(kind, name, None), functools.cached_property)]:
        del state[name]
    # Those of the class are made anew, so that they and their documentation need not travel with each task.
    for name in [name for name, value in state.items() if _is_param(value) and _is_param(getattr(kind, name, None))]:
        del state[name]
    parts = {name: encoded(state.pop(name)) for name in list(state) if _holds_stages(state[name])}
    from pyspark.ml.base import Estimator, Model
    from pyspark.ml.wrapper import JavaModel

    java_class, saved = "", None
    if java is not None:
        java_class = java if isinstance(java, str) else _java_class(stage, java)
        # A model's counterpart knows what was learned, unless its parts do; anything else is what its parameters say.
        if isinstance(stage, Model) and not isinstance(stage, JavaModel):
            java_class = _BY_CONSTRUCTOR
        elif isinstance(stage, Model):
            saved = save_java(stage)
    return StageDescription(
        class_name=f"{kind.__module__}.{kind.__qualname__}",
        uid=stage.uid,
        is_estimator=isinstance(stage, Estimator),
        kind=kind_of(stage),
        params=own,
        defaults=defaults,
        parts=parts,
        names=tuple(param.name for param in stage.params),
        payload=dumps((kind, state), stage),
        java_class=java_class,
        saved=saved,
    )


def _java_class(stage: Any, java: Any) -> str:
    try:
        return java.getClass().getName()
    except AttributeError:
        raise TypeError(
            f"{stage!r} is of a Spark Connect session, whose models stay with their server: save it there with "
            "write(), and load it in a session of its own"
        ) from None


def _is_param(value: Any) -> bool:
    return type(value).__module__ == "pyspark.ml.param" and type(value).__name__ == "Param"


def _holds_stages(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return bool(value) and all(is_params(item) or _holds_stages(item) for item in value)
    return is_params(value)


def _shown(value: Any) -> Any:
    """Return a parameter's value as it is looked at: what only pyspark can read is read where pyspark is."""
    if not isinstance(value, Opaque):
        return value
    try:
        return value.load()
    except ImportError:
        return value
