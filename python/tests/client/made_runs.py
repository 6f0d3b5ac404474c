"""Runs over updates made by hand, without a coordinator."""

from __future__ import annotations

from anabranch.codec import key_to_message
from anabranch.keys import FOLD, PARTITION, VARIANT, Dimension, Key
from anabranch.mode import Mode
from anabranch.records import Feed
from anabranch.run import Run
from anabranch.v1 import common_pb2, control_pb2, task_pb2

FOLDS = Dimension(FOLD, "cv")
TREE = Dimension(VARIANT, "tree")


class Clientless:
    """Stands for a client: values by object id."""

    def __init__(self):
        self.values = {}
        self.released = []
        self.alive = False

    def ref(self, value):
        number = len(self.values) + 1
        self.values[number] = value
        return common_pb2.ObjectRef(writer=1, sequence=number, length=8)

    def read(self, message):
        return self.values[message.sequence]

    def received(self, message):
        return None


def small_graph():
    from sklearn.preprocessing import StandardScaler
    from sklearn.tree import DecisionTreeClassifier

    import anabranch as ab

    scale = ab.OrNode("scale", StandardScaler())
    tree = ab.OrNode("tree", DecisionTreeClassifier(), params={"max_depth": [2, 4]})
    return ab.Pipeline("small", scale >> tree)


def update(entry, node, phase, key, **fields):
    scores = [task_pb2.Score(name=name, value=value) for name, value in fields.pop("scores", {}).items()]
    state = fields.pop("state", control_pb2.ENTRY_STATE_SUCCEEDED)
    return control_pb2.EntryUpdate(
        entry=entry, node=node, phase=phase, key=key_to_message(Key(key)), state=state, scores=scores, **fields
    )


def run_of(graph, updates, mode=Mode.FIT, client=None, state=control_pb2.RUN_STATE_SUCCEEDED):
    feed = Feed(client)
    feed.push(control_pb2.RunUpdate(run=1, entries=updates, state=state))
    return Run(None, 1, graph, mode, feed=feed)


def cross_validated(graph):
    client = Clientless()
    updates = []
    for fold in range(2):
        base = fold * 10
        usage = task_pb2.Usage(compute_us=500_000, bytes_out=100)
        updates.append(
            update(
                base + 1,
                0,
                control_pb2.PHASE_FIT,
                [(PARTITION, 0), (FOLDS, fold)],
                model=client.ref("scaler"),
                usage=usage,
            )
        )
        for variant in range(2):
            key = [(PARTITION, 0), (FOLDS, fold), (TREE, variant)]
            fit = base + 2 + variant
            updates.append(
                update(
                    fit,
                    1,
                    control_pb2.PHASE_FIT,
                    key,
                    model=client.ref(f"tree{fold}{variant}"),
                    inputs=[base + 1],
                    usage=usage,
                )
            )
            updates.append(
                update(
                    base + 4 + variant,
                    1,
                    control_pb2.PHASE_SCORE,
                    key,
                    scores={"score": 0.5 + variant / 10 + fold / 100},
                    model_entry=fit,
                    usage=usage,
                )
            )
    return run_of(graph, updates, Mode.CROSS_VALIDATE, client)
