"""JSON of files: what is damaged or means two things is one line with its name."""

import pytest

from purifax.run import json_text

WRONG = {
    b"": "Expecting value",
    b"{": "Expecting property name",
    b"\xff{}": "codec can't decode",
    b'{"a": NaN}': "NaN is no number of JSON",
    b'{"a": -Infinity}': "-Infinity is no number of JSON",
    b'{"a": 1e999}': "the number 1e999 is too large",
    b'{"a": 1' + 5000 * b"0" + b"}": "integer string conversion",
    b'{"a": {"b": 1, "b": 2}}': "the name 'b' stands there twice",
    100_000 * b"[": "it lies too deep",
    100 * b"[" + 100 * b"]": "it lies too deep",
    b"[1]": "must hold a dictionary; it holds a list",
}


@pytest.mark.parametrize("content", WRONG, ids=WRONG.values())
def test_damaged_text_is_one_line_that_names_the_file(tmp_path, content):
    path = tmp_path / "words.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=WRONG[content]) as error:
        json_text.read(path, dict)
    assert str(error.value).startswith(str(path)) and "\n" not in str(error.value)


def test_good_text_is_read():
    text = '{"a": [1, -2.5e3, true, null, "\\u00e9"], "b": {"a": {}}}'
    found = {"a": [1, -2500.0, True, None, "é"], "b": {"a": {}}}
    assert json_text.parsed(text, "text") == found
