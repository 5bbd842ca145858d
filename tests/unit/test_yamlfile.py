"""YAML files: data, lines, and every complaint as one line with its place."""

import pickle
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

from antalgic import yamlfile
from antalgic.errors import InputError, shown, sort_of

STUDY = """\
# a comment
study: crps
seed: 1
arms:
  ketamine:
    - {drug: s-ketamine, route: iv, rate: 20 mg/h, for: 4 h}
    - change: CL
      factor: 0.5
  placebo: []
"""


def even(value):
    if isinstance(value, int) and value % 2:
        raise InputError(f"{value} is odd, expected an even number")
    return value


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Given(Strict):
    drug: Literal["s-ketamine", "placebo"]
    route: Literal["iv", "im"]
    rate: str | None = None
    duration: str | None = Field(None, alias="for")

    @model_validator(mode="after")
    def _rate_of_an_infusion(self):
        if self.rate and not self.rate.endswith("/h"):
            raise InputError(f"'{self.rate}' is not a rate", field="rate")
        if self.duration and not self.rate:
            raise InputError("`for` needs a rate")
        return self


class Change(Strict):
    change: str
    factor: float = Field(gt=0)


def sort_of_item(value):
    return "change" if isinstance(value, dict) and "change" in value else "given"


Item = Annotated[
    Annotated[Given, Tag("given")] | Annotated[Change, Tag("change")], Discriminator(sort_of_item)
]


class Study(Strict):
    study: str = Field(min_length=2)
    seed: Annotated[int, BeforeValidator(even)] = 0
    horizon: float | None = None
    flag: bool = False
    tags: list[str] = []
    arms: dict[str, list[Item]] = {}
    untagged: list[Given | Change] = []


def complaint(text):
    with pytest.raises(InputError) as caught:
        yamlfile.validate(Study, yamlfile.read_text(text, "study.yaml"))
    assert "\n" not in str(caught.value)
    return str(caught.value)


# --- InputError --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ({}, "is odd"),
        ({"file": "a.yaml"}, "a.yaml: is odd"),
        ({"file": "a.yaml", "line": 7}, "a.yaml:7: is odd"),
        ({"line": 7, "field": "seed"}, "line 7 seed: is odd"),
        ({"field": "seed"}, "seed: is odd"),
        ({"file": "a.yaml", "line": 7, "field": "arms.k[0]"}, "a.yaml:7 arms.k[0]: is odd"),
    ],
)
def test_error_text_leaves_out_what_is_not_known(place, text):
    assert str(InputError("is odd", **place)) == text


def test_error_at_fills_in_missing_parts_only():
    error = InputError("is odd", line=3).at(file="a.yaml", line=9, field="seed")
    assert (error.file, error.line, error.field) == ("a.yaml", 3, "seed")


def test_error_message_is_one_line_and_survives_pickling():
    error = pickle.loads(pickle.dumps(InputError("is\n odd", file="a.yaml", line=7, field="x")))
    assert str(error) == "a.yaml:7 x: is odd"


def test_shown_and_sort_of_use_the_words_of_yaml():
    assert [shown(v) for v in (None, True, 3, "a\nb", [1])] == [
        "null",
        "true",
        "3",
        r"'a\nb'",
        "[1]",
    ]
    assert len(shown("x" * 1000)) < 70
    assert len(shown(list(range(1000)))) < 70
    assert "int" in shown(10**10_000)
    assert [sort_of(v) for v in (None, True, 3, 0.5, "a", [], {})] == [
        "empty",
        "a yes/no value",
        "a number",
        "a number",
        "text",
        "a list",
        "a mapping",
    ]


# --- reading -----------------------------------------------------------------------------------


def test_data_are_plain_and_lines_are_known():
    doc = yamlfile.read_text(STUDY, "study.yaml")
    assert type(doc.data) is dict
    assert doc.data["arms"]["ketamine"][1] == {"change": "CL", "factor": 0.5}
    assert doc.line() == 2
    assert doc.line("seed") == 3
    assert doc.line("arms", "ketamine", 0, "rate") == 6
    assert doc.line("arms", "ketamine", 1, "factor") == 8
    assert doc.line("arms", "placebo") == 9


def test_line_of_what_is_not_there_is_that_of_its_nearest_parent():
    doc = yamlfile.read_text(STUDY, "study.yaml")
    assert doc.line("arms", "ketamine", 1, "no such") == 7
    assert doc.line("arms", "ketamine", 5) == 5
    assert doc.line("seed", "deeper", 3) == 3
    assert doc.line("no such") == 2
    assert yamlfile.read_text("", "empty.yaml").line("a") is None


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        ("1e-3", 0.001),
        ("no", "no"),
        ("yes", "yes"),
        ("12:30", "12:30"),
        ("2024-01-01", "2024-01-01"),
        ("true", True),
        ("~", None),
        ("", None),
        ("0o14", 12),
        ("014", 14),
        ("0x1F", 31),
        ("-3", -3),
        (".5", 0.5),
        (".inf", float("inf")),
        ("'3'", "3"),
        ("5 mg/h", "5 mg/h"),
        ("5 \u00b5g", "5 \u00b5g"),
        ("!!str 3", "3"),
        ("[1, two]", [1, "two"]),
    ],
)
def test_scalars_are_those_of_yaml_1_2(scalar, value):
    assert yamlfile.read_text(f"a: {scalar}", "x").data == {"a": value}


def test_keys_are_text_as_written():
    assert yamlfile.read_text("1: a\nno: b\n0.250: c", "x").data == {
        "1": "a",
        "no": "b",
        "0.250": "c",
    }


def test_aliases_repeat_data_and_keep_their_own_line():
    doc = yamlfile.read_text("a: &x\n  k: 1\nb: *x\n", "x")
    assert doc.data == {"a": {"k": 1}, "b": {"k": 1}}
    assert doc.line("b") == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3", "x:3: 'a' is given twice, first on line 1"),
        ("b: {a: 1, a: 1}", "x:1: 'a' is given twice, first on line 1"),
        ("1: a\n'1': b", "x:2: '1' is given twice, first on line 1"),
        ("a: 1\nb: [1\n", "x:3: is not valid YAML: while parsing a flow sequence, expected ','"),
        ("a: 1\n\tb: 2", "x:2: is not valid YAML: while scanning for the next token, found"),
        ("a: b: c", "x:1: is not valid YAML: mapping values are not allowed here"),
        ("a: *q", "x:1: is not valid YAML: found undefined alias 'q'"),
        ("a: 1\n---\nb: 1", "x:2: is not valid YAML: expected a single document"),
        ("a: 1\nb: \x01", "x:2: has a character that text must not have, U+0001"),
        ('a: 1\nb: "\\UFFFFFFFF"', "x:2: is not valid YAML: "),
        ('a: 1\nb: "\\U00200000"', "x:2: is not valid YAML: chr() arg not in range"),
        ("? [1]\n: 2", "x:1: a key is empty or not text"),
        ("'': 2", "x:1: a key is empty or not text"),
        ("a: !!binary aGk=", "x:1: the tag 'binary' is not known"),
        ("a: !mine 3", "x:1: the tag '!mine' is not known"),
        ("a: !!int x", "x:1: 'x' cannot be read as int"),
        ("a: !!int", "x:1: '' cannot be read as int"),
        ("a: !!bool x", "x:1: 'x' cannot be read as bool"),
        ("a: " + "9" * 5000, "cannot be read as int"),
        ("a: !!map x", "x:1: the tag 'map' does not fit here"),
        ("a: !!seq {b: 1}", "x:1: the tag 'seq' does not fit here"),
        ("a: !!str [1]", "x:1: the tag 'str' does not fit here"),
        ("%YAML 1.1\n---\na: no", "x: is YAML 1.1, expected YAML 1.2"),
        ("# c\n%YAML 1.1\n---\na: no", "x: is YAML 1.1, expected YAML 1.2"),
        ("a: " + "[" * 3000, "x: is nested too deeply"),
        ("a: &q [*q]", "x: is nested too deeply"),
    ],
)
def test_unsound_yaml_is_refused_with_its_line(text, message):
    with pytest.raises(InputError) as caught:
        yamlfile.read_text(text, "x")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_yaml_1_2_may_say_so():
    assert yamlfile.read_text("%YAML 1.2\n---\na: no", "x").data == {"a": "no"}


def test_a_later_anchor_takes_over_the_name():
    text = "a: &x 1\nb: &x 2\nc: *x"
    assert yamlfile.read_text(text, "x").data == {"a": 1, "b": 2, "c": 2}


def test_aliases_that_multiply_are_stopped(monkeypatch):
    monkeypatch.setattr(yamlfile, "_MOST_NODES", 1000)
    layers = [f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}, *a{i - 1}]" for i in range(1, 20)]
    with pytest.raises(InputError, match="has too many entries"):
        yamlfile.read_text("\n".join(["a0: &a0 [1]", *layers]), "x")


def test_files(tmp_path):
    path = tmp_path / "study.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: \xc2\xb5g\r\nb: 2\r\n")
    doc = yamlfile.read(path)
    assert (doc.data, doc.name, doc.line("b")) == ({"a": "\u00b5g", "b": 2}, str(path), 2)


def test_files_that_cannot_be_read(tmp_path):
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"a: \xb5g")
    for broken, message in [
        (path, "latin.yaml: is not UTF-8 text"),
        (tmp_path, "cannot be read: Is a directory"),
        (tmp_path / "none.yaml", "none.yaml: cannot be read: No such file or directory"),
        ("a\0b", "cannot be read: embedded null byte"),
    ]:
        with pytest.raises(InputError, match=message):
            yamlfile.read(broken)


yaml_pieces = st.sampled_from(
    [*"abz01{}[]:,-?&*!|>'\"%@`#~.\\\t\n ", "\n  ", ": ", "- ", "---", "<<", "\x85", "&a ", "*a"]
    + [f"!!{tag} " for tag in ("int", "float", "bool", "null", "str", "map", "seq", "set", "omap")]
    + ["%YAML 1.2\n", "%TAG ", "\\UFFFFFFFF", "\\x", ".nan", "0x", "0o9", "1e", "+", "0b2"]
)


@given(st.one_of(st.text(), st.lists(yaml_pieces, max_size=30).map("".join)))
def test_any_text_is_read_or_refused_in_one_line(text):
    try:
        doc = yamlfile.read_text(text, "x")
        yamlfile.validate(Study, doc)
    except InputError as error:
        assert str(error).startswith("x")
        assert "\n" not in str(error)


# --- places ------------------------------------------------------------------------------------


def test_at_gives_errors_their_place():
    doc = yamlfile.read_text(STUDY, "study.yaml")
    with pytest.raises(InputError) as caught, doc.at("arms", "ketamine", 1):
        raise InputError("is odd", field="factor")
    assert str(caught.value) == "study.yaml:8 arms.ketamine[1].factor: is odd"


def test_at_leaves_a_known_place_alone():
    doc = yamlfile.read_text(STUDY, "study.yaml")
    with pytest.raises(InputError) as caught, doc.at("seed"):
        raise InputError("is odd", file="other.csv", line=4)
    assert str(caught.value) == "other.csv:4: is odd"


# --- validation --------------------------------------------------------------------------------


def test_validate_gives_the_model():
    study = yamlfile.validate(Study, yamlfile.read_text(STUDY.replace("seed: 1", "seed: 2"), "s"))
    assert study.arms["ketamine"][0].duration == "4 h"
    assert study.arms["ketamine"][1] == Change(change="CL", factor=0.5)


SOUND = STUDY.replace("seed: 1", "seed: 2")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seed: 2", "seed: 3", ":3 seed: 3 is odd, expected an even number"),
        ("seed: 2", "sede: 2", ":3: unknown field 'sede'; did you mean 'seed'?"),
        ("seed: 2", "qqq: 2", ":3: unknown field 'qqq'; known are study, seed, horizon, flag"),
        ("study: crps\n", "", ":2: missing field 'study'"),
        ("study: crps", "study: 3", ":2 study: 3 is a number, expected text"),
        ("study: crps", "study: [3]", ":2 study: [3] is a list, expected text"),
        ("study: crps", "study: c", ":2 study: 'c' is refused, expected"),
        ("seed: 2", "seed: x", ":3 seed: 'x' is text, expected a whole number"),
        ("seed: 2", "seed: 1.5", ":3 seed: 1.5 is a number, expected a whole number"),
        ("seed: 2", "horizon: x", ":3 horizon: 'x' is text, expected a number"),
        ("seed: 2", "flag: maybe", ":3 flag: 'maybe' is text, expected true or false"),
        ("seed: 2", "tags: x", ":3 tags: 'x' is text, expected a list"),
        ("seed: 2", "tags: [a, 3]", ":3 tags[1]: 3 is a number, expected text"),
        ("seed: 2", "seed:", ":3 seed: null is empty, expected a whole number"),
        (
            "factor: 0.5",
            "factor: -1",
            ":8 arms.ketamine[1].factor: -1 is refused, expected greater",
        ),
        ("factor: 0.5", "factr: 1", ":7 arms.ketamine[1]: missing field 'factor'"),
        ("factor: 0.5", "factor: 1\n      every: 1", ":9 arms.ketamine[1]: unknown field 'every'"),
        (
            "route: iv",
            "route: ivv",
            ":6 arms.ketamine[0].route: 'ivv' is not known, expected 'iv' or 'im'; "
            "did you mean 'iv'?",
        ),
        ("route: iv, ", "", ":6 arms.ketamine[0]: missing field 'route'"),
        ("rate:", "rat:", ":6 arms.ketamine[0]: unknown field 'rat'; did you mean 'rate'?"),
        ("for:", "fo:", ":6 arms.ketamine[0]: unknown field 'fo'; did you mean 'for'?"),
        ("20 mg/h", "20 mg", ":6 arms.ketamine[0].rate: '20 mg' is not a rate"),
        ("rate: 20 mg/h, ", "", ":6 arms.ketamine[0]: `for` needs a rate"),
        ("placebo: []", "placebo: 3", ":9 arms.placebo: 3 is a number, expected a list"),
        ("placebo: []", "placebo: [3]", ":9 arms.placebo[0]: 3 is a number, expected a mapping of"),
        ("arms:", "arms: 3\nuntagged:", ":4 arms: 3 is a number, expected a mapping"),
        ("seed: 2", "untagged: [{drug: x}]", ":3 untagged[0].drug: 'x' is not known, expected"),
    ],
)
def test_the_first_complaint_says_where_what_and_what_would_be_right(old, new, message):
    assert SOUND.count(old) == 1
    assert complaint(SOUND.replace(old, new)).startswith("study.yaml" + message)


def test_a_member_named_like_a_key_does_not_confuse_the_place():
    """The tag of a union's member ("change") is also a key of the data."""
    text = "study: crps\narms:\n  k:\n    - change: 3\n      factor: 1\n"
    assert complaint(text) == "study.yaml:4 arms.k[0].change: 3 is a number, expected text"
    text = "study: crps\narms:\n  k:\n    - change: CL\n      factor: [1]\n"
    assert complaint(text) == "study.yaml:5 arms.k[0].factor: [1] is a list, expected a number"


def test_unknown_fields_are_compared_with_those_of_the_member_meant():
    text = "study: crps\narms: {k: [{change: CL, factor: 1, rout: iv}]}"
    assert complaint(text).endswith("unknown field 'rout'; known are change, factor")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "study.yaml: is empty"),
        ("# only a comment", "study.yaml: is empty"),
        ("[1, 2]", "study.yaml:1: [1, 2] is a list, expected a mapping of fields"),
        ("hello", "study.yaml:1: 'hello' is text, expected a mapping of fields"),
    ],
)
def test_files_of_another_shape(text, message):
    assert complaint(text) == message
