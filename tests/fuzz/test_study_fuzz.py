"""Whatever a study file says, loading it gives a study or one line that says what is wrong."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from antalgic import yamlfile
from antalgic.errors import InputError
from antalgic.study import Study, load, loads

LONG = os.environ.get("ANTALGIC_LONG") == "1"
often = settings(
    max_examples=2000 if LONG else 200,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

ROOT = Path(__file__).parents[2]
EVERYTHING = """\
study: everything
question: What can a study file say?
condition: crps
population: {size: 20, weight: {mean: 79 kg, sd: 19 kg}, age: 46 years, female: 75 %,
  race: {asian: 0.1}}
horizon: 4 weeks
arms:
  infusions:
    - {drug: s-ketamine, route: iv, rate: 5 mg/h, scale: per 70 kg, for: 100 h,
       titrate: {every: 8 h, up: 5 mg/h, max: 20 mg/h}}
    - {drug: ketamine, route: iv, rate: 0.35 mg/kg/h, at_most: 25 mg/h, for: 4 h, every: 1 day,
       times: 10, at: 5 days}
    - {drug: ketamine, route: sc, steps: [{at: 0 h, rate: 1 mg/h}, {at: 6 h, rate: 2 mg/h}],
       for: 12 h}
    - {drug: racemate, route: iv, rate: 10 mg/h, until: 3 h, pause_if: "mood > 40",
       stop_if: [pain < 1, block > 0.9], check: 15 min}
    - {drug: ketamine, route: im, amount: 20 mg, give_if: pain > 6, every: 2 h, times: 6, most: 2}
  doses:
    - {drug: esketamine, route: nasal, amount: 56 mg, at: [0 days, 3 days], every: 7 days,
       until: 21 days, missed: 0.1}
    - {drug: ketamine, route: oral, amount: 7 mg hydrochloride, every: 8 h, steady_state: true}
    - {drug: clarithromycin, from: 3 days, until: 10 days}
    - {change: CL, factor: 0.5, from: 1 day, until: 2 days}
    - {regimen: film-50mg, at: 2 days}
  placebo:
    - {drug: placebo, route: iv, for: 100 h}
models: {pharmacokinetics: {infusions: simons2022, s-ketamine: perezruixo2021}}
outputs: [s-ketamine, s-norketamine]
output_every: 1 h
seed: 1
residual_error: true
"""
TEXTS = [EVERYTHING, *(p.read_text("utf-8") for p in sorted((ROOT / "studies").glob("*.yaml")))]
TREES = [yamlfile.read_text(text, "study").data for text in TEXTS]

odd_text = st.sampled_from(
    [
        "", " ", "\n", "a\nb", "\x00", "\x85", "\u2028", "\ud7ff", "\U0001f600", "µg", "é" * 50,
        "1e400 mg", "-5 mg", "nan mg", ".inf h", "20 mg", "20 mg/h", "20", "0 h", "1e-300 h",
        "1e300 h", "8 h", "9999999 weeks", "5 mg/kg/h per 70 kg", "10 umol", "9" * 5000, "5 m",
        "<<", "=", "~", "!!python/none", "2020-01-01", "12:30", "1_000", "0x10", "[", "{", "- -",
        "__class__", "for_", "*a", "&a", "%", "a.b[0]", "x" * 10_000,
    ]
)  # fmt: skip
numbers = (
    st.integers()
    | st.floats()
    | st.sampled_from([0, -1, 10**6, 10**18, 10**400, -(10**400), 1e308, 5e-324, 0.1, 1, 2.0])
)
leaves = st.none() | st.booleans() | numbers | odd_text | st.text(max_size=20)
field_names = st.sampled_from(
    [
        "study", "question", "condition", "population", "horizon", "arms", "models", "outputs",
        "output_every", "seed", "residual_error", "drug", "route", "amount", "rate", "steps",
        "titrate", "scale", "at_most", "for", "at", "every", "times", "until", "missed",
        "steady_state", "from", "change", "factor", "regimen", "up", "max", "hold_if", "size",
        "pause_if", "stop_if", "check", "give_if", "most",
        "typical", "file", "weight", "age", "height", "female", "race", "children", "mean", "sd",
        "screened", "pharmacokinetics", "for_", "from_",
    ]
)  # fmt: skip
keys = field_names | odd_text | st.text(max_size=8)
junk = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=8,
)


def nodes(tree, path=()):
    """Every place in a tree."""
    yield path
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from nodes(value, (*path, key))
    elif isinstance(tree, list):
        for number, value in enumerate(tree):
            yield from nodes(value, (*path, number))


def at(tree, path):
    for step in path:
        tree = tree[step]
    return tree


def replaced(tree, path, change):
    """A copy of the tree with the entry at a place changed."""
    copy = dict(tree) if isinstance(tree, dict) else list(tree)
    if len(path) == 1:
        change(copy, path[0])
    else:
        copy[path[0]] = replaced(copy[path[0]], path[1:], change)
    return copy


@st.composite
def mutated_trees(draw):
    tree = draw(st.sampled_from(TREES))
    for _ in range(draw(st.integers(1, 3))):
        places = [path for path in nodes(tree) if path]
        if not places:
            break
        path = draw(st.sampled_from(places))
        tree = replaced(tree, path, draw(mutations(tree, places)))
    return tree


@st.composite
def mutations(draw, tree, places):
    """A change of one entry: dropped, doubled, renamed, replaced by junk or by another entry."""
    sort = draw(st.sampled_from(["drop", "double", "rename", "add", "junk", "other", "nest"]))
    key, new = draw(keys), draw(junk)
    other = at(tree, draw(st.sampled_from(places)))
    depth = draw(st.integers(1, 60))

    def change(copy, step):
        old = copy[step]
        if sort == "drop":
            del copy[step]
        elif sort == "double" and isinstance(copy, list):
            copy.append(old)
        elif sort == "rename" and isinstance(copy, dict):
            copy[key] = copy.pop(step)
        elif sort == "add" and isinstance(copy, dict):
            copy[key] = new
        elif sort == "other":
            copy[step] = other
        elif sort == "nest":
            for _ in range(depth):
                old = [old] if depth % 2 else {key: old}
            copy[step] = old
        else:
            copy[step] = new

    return change


@st.composite
def mutated_texts(draw):
    """A study with pieces of its text cut, doubled, moved or replaced."""
    text = draw(st.sampled_from(TEXTS))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 40)))
        piece = draw(
            st.just("")
            | odd_text
            | st.text(max_size=6)
            | st.sampled_from([text[start:end] * 2, ":", ": ", "- ", "{", "}", "[", "]", "\t", "#"])
        )
        text = text[:start] + piece + text[end:]
    return text


def judge(text):
    """Load a text; True for a study, False for a complaint; anything else fails the test."""
    try:
        study = loads(text, "fuzz.yaml")
    except InputError as error:
        line = str(error)
        assert line.startswith("fuzz.yaml")
        assert len(line.splitlines()) == 1, line
        assert len(line) < 2000, line
        return False
    assert isinstance(study, Study)
    for regimen in study.regimens().values():
        assert all(0 <= dose.time < study.horizon for dose in regimen.doses)
    return True


@often
@given(mutated_trees())
def test_a_mutated_study_is_read_or_refused_in_one_line(tree):
    # JSON is YAML, but for numbers that are not finite, which YAML writes otherwise.
    text = json.dumps(tree, ensure_ascii=False)
    for json_word, yaml_word in (("-Infinity", "-.inf"), ("Infinity", ".inf"), ("NaN", ".nan")):
        text = text.replace(json_word, yaml_word)
    judge(text)


@often
@given(mutated_texts())
def test_a_damaged_text_is_read_or_refused_in_one_line(text):
    judge(text)


@often
@given(st.text(max_size=300) | st.binary(max_size=300).map(lambda b: b.decode("latin-1")))
def test_any_text_is_refused_in_one_line(text):
    assert not judge(text)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_in_one_line(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("bytes") / "study.yaml"
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        load(path)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("text", TEXTS)
def test_the_studies_that_are_mutated_are_sound(text):
    assert judge(text)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 1000,
        "{a: " * 1000,
        "- " * 1000,
        "study: " + "[" * 1000 + "]" * 1000,
        EVERYTHING.replace("scale: per 70 kg", "scale: " + "{a: " * 300 + "1" + "}" * 300),
        EVERYTHING.replace("seed: 1", "seed: " + "9" * 10_000),
        EVERYTHING.replace("seed: 1", "seed: 1e999"),
        EVERYTHING.replace("horizon: 4 weeks", "horizon: " + "9" * 400 + " h"),
        EVERYTHING.replace("times: 10", "times: " + "9" * 400),
        EVERYTHING.replace("every: 8 h", "every: 1e-12 h", 2),
        EVERYTHING.replace("  doses:", '  "a\\u2028b":'),
        EVERYTHING.replace("  doses:", "  ? [1, 2]\n  :"),
        EVERYTHING.replace("  doses:", "  infusions:"),
        EVERYTHING.replace("seed: 1", "seed: !!python/object:os.system 1"),
        EVERYTHING.replace("study: everything", "study: &a [*a, *a]"),
        "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nstudy: *c\n",
        "%YAML 1.1\n---\n" + EVERYTHING,
        EVERYTHING + "---\n" + EVERYTHING,
        "\ufeff" * 2 + EVERYTHING,
        "\x00",
    ],
    ids=range(20),
)
def test_a_hostile_text_is_refused_in_one_line(text):
    assert not judge(text)
