"""Keys: order, names, ambiguity, text form."""

from __future__ import annotations

import pytest

import anabranch as ab
from anabranch.keys import DATA, FOLD, PARTITION, VARIANT, VIA, Dimension, Key, parse_key

CARRIER = Dimension(DATA, "carrier")
FOLDS = Dimension(FOLD, "cv")
PCA = Dimension(VARIANT, "pca")


def test_a_key_reads_as_a_dict_of_short_names():
    key = Key([(FOLDS, 2), (CARRIER, "AA")])
    assert key == {"carrier": "AA", "fold": 2}
    assert list(key) == ["carrier", "fold"]
    assert key["fold"] == 2 and key["fold:cv"] == 2
    assert str(key) == "carrier=AA,fold=2"
    with pytest.raises(KeyError):
        key["pca"]


def test_ambiguous_names_list_the_full_ones():
    key = Key([(PCA, 1), (Dimension(DATA, "pca"), "x")])
    assert list(key) == ["data:pca", "variant:pca"]
    with pytest.raises(ab.RequestError, match="data:pca, variant:pca"):
        key["pca"]
    assert key["variant:pca"] == 1


def test_positional_and_named_partitions_are_two_dimensions():
    key = Key([(PARTITION, 0), (Dimension(DATA, "partition"), 3)])
    assert key == {"data:partition": 3, "data:partition[]": 0}


def test_agreement():
    left, right = Key([(CARRIER, "AA"), (FOLDS, 1)]), Key([(FOLDS, 1), (PCA, 0)])
    assert left.agrees(right) and right.agrees(left)
    assert not left.agrees(Key([(FOLDS, 2)]))
    assert left.agrees(Key())


def test_keys_hash_and_sort():
    keys = [Key([(FOLDS, 10)]), Key([(FOLDS, 2)]), Key([(CARRIER, "B")]), Key()]
    assert [str(key) for key in sorted(keys)] == ["", "carrier=B", "fold=2", "fold=10"]
    assert len({Key([(CARRIER, "A"), (FOLDS, 1)]), Key([(FOLDS, 1), (CARRIER, "A")])}) == 1


def test_a_dimension_twice_is_refused():
    with pytest.raises(ab.RequestError, match="occurs twice"):
        Key([(FOLDS, 1), (FOLDS, 2)])


def test_text_form():
    assert parse_key("carrier=AA,fold=2") == {"carrier": "AA", "fold": 2}
    assert parse_key("{minmax, scale}=scale,fold=-1") == {"{minmax, scale}": "scale", "fold": -1}
    assert str(Key([(Dimension(VIA, "{minmax, scale}"), "scale")])) == "{minmax, scale}=scale"
    with pytest.raises(ab.RequestError, match="not name=label"):
        parse_key("carrier")
