"""Ready-made functions for nodes.

AND functions take the list of `Xy` that reaches the node, in edge order, and return one `Xy` (or only X: y,
weights, groups and row ids that are the same on all inputs pass through). Splitters answer several labelled parts
of one `Xy`.
"""

from anabranch.nodes.choose import Best
from anabranch.nodes.combine import Mean, SoftVote, Vote
from anabranch.nodes.concatenate import Collect, ColumnConcat, RowConcat, Stack
from anabranch.nodes.split import GroupBy, Splitter

__all__ = ["Best", "Collect", "ColumnConcat", "GroupBy", "Mean", "RowConcat", "SoftVote", "Splitter", "Stack", "Vote"]
