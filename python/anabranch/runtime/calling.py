"""A plain function call, as the Executor sends it."""

from __future__ import annotations

from typing import Any

from anabranch.pieces import Answer
from anabranch.runtime.context import TaskContext
from anabranch.runtime.errors import TaskRefused
from anabranch.v1 import task_pb2


def call(context: TaskContext, task: task_pb2.Task) -> task_pb2.Success:
    """Call the function with its arguments, in which ("ref", i) stands for the i-th dependency's value.

    Raises
    ------
    TaskRefused
        When the arguments name a dependency that the task does not have.
    CannotCross
        When function or arguments cannot be loaded, or the value cannot be pickled.
    """
    work = task.call
    function = context.payload(work.function, "function")
    arguments, keywords = context.get(work.arguments, references=_resolver(context, work))
    value = function(*arguments, **keywords)
    if isinstance(value, Answer):
        return task_pb2.Success(value=context.put_answer(value))
    return task_pb2.Success(value=context.put(value, "result"))


def _resolver(context: TaskContext, work: task_pb2.CallWork) -> Any:
    def resolve(identifier: Any) -> Any:
        if not (isinstance(identifier, tuple) and len(identifier) == 2 and identifier[0] == "ref"):
            raise TaskRefused(f"the arguments name something that is no reference: {identifier!r}")
        index = identifier[1]
        if not isinstance(index, int) or not 0 <= index < len(work.dependencies):
            raise TaskRefused(f"the arguments name dependency {index!r} of {len(work.dependencies)}")
        return context.get(work.dependencies[index])

    return resolve
