"""Nodes of a graph."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from anabranch.chain import Chain
from anabranch.errors import GraphError
from anabranch.parameters import check_names, expand_grid
from anabranch.roles import OUTPUT_METHODS, Role, detect_role, requires_y

__all__ = ["AndNode", "Native", "Node", "OrNode", "native"]

_NAME = re.compile(r"[^\s=,{}:\[\]]+(?: [^\s=,{}:\[\]]+)*")
_SUFFIXES = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


class Native:
    """A function registered by name in the worker program, with parameters (JSON values).

    One that answers several parts names in `splits` the dimension that its labels are on.
    """

    def __init__(self, function: str, parameters: Mapping[str, Any], splits: str | None = None) -> None:
        self.function = function
        self.parameters = dict(parameters)
        self.splits = splits
        if splits is not None:
            self.parameters["dimension"] = splits

    def __repr__(self) -> str:
        arguments = "".join(f", {name}={value!r}" for name, value in self.parameters.items())
        return f"native({self.function!r}{arguments})"


def native(function: str, *, splits: str | None = None, **parameters: Any) -> Native:
    """Name a native function for use as a node's step: ``ab.AndNode("rows", ab.native("rows.concatenate"))``.

    Parameters
    ----------
    function : str
        The name under which the worker registered it.
    splits : str, optional
        For a function that answers several parts, such as ``partition``: the name of the dimension that they are on.
        The function is told by the parameter ``dimension``.
    **parameters
        JSON values (numbers, texts, lists, objects) that the function takes.
    """
    return Native(function, parameters, splits)


def parse_bytes(value: int | str | None, node: str) -> int:
    """Return a number of bytes given as an int or as text with a suffix K, M, G or T; 0 for None."""
    if value is None:
        return 0
    if isinstance(value, str):
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", value.strip(), re.IGNORECASE)
        if match is None:
            raise GraphError(f"node {node!r}: memory={value!r} is not a number of bytes such as 500M or 2G", node)
        return int(float(match[1]) * _SUFFIXES[match[2].upper()])
    if value <= 0:
        raise GraphError(f"node {node!r}: memory={value!r} must be positive", node)
    return int(value)


class Node:
    """What OR and AND nodes have in common; users make `OrNode` and `AndNode`.

    Attributes
    ----------
    name : str
        Unique in its graph; names the node in results, keys and errors.
    step : object
        The estimator, function, splitter or native function, as given.
    role : Role
    variants : list of dict, or None
        The settings of ``params=``, in the order of their labels.
    """

    is_and = False

    def __init__(
        self,
        name: str,
        step: Any,
        *,
        params: Mapping | Sequence[Mapping] | None = None,
        output: str | None = None,
        role: str | None = None,
        keep_output: bool = False,
        timeout: float | None = None,
        memory: int | str | None = None,
        threads: int | None = None,
        retries: int = 0,
        executor: str = "",
    ) -> None:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise GraphError(
                f"{name!r} cannot name a node: a text without = , : braces and brackets is needed", str(name)
            )
        self.name = name
        self.step = step = _wrapped(name, step)
        self.role = _role_of(name, step, role)
        self.variants = None if params is None else expand_grid(params, name)
        if self.variants is not None:
            self._check_variants()
        self.output = self._output_method(output)
        self.keep_output = keep_output
        self.timeout = _positive(timeout, "timeout", name)
        self.memory = parse_bytes(memory, name)
        self.threads = int(_positive(threads, "threads", name) or 0)
        if retries < 0:
            raise GraphError(f"node {name!r}: retries={retries} must not be negative", name)
        self.retries = retries
        self.executor = executor or (step.executor if getattr(step, "takes_stored", False) else "")

    def set_step(self, step: Any) -> None:
        """Put another estimator or function in the place of the node's; it must do what the old one does.

        Raises
        ------
        GraphError
            When it cannot, or lacks parameters that ``params=`` sets.
        """
        step = _wrapped(self.name, step)
        role = _role_of(self.name, step, self.role.name.lower() if self.role.is_fitted else None)
        if role is not self.role:
            raise GraphError(
                f"node {self.name!r}: {step!r} is a {role.name.lower()}, a {self.role.name.lower()} is replaced",
                self.name,
            )
        output = self.output if hasattr(step, self.output) else None
        self.step = step
        if self.variants is not None:
            self._check_variants()
        self.output = self._output_method(output)

    @property
    def needs_y(self) -> bool:
        """Whether the node cannot run without y."""
        return requires_y(self.step, self.role)

    @property
    def emits_predictions(self) -> bool:
        """Whether outputs are predictions, scored as an estimator's are."""
        return self.role is Role.PREDICTOR

    def _check_variants(self) -> None:
        if self.role in (Role.NATIVE, Role.SPLITTER):
            raise GraphError(f"node {self.name!r}: params= needs an estimator or a Python function", self.name)
        if not hasattr(self.step, "set_params"):
            name = getattr(self.step, "__name__", None) or type(self.step).__name__
            raise GraphError(
                f"node {self.name!r}: params= needs get_params and set_params, which {name} lacks; make it a class "
                "with both (scikit-learn's FunctionTransformer is one)",
                self.name,
            )
        check_names(self.variants or [], self.step, self.name)

    def _output_method(self, output: str | None) -> str:
        if self.role is not Role.PREDICTOR:
            if output is not None:
                raise GraphError(f"node {self.name!r}: output={output!r} is for nodes that predict", self.name)
            return ""
        method = output or next((m for m in OUTPUT_METHODS if hasattr(self.step, m)), "predict")
        if method not in OUTPUT_METHODS:
            raise GraphError(f"node {self.name!r}: output={output!r}; use {', '.join(OUTPUT_METHODS)}", self.name)
        # A method that depends on parameters or on the fit (available_if) may be missing from the unfitted estimator.
        if not hasattr(type(self.step), method) and not hasattr(self.step, method):
            raise GraphError(f"node {self.name!r}: {type(self.step).__name__} has no {method}", self.name)
        return method

    def __rshift__(self, other: Any) -> Chain:
        return Chain.of(self) >> other

    def __rrshift__(self, other: Any) -> Chain:
        return Chain.of(other) >> self

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, {self.step!r})"


class OrNode(Node):
    """A node that fires once per reference on any incoming edge, and once per variant of its own.

    Parameters
    ----------
    name : str
    step : estimator, function of X or of X and y, `ab.nodes.Splitter`, or `ab.native`
        Estimators are cloned before each fit.
    params : dict of lists, or list of such dicts, optional
        Variants, as scikit-learn's `ParameterGrid` expands them.
    output : {"predict", "predict_proba", "decision_function"}, optional
        What a predictor sends down its edges.
    fit : {"each", "all", "sequential"}
        One model per reference; one for all of them; one, by `partial_fit` in key order.
    cv : int or splitter, optional
        Cuts the folds of out-of-fold predictions, when a fitted node reads this predictor (default: 5 folds).
    in_sample : bool
        Emit predictions on the rows of the fit itself instead.
    role : {"transformer", "predictor"}, optional
        For an estimator that is both.
    timeout : float, optional
        Seconds that one task may take.
    memory : int or str, optional
        Bytes that one task may allocate (``"2G"``).
    threads : int, optional
        Cores that one task uses.
    retries : int
        Further attempts for a task that killed its own process.
    executor : str
        What a worker has to offer to run its tasks (default: ``"python"``, for native functions ``"native"``, for
        stages and functions of Spark ``"spark"``); they wait while none that takes work does.
    """

    def __init__(
        self, name: str, step: Any, *, fit: str = "each", cv: Any = None, in_sample: bool = False, **options: Any
    ) -> None:
        super().__init__(name, step, **options)
        if fit not in ("each", "all", "sequential"):
            raise GraphError(f"node {name!r}: fit={fit!r}; use each, all or sequential", name)
        if fit != "each" and not self.role.is_fitted:
            raise GraphError(f"node {name!r}: fit={fit!r} is for estimators", name)
        if fit == "sequential" and not hasattr(step, "partial_fit"):
            raise GraphError(
                f"node {name!r}: fit='sequential' needs partial_fit, which {type(step).__name__} lacks", name
            )
        if (cv is not None or in_sample) and self.role is not Role.PREDICTOR:
            raise GraphError(f"node {name!r}: cv= and in_sample= are for nodes that predict", name)
        self.fit = fit
        self.cv = cv
        self.in_sample = in_sample


class AndNode(Node):
    """A node that fires once per combination of references, one from each incoming edge, that belong together.

    Parameters
    ----------
    name : str
    step : function of a list of `Xy`, estimator whose methods take a list, or `ab.native`
    over : str or tuple of str
        Dimensions to gather: the function then gets one list in key order.
    join : {"natural", "product"}
    missing : {"fail", "drop"}
        What a failed member does to the group that it belongs to.
    emits_predictions : bool, optional
        Whether the output is scored as an estimator's; what the function says of itself when not given.
    **options
        ``params``, ``output``, ``timeout``, ``memory``, ``threads``, ``retries`` as for `OrNode`.
    """

    is_and = True

    def __init__(
        self,
        name: str,
        step: Any,
        *,
        over: str | Iterable[str] = (),
        join: str = "natural",
        missing: str = "fail",
        emits_predictions: bool | None = None,
        **options: Any,
    ) -> None:
        super().__init__(name, step, **options)
        if join not in ("natural", "product"):
            raise GraphError(f"node {name!r}: join={join!r}; use natural or product", name)
        if missing not in ("fail", "drop"):
            raise GraphError(f"node {name!r}: missing={missing!r}; use fail or drop", name)
        self.over = (over,) if isinstance(over, str) else tuple(over)
        self.join = join
        self.missing = missing
        self._emits_predictions = emits_predictions

    @property
    def needs_y(self) -> bool:
        """Whether the node cannot run without y."""
        # An AND function takes one list, whatever its length of parameters.
        return bool(getattr(self.step, "needs_y", False)) if self.role is Role.FUNCTION else super().needs_y

    @property
    def emits_predictions(self) -> bool:
        """Whether outputs are predictions, scored as an estimator's are."""
        if self._emits_predictions is not None:
            return self._emits_predictions
        return super().emits_predictions or bool(getattr(self.step, "emits_predictions", False))


def _wrapped(name: str, step: Any) -> Any:
    """Return the step that a stage of Spark ML becomes, anything else as it is."""
    # Looked at before anything of Spark is imported.
    if not any(base.__module__ == "pyspark.ml.base" for base in type(step).__mro__):
        return step
    from anabranch.spark.steps import stage

    try:
        return stage(step)
    except (TypeError, ValueError) as error:
        raise GraphError(f"node {name!r}: {error}", name) from error


def _role_of(name: str, step: Any, asked: str | None) -> Role:
    if isinstance(step, Native):
        return Role.NATIVE if step.splits is None else Role.SPLITTER
    if getattr(step, "splits", None) is not None and callable(step):
        return Role.SPLITTER
    if inspect.isclass(step):
        raise GraphError(f"node {name!r}: {step.__name__} is a class; give an instance, {step.__name__}()", name)
    role = detect_role(step)
    if role is None:
        raise GraphError(
            f"node {name!r}: {type(step).__name__} is neither a function nor an estimator "
            "with fit and transform or predict",
            name,
        )
    if asked is None:
        return role
    wanted = {"transformer": Role.TRANSFORMER, "predictor": Role.PREDICTOR}.get(asked)
    if wanted is None or not role.is_fitted:
        raise GraphError(f"node {name!r}: role={asked!r}; an estimator may be 'transformer' or 'predictor'", name)
    if wanted is Role.TRANSFORMER and not hasattr(step, "transform"):
        raise GraphError(f"node {name!r}: {type(step).__name__} has no transform", name)
    return wanted


def _positive(value: float | None, what: str, node: str) -> float | None:
    if value is not None and value <= 0:
        raise GraphError(f"node {node!r}: {what}={value!r} must be positive", node)
    return value
