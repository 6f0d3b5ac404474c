"""What calls have in common, as trees of steps that are fitted once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from anabranch.model_selection.branches import Branch
from anabranch.model_selection.calls import Call, Recipe, Recipes
from anabranch.model_selection.options import Options
from anabranch.model_selection.prefixes import Segment, share_prefixes
from anabranch.model_selection.sharing import Sharing


class Plan:
    """Calls, and the segments in which they stand.

    Parameters
    ----------
    calls : sequence of Call
    options : Options
    sharing : Sharing
        Counts what the calls would fit, and what they share.
    """

    def __init__(self, calls: Sequence[Call], options: Options, sharing: Sharing) -> None:
        self.calls = calls
        #: Of fits, by their numbers.
        self.recipes: dict[int, Recipe] = {}
        self._sharing = sharing
        #: What can be begun at once; each call stands in or below one of them.
        self.roots = self._make(options)

    def _make(self, options: Options) -> list[Segment]:
        recipes = Recipes(options)
        trees: dict[Any, list[int]] = {}
        plain: dict[Any, list[int]] = {}
        for number, call in enumerate(self.calls):
            if not call.is_fit:
                plain.setdefault(None, []).append(number)
                continue
            base = recipes.base(call)
            recipe = self.recipes[number] = recipes.recipe(call, base)
            self._sharing.add_call(recipe.steps, recipe.last)
            if recipe.shares and call.named.get("callback_ctx") is None:
                common = tuple(id(value) for value in (*call.arguments[1:], *call.common.values()))
                trees.setdefault((call.fold, base, common), []).append(number)
            else:
                plain.setdefault(None, []).append(number)
        roots = []
        for members in trees.values():
            keys = [(number, self.recipes[number].keys) for number in members]
            root = share_prefixes(len(roots), keys, self._branches_of, self._members_of)
            if root.children:
                roots.append(root)
                self._count_parts(root)
            else:
                plain.setdefault(None, []).extend(members)
        for members in plain.values():
            roots.append(Segment(len(roots), calls=sorted(members)))
        return roots

    def _branches_of(self, number: int, position: int) -> Mapping[str, Branch]:
        return self.recipes[number].branches.get(position, {})

    def _members_of(self, number: int) -> Mapping[str, Branch]:
        return self.recipes[number].members

    def _count_parts(self, root: Segment) -> None:
        for segment in root.walk():
            if segment.is_group:
                for number in segment.calls:
                    recipe = self.recipes[number]
                    self._sharing.add_parts(f"{recipe.last}__{title}" for title in recipe.members)
            elif segment.needs:
                unit = self.recipes[segment.example].steps[segment.begin]
                names = [f"{unit}__{title}" for title in self._branches_of(segment.example, segment.begin)]
                for below in segment.walk():
                    for _ in below.calls:
                        self._sharing.add_parts(names)
