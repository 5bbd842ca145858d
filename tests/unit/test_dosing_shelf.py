"""The named regimens of the library."""

import pytest

from antalgic import yamlfile
from antalgic.dosing import NamedRegimen, expand, shelf
from antalgic.errors import InputError
from antalgic.population import conditions

MONTHS = 100 * 24.0
SOUND = """\
regimen: mine
title: A regimen
items: [{drug: ketamine, route: iv, amount: 5 mg}]
published: 5 mg
grade: B
sources: {paper: {citation: "Somebody 2020"}}
"""


def of(text):
    return yamlfile.validate(NamedRegimen, yamlfile.read_text(text, "mine.yaml"))


@pytest.mark.parametrize("name", shelf.names())
def test_a_regimen_of_the_library_is_sound_and_gives_drug(name):
    named = shelf.load(name)
    regimen = expand(name, named.items, MONTHS)
    assert regimen.doses
    assert not regimen.notes
    assert named.condition is None or named.condition in conditions.names()


@pytest.mark.parametrize(
    ("name", "drug", "doses", "hours", "total"),
    [
        # rate per 70 kg: (5 + 10 + 15) * 8 h + 20 * 76 h
        ("crps-100h", "s-ketamine", 4, 100, 1760),
        ("outpatient-10x4h", "ketamine", 10, 40, 14),  # mg/kg
        ("inpatient-5day", "ketamine", 4, 120, (10 + 20 + 30) * 24 + 40 * 48),
        ("single-0.5mgkg-40min", "ketamine", 1, 2 / 3, 0.5),
        ("s-ketamine-0.5mgkg-30min", "s-ketamine", 1, 0.5, 0.5),
        ("oral-three-times-daily", "ketamine", 270, 0, 270 * 0.667),
        ("nasal-56mg-twice-weekly", "s-ketamine", 8, 0, 448),
        ("film-50mg", "s-ketamine", 1, 0, 50),
        ("wafer-25mg", "ketamine", 1, 0, 25),
        ("im-0.5mgkg", "ketamine", 1, 0, 0.5),
    ],
)
def test_what_the_regimens_of_the_library_give(name, drug, doses, hours, total):
    regimen = expand(name, shelf.load(name).items, MONTHS)
    assert regimen.drugs == (drug,)
    assert len(regimen.doses) == doses
    assert sum(dose.duration for dose in regimen.doses) == pytest.approx(hours)
    assert sum(dose.amount for dose in regimen.doses) == pytest.approx(total)


def test_every_outpatient_session_is_bounded():
    regimen = expand("arm", shelf.load("outpatient-10x4h").items, MONTHS)
    assert {(dose.per, dose.cap) for dose in regimen.doses} == {("kg", 100.0)}


@pytest.mark.parametrize(
    ("name", "hint"),
    [("crps-100", "did you mean 'crps-100h'"), ("zzz", "known are crps-100h, "), ("../x", "known")],
)
def test_an_unknown_regimen_gets_a_hint(name, hint):
    with pytest.raises(InputError, match="is not a regimen of the library") as caught:
        shelf.load(name)
    assert hint in str(caught.value)


def test_a_sound_regimen_is_read():
    assert of(SOUND).sources["paper"].citation == "Somebody 2020"


@pytest.mark.parametrize(
    ("written", "instead", "message"),
    [
        ("{drug: ketamine", "{regimen: crps-100h, drug: ketamine", "unknown field 'drug'"),
        ("[{drug: ketamine, route: iv, amount: 5 mg}]", "[{regimen: crps-100h}]", "not named"),
        ("[{drug: ketamine, route: iv, amount: 5 mg}]", "[]", "is empty"),
        ("grade: B", "grade: E", "'E' is not known"),
        ("sources: {paper: {citation: ", "sources: {paper: {cited: ", "unknown field 'cited'"),
        ("published: 5 mg\n", "", "missing field 'published'"),
    ],
)
def test_an_unsound_regimen_is_refused(written, instead, message):
    assert written in SOUND
    with pytest.raises(InputError, match=r"mine\.yaml:\d+") as caught:
        of(SOUND.replace(written, instead))
    assert message in str(caught.value)
