"""``anabranch run`` and ``anabranch submit``."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from typing import Any

from anabranch.cli.artefacts import OutputDirectory, values_frame
from anabranch.cli.datafiles import Table, read_data
from anabranch.cli.loading import Loaded, load_pipeline
from anabranch.cli.report import document, print_run, rows_of
from anabranch.cli.request import CommandError, Request
from anabranch.execution import run_graph
from anabranch.mode import Mode
from anabranch.reading import CLUSTER, read
from anabranch.references import Ref
from anabranch.run import Run
from anabranch.tables import row_count

_MODES = {
    "fit": Mode.FIT,
    "train": Mode.FIT,
    "score": Mode.SCORE,
    "predict": Mode.PREDICT,
    "transform": Mode.TRANSFORM,
}
#: Paths that one run saves, at most.
MOST_PATHS = 200


def run(request: Request) -> int:
    """Run a pipeline on an embedded pool; the exit status is the run's."""
    loaded = load_pipeline(request.needed("file"))
    # Our own workers see what we see.
    tables = _tables(request, loaded, _data_path(request, loaded).removeprefix(CLUSTER))
    model = request.text("model")
    if model is not None:
        if not os.path.exists(model):
            what = "run ids are for submit, with --address" if model.isdigit() else "no such file"
            raise CommandError(f"--model {model}: {what}; give a path that --out or Path.save wrote")
        return _apply_saved(request, loaded, tables, model)
    from anabranch.process_client import init

    loaded.graph.validate()
    os.environ.pop("ANABRANCH_ADDRESS", None)
    init(slots=request.number("slots"), store_budget=request.text("store_budget"))
    return _follow(request, loaded, tables, _submit(request, loaded, tables))


def submit(request: Request) -> int:
    """Submit a pipeline to a standing coordinator."""
    loaded = load_pipeline(request.needed("file"), standing=True)
    path = _data_path(request, loaded)
    # What is here is looked at before anybody is asked for anything.
    tables = None if path.startswith(CLUSTER) else _tables(request, loaded, path)
    from anabranch.process_client import init

    loaded.graph.validate()
    init(request.needed("address"))
    if tables is None:
        tables = _tables_there(request, loaded, path)
    loaded, models = _models(request, loaded)
    submitted = _submit(request, loaded, tables, detached=True, models=models)
    if request.flag("wait"):
        return _follow(request, loaded, tables, submitted)
    print(json.dumps({"run": submitted.id}) if request.flag("json") else submitted.id)
    return 0


def _models(request: Request, loaded: Loaded) -> tuple[Loaded, Run | None]:
    """Return what to submit, and whose models it applies: those of ``--model``, a run's number or a saved path."""
    model = request.text("model")
    if model is None:
        return loaded, None
    if model.isdigit() and not os.path.exists(model):
        from anabranch.cli.remote import attach

        models = attach(int(model), loaded.graph)
        models.wait(progress=False)
        return loaded, models
    if not os.path.exists(model):
        raise CommandError(
            f"--model {model}: no such file; give a run's number, or a path that --out or Path.save wrote"
        )
    mode = _mode(request, loaded)
    if mode not in (Mode.SCORE, Mode.PREDICT, Mode.TRANSFORM):
        raise CommandError("--model goes with --mode score, predict or transform")
    from anabranch.persistence import load
    from anabranch.saved_models import run_of_path

    models = run_of_path(load(model), mode)
    return dataclasses.replace(loaded, graph=models.graph), models


def _data_path(request: Request, loaded: Loaded) -> str:
    """Return where the data is, once what else the request names has been looked at."""
    out = request.text("out")
    if out is not None:
        OutputDirectory(out)
    trace = request.text("trace")
    if trace is not None and not os.access(os.path.dirname(os.path.abspath(trace)), os.W_OK):
        raise CommandError(f"--trace {trace}: its directory is not there or cannot be written to")
    # For what it refuses.
    _mode(request, loaded)
    path = request.text("data") or loaded.data.get("path")
    if path is None:
        raise CommandError(f"{request.command}: --data is missing")
    return str(path)


def _target(request: Request, loaded: Loaded) -> str | None:
    target = request.text("target") or loaded.data.get("target")
    return None if target is None else str(target)


def _tables(request: Request, loaded: Loaded, path: str) -> list[Table]:
    return read_data(path, _target(request, loaded), loaded.data.get("columns"), _cuts(request, loaded)[1])


def _tables_there(request: Request, loaded: Loaded, path: str) -> list[Table]:
    """Have workers read the data; the tables' X are references, which have y and the row ids with them."""
    ids = _mode(request, loaded) in (Mode.PREDICT, Mode.TRANSFORM)
    found = read(path, _target(request, loaded), columns=loaded.data.get("columns"), row_ids=ids)
    return [Table(ref) for ref in (found if isinstance(found, list) else [found])]


def _mode(request: Request, loaded: Loaded) -> Mode:
    mode = _MODES.get(request.text("mode") or "fit")
    if mode is None:
        raise CommandError(f"--mode {request.text('mode')}: use {', '.join(_MODES)}")
    folds = request.number("cv")
    if mode is not Mode.FIT and folds is not None:
        raise CommandError(f"--cv {folds} has no effect on --mode {request.text('mode')}: leave one of them out")
    # A file's own folds are for when nothing else is said.
    folds = folds or (loaded.cv if request.text("mode") is None else None)
    mode = Mode.CROSS_VALIDATE if mode is Mode.FIT and folds is not None else mode
    if request.names("scoring") is not None and mode not in (Mode.CROSS_VALIDATE, Mode.SCORE):
        raise CommandError("--scoring has no effect without folds or --mode score: add --cv N, or leave it out")
    return mode


def _cuts(request: Request, loaded: Loaded) -> tuple[Any, Any]:
    """Return partitions and by: the file's where no flag cuts, for a flag for one of them is against its other one."""
    partitions, by = request.number("partitions"), request.text("by")
    if partitions is None and by is None:
        return loaded.data.get("partitions"), loaded.data.get("by")
    return partitions, by


def _submit(
    request: Request, loaded: Loaded, tables: list[Table], detached: bool = False, models: Run | None = None
) -> Run:
    from anabranch.data import Xy

    mode = _mode(request, loaded)
    partitions, by = _cuts(request, loaded)
    if len(tables) > 1 and (partitions or by):
        raise CommandError("--partitions and --by cut one file; a directory's files are the partitions")
    on_error = request.text("on_error") or "continue"
    if on_error not in ("continue", "stop"):
        raise CommandError(f"--on-error {on_error}: use continue or stop")
    seed = request.number("seed")
    options: dict[str, Any] = {
        "seed": loaded.seed if seed is None else seed,
        "on_error": on_error,
        "detached": detached,
        "progress": False if request.flag("quiet") else None,
        "wait": False,
    }
    if mode is Mode.CROSS_VALIDATE:
        options["cv"] = request.number("cv") or loaded.cv
    if mode in (Mode.CROSS_VALIDATE, Mode.SCORE):
        options["scoring"] = _scoring(request, loaded)
    if loaded.candidates and mode in (Mode.CROSS_VALIDATE, Mode.FIT):
        options["candidates"] = loaded.candidates
    ids = mode in (Mode.PREDICT, Mode.TRANSFORM)
    if len(tables) > 1:
        items, start = [], 0
        for table in tables:
            stored = isinstance(table.X, Ref)
            items.append(table.X if stored else Xy(table.X, table.y, row_ids=_row_ids(table, start) if ids else None))
            start += 0 if stored else row_count(table.X)
        inputs: Any = {node.name: items for node in loaded.graph.sources}
        return run_graph(loaded.graph, mode, inputs, models=models, **options)
    table = tables[0]
    numbers = _row_ids(table, 0) if ids and not isinstance(table.X, Ref) else None
    options.update(partitions=partitions, by=by if table.by is None else table.by, row_ids=numbers)
    return run_graph(loaded.graph, mode, table.X, table.y, models=models, **options)


def _row_ids(table: Table, start: int) -> Any:
    import numpy as np

    return np.arange(start, start + row_count(table.X))


def _scoring(request: Request, loaded: Loaded) -> Any:
    names = request.names("scoring")
    if names is None:
        return loaded.scoring
    return names[0] if len(names) == 1 else names


def _follow(request: Request, loaded: Loaded, tables: list[Table], run: Run) -> int:
    """Wait for a run with progress, then print and write what it made; return the exit status."""
    # Lines in a pipe, a live view on a terminal.
    run.wait(progress=not request.flag("quiet"))
    trace = request.text("trace")
    if trace is not None:
        _write_trace(run, trace)
    out = request.text("out")
    directory = OutputDirectory(out) if out is not None else None
    extra: dict[str, Any] = {}
    if directory is not None:
        with directory:
            directory.log(f"run {run.id} of {loaded.graph.name}: {run.state} after {run.seconds:.2f} s")
            extra["saved"] = _save_paths(request, loaded, tables, run, directory)
            extra["out"] = directory.path
            directory.write_run(run, document(run, extra))
    if request.flag("json"):
        print(json.dumps(document(run, extra), allow_nan=False, default=str))
    else:
        print_run(run)
        if out is not None:
            print(f"written to {out}")
    if run.state == "cancelled":
        print(f"anabranch: run {run.id} did not come to its end: {run.feed.message}", file=sys.stderr)
    return 1 if run.state != "succeeded" or run.failed else 0


def _write_trace(run: Run, path: str) -> None:
    try:
        run.trace(path)
    except OSError as error:
        raise CommandError(f"--trace {path}: {error.strerror}") from None


def _save_paths(
    request: Request, loaded: Loaded, tables: list[Table], run: Run, directory: OutputDirectory
) -> list[str]:
    if run.mode is Mode.FIT:
        ends = [entry for node in loaded.graph.sinks for entry in run[node] if entry.state == "succeeded"]
        if len(ends) > MOST_PATHS:
            directory.log(f"{len(ends)} paths, of which the first {MOST_PATHS} were saved")
        return [directory.save(run.select(e), f"{e.node}-{e.key}" if e.key else e.node) for e in ends[:MOST_PATHS]]
    if run.mode is Mode.CROSS_VALIDATE and len(tables) == 1:
        best = _fit_best(request, loaded, tables[0], run)
        return [directory.save(best, "best")] if best is not None else []
    return []


def _fit_best(request: Request, loaded: Loaded, table: Table, run: Run) -> Any:
    """Fit what scored best, on all rows, as scikit-learn's searches do; None when nothing has a score."""
    rows = [(row.scores(), row) for row in rows_of(run)]
    scored = [(next(iter(scores.values()))[0], row) for scores, row in rows if scores and not row.failed]
    scored = [(value, row) for value, row in scored if value == value]
    if not scored:
        return None
    _, best = max(scored, key=lambda pair: pair[0])
    graph = loaded.graph.ancestors(best.node)
    labels = {d.owner: int(label) for d, label in best.key.parts if d.owner in graph and graph[d.owner].variants}
    seed = request.number("seed")
    fitted = run_graph(
        graph,
        Mode.FIT,
        table.X,
        table.y,
        candidates=[labels] if labels else None,
        seed=loaded.seed if seed is None else seed,
        progress=False,
    )
    entries = [e for e in fitted[best.node] if e.state == "succeeded"]
    chosen = [e for e in entries if all(dict(e.key.parts).get(d) == v for d, v in best.key.parts if not d.positional)]
    return fitted.select(chosen[0]) if chosen else None


def _apply_saved(request: Request, loaded: Loaded, tables: list[Table], file: str) -> int:
    """Predict, transform or score with a saved path, in this process."""
    import pandas as pd

    from anabranch.persistence import load

    path = load(file)
    mode = _mode(request, loaded)
    out = request.text("out")
    found: dict[str, Any] = {"model": file, "node": path.node, "mode": mode.name.lower()}
    frame = None
    if mode is Mode.SCORE:
        scores = [path.score(t.X, t.y, scoring=_scoring(request, loaded)) for t in tables]
        found["scores"] = [one if isinstance(one, dict) else {"score": one} for one in scores]
    elif mode in (Mode.PREDICT, Mode.TRANSFORM):
        method = path.predict if mode is Mode.PREDICT else path.transform
        frames = [values_frame(method(table.X)) for table in tables]
        frame = pd.concat(frames, ignore_index=True)
        frame.insert(0, "row", range(len(frame)))
        found["rows"] = len(frame)
    else:
        raise CommandError("--model goes with --mode score, predict or transform")
    if out is not None:
        with OutputDirectory(out) as directory:
            if frame is not None:
                directory.write_predictions(frame)
            directory.write_document(found)
            directory.log(f"{mode.name.lower()} with {file}")
        found["out"] = out
    if request.flag("json"):
        print(json.dumps(found, allow_nan=False, default=str))
    elif frame is not None and out is None:
        frame.to_csv(sys.stdout, index=False)
    else:
        for number, one in enumerate(found.get("scores", [])):
            print(
                "  ".join(
                    ([f"partition={number}"] if len(tables) > 1 else []) + [f"{n}={v:.4f}" for n, v in one.items()]
                )
            )
        if out is not None:
            print(f"written to {out}")
    return 0
