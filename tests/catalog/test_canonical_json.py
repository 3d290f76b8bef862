"""One value has one spelling, and only JSON is read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog import canonical_json

SAFE = 2**53 - 1
LEAVES = st.none() | st.booleans() | st.integers(-SAFE, SAFE) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20)
VALUES = st.recursive(LEAVES, lambda v: st.lists(v, max_size=4) | st.dictionaries(st.text(max_size=8), v, max_size=4), max_leaves=20)


@given(VALUES)
def test_what_is_written_reads_back_equal_and_has_one_spelling(value):
    written = canonical_json.dumps(value)
    assert canonical_json.loads(written) == value
    assert canonical_json.dumps(canonical_json.loads(written)) == written


@given(st.dictionaries(st.text(max_size=5), st.integers(-9, 9), min_size=2, max_size=6))
def test_the_order_of_keys_does_not_matter(value):
    turned = dict(reversed(value.items()))
    assert canonical_json.sha256_hex(turned) == canonical_json.sha256_hex(value)


# RFC 8785, appendix B and section 3.2.3.
@pytest.mark.parametrize(
    ("value", "written"),
    [
        ({"b": 1, "a": [True, None, "é"]}, '{"a":[true,null,"é"],"b":1}'),
        (1e21, "1e+21"),
        (0.000001, "0.000001"),
        (1e-7, "1e-7"),
        (-0.0, "0"),
        (1.0, "1"),
        ({"\U0001f600": 1, "\ufb33": 2}, '{"\U0001f600":1,"\ufb33":2}'),  # sorted by UTF-16 code units
    ],
)
def test_the_standards_examples(value, written):
    assert canonical_json.dumps(value).decode() == written


@pytest.mark.parametrize(
    "text", ['{"a":1,"a":2}', '{"a":{"b":1,"b":1}}', "NaN", "[Infinity]", "-Infinity", "{'a':1}", "", "[1,]", "1e999", "9" * 400]
)
def test_what_is_not_json_is_refused(text):
    with pytest.raises(ValueError):
        canonical_json.loads(text)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**53 + 1, {1: 2}, b"bytes", "\ud800", {1, 2}])
def test_what_has_no_canonical_form_is_refused(value):
    with pytest.raises(ValueError):
        canonical_json.dumps(value)
