"""scikit-learn's searches as graphs with variants."""

from __future__ import annotations

from typing import Any

from anabranch.cli.request import CommandError
from anabranch.graph import Pipeline
from anabranch.lowering import from_sklearn
from anabranch.node import OrNode


def lower_search(search: Any) -> tuple[Pipeline, list[dict[str, int]]]:
    """Return a `GridSearchCV` or `RandomizedSearchCV` as a graph whose nodes have variants, and its candidates.

    Steps in front of the one that differs are then fitted once for all candidates that share them.

    Raises
    ------
    CommandError
        When it is another kind of search.
    """
    from sklearn.model_selection import ParameterGrid, ParameterSampler

    if type(search).__name__ == "GridSearchCV":
        settings = list(ParameterGrid(search.param_grid))
    elif type(search).__name__ == "RandomizedSearchCV":
        settings = list(ParameterSampler(search.param_distributions, search.n_iter, random_state=search.random_state))
    else:
        raise CommandError(f"{type(search).__name__} cannot be run from the command line; use GridSearchCV")
    plain = from_sklearn(search.estimator)
    graph = Pipeline(plain.name)
    variants: dict[str, list[dict[str, Any]]] = {node.name: [] for node in plain.nodes}
    candidates = [_candidate(setting, plain, variants) for setting in settings]
    made: dict[str, OrNode] = {}
    for node in plain.nodes:
        # A list of grids of one choice each: variants that are exactly those settings.
        grids = [{name: [value] for name, value in one.items()} for one in variants[node.name]]
        params = grids if any(grids) else None
        role = "transformer" if node.role.name == "TRANSFORMER" else None
        made[node.name] = OrNode(node.name, node.step, params=params, role=role)
        graph.add_node(made[node.name])
    for source, target in plain.edges:
        graph.add_edge(made[source.name], made[target.name])
    return graph, [{name: label for name, label in one.items() if made[name].variants} for one in candidates]


def _candidate(setting: dict[str, Any], graph: Pipeline, variants: dict[str, list[dict[str, Any]]]) -> dict[str, int]:
    own: dict[str, dict[str, Any]] = {node.name: {} for node in graph.nodes}
    for name, value in setting.items():
        step, _, parameter = name.partition("__")
        if len(graph.nodes) == 1 and step not in own:
            own[graph.nodes[0].name][name] = value
        elif step not in own or not parameter:
            raise CommandError(f"the search sets {name!r}; parameters of steps are needed: {', '.join(own)}")
        else:
            own[step][parameter] = value
    labels = {}
    for node, values in own.items():
        known = next((i for i, other in enumerate(variants[node]) if _same(values, other)), None)
        if known is None:
            known = len(variants[node])
            variants[node].append(values)
        labels[node] = known
    return labels


def _same(left: dict[str, Any], right: dict[str, Any]) -> bool:
    return left.keys() == right.keys() and all(left[n] is right[n] or repr(left[n]) == repr(right[n]) for n in left)
