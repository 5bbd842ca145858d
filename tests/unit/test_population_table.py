"""One's own patients from a CSV file, and every way it can be wrong."""

import numpy as np
import pytest

from antalgic.errors import InputError
from antalgic.population import PopulationSpec, conditions


@pytest.fixture
def read(tmp_path):
    def people(text, condition=None):
        raw = text if isinstance(text, bytes) else text.encode()
        (tmp_path / "patients.csv").write_bytes(raw)
        return PopulationSpec(file="patients.csv").people(1, condition, folder=tmp_path)

    return people


@pytest.fixture
def refusal(read):
    def message(text):
        with pytest.raises(InputError) as caught:
            read(text)
        return str(caught.value)

    return message


def test_all_columns_are_read(read):
    people = read(
        "ID,WT,AGE,HT,SEX,RACE,CRCL\n7,72.5,46,171,1,asian,88\n9,90,30,180,0,Other,-1e2\n"
    )
    assert people.to_frame().to_dict("list") == {
        "ID": [7, 9], "WT": [72.5, 90.0], "AGE": [46.0, 30.0], "HT": [171.0, 180.0],
        "SEX": [1, 0], "RACE": ["asian", "other"], "CRCL": [88.0, -100.0],
    }  # fmt: skip
    assert people.notes == ("SEX was read as 0 or m male, 1 or f female",)


def test_order_case_byte_mark_line_ends_quotes_and_blank_lines_do_not_matter(read):
    text = '\ufeffsex, age ,"Wt",ht\r\n"F", 46 ,72.5,171\r\n\r\nmale,30,90,180\r\n'
    people = read(text)
    assert people.ids.tolist() == [1, 2]
    assert people.weight.tolist() == [72.5, 90]
    assert people.female.tolist() == [True, False]
    assert people.race.tolist() == ["other", "other"]


def test_missing_columns_become_typical_and_are_told(read):
    people = read("WT\n60\n95\n", conditions.load("crps"))
    assert people.age.tolist() == [46, 46]
    assert people.female.tolist() == [True, True]
    assert people.height.tolist() == [162, 162]
    assert people.notes == (
        "patients.csv has no column SEX: all are taken for women",
        "patients.csv has no column AGE: all are taken for 46 years old",
        "patients.csv has no column HT: heights are typical of sex and age",
    )


def test_children_without_heights_get_those_of_their_age(read):
    people = read("WT,AGE,SEX\n32,10,0\n80,40,0\n")
    assert people.height == pytest.approx([138.6, 175.9], abs=0.5)


BAD = [
    ("", "patients.csv: the file is empty, expected a header such as ID,WT,AGE,HT,SEX"),
    ("\n \n", "patients.csv: the file is empty, expected a header such as ID,WT,AGE,HT,SEX"),
    ("ID,WT\n", "patients.csv: there is a header and no patient below it"),
    (
        "ID,AGE\n1,40\n",
        "patients.csv:1: there is no column 'WT', expected one with body weight in kg",
    ),
    (
        "ID,WTT\n1,40\n",
        "patients.csv:1: there is no column 'WT', expected one with body weight in kg; "
        "did you mean it by 'WTT'?",
    ),
    ("ID,WGT\n1,70\n", "patients.csv:1: unknown column 'WGT'; did you mean 'WT'?"),
    ("ID,Weight\n1,70\n", "patients.csv:1: unknown column 'Weight'; did you mean 'WT'?"),
    ("WT,gender\n70,f\n", "patients.csv:1: unknown column 'gender'; did you mean 'SEX'?"),
    ("WT,wt\n70,70\n", "patients.csv:1: column 'WT' is there twice"),
    ("WT,\n70,70\n", "patients.csv:1: column 2 has no name"),
    (
        "ID;WT\n1;72,5\n",
        "patients.csv:1: the columns are separated by semicolons, "
        "expected commas and decimal points",
    ),
    (
        "ID\tWT\n1\t72\n",
        "patients.csv:1: the columns are separated by tabs, expected commas and decimal points",
    ),
    (
        "ID,WT\n1,70\n2,71\n3,abc\n",
        "patients.csv:4 WT: 'abc' is not a number, expected body weight in kg such as 72.5",
    ),
    (
        'WT\n"72,5"\n',
        "patients.csv:2 WT: '72,5' is not a number, expected body weight in kg such as 72.5",
    ),
    (
        "WT,AGE\n70,\n",
        "patients.csv:2 AGE: the value is missing, expected age in years such as 46",
    ),
    (
        "WT\nNaN\n",
        "patients.csv:2 WT: the value is missing, expected body weight in kg such as 72.5",
    ),
    (
        "WT\ninf\n",
        "patients.csv:2 WT: 'inf' is not a number, expected body weight in kg such as 72.5",
    ),
    (
        "WT\n1e999\n",
        "patients.csv:2 WT: '1e999' is too large a number, "
        "expected body weight in kg such as 72.5",
    ),
    (
        "WT\n-70\n",
        "patients.csv:2 WT: -70 is out of range, expected body weight from 0.3 to 400 kg",
    ),
    (
        "WT\n7000\n",
        "patients.csv:2 WT: 7000 is out of range, expected body weight from 0.3 to 400 kg; "
        "is it in grams?",
    ),
    (
        "WT,HT\n70,1.75\n",
        "patients.csv:2 HT: 1.75 is out of range, expected height from 30 to 260 cm; "
        "is it in metres?",
    ),
    (
        "WT,AGE\n70,480\n",
        "patients.csv:2 AGE: 480 is out of range, expected age from 0 to 120 years; "
        "is it in months?",
    ),
    (
        "WT,SEX\n70,1\n70,2\n",
        "patients.csv:3 SEX: '2' is not a sex, "
        "expected 0, m or male for a man and 1, f or female for a woman",
    ),
    (
        "WT,RACE\n70,white\n",
        "patients.csv:2 RACE: 'white' is not known, expected other, asian, japanese",
    ),
    (
        "ID,WT\n3,70\n\n3,71\n",
        "patients.csv:4 ID: 3 is in line 2 too, expected one line a patient",
    ),
    ("ID,WT\n1.5,70\n", "patients.csv:2 ID: 1.5 is not a whole number from 0, expected such as 17"),
    (
        "WT,NOTE\n70,good\n",
        "patients.csv:2 NOTE: 'good' is not a number, "
        "expected a number, as in every column that is not ID, WT, AGE, HT, SEX or RACE",
    ),
    (
        "ID,WT\n1,72,5\n",
        "patients.csv:2: 3 values are in this line, expected 2 as in the header",
    ),
    (
        "WT\n12\n",
        "patients.csv:2 WT: 12 kg is a child's weight, and the file has no column AGE",
    ),
    (
        "WT,AGE\n9,1\n",
        "patients.csv:2 AGE: 1 years is below 2, and the file has no column HT",
    ),
    (
        "WT,SEX\n70,1\n".encode("utf-16"),
        "patients.csv: is not UTF-8 text, expected a CSV file saved as UTF-8",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), BAD)
def test_what_is_wrong_is_said_in_one_line(refusal, text, expected):
    assert refusal(text) == expected


@pytest.mark.parametrize("text", ['WT\n"70\n', 'WT\n"7"0\n', "WT\n7\x000\n"])
def test_broken_csv_is_refused(refusal, text):
    assert refusal(text).startswith("patients.csv:2")


def test_a_file_that_is_not_there(tmp_path):
    spec = PopulationSpec(file="nobody.csv")
    with pytest.raises(InputError, match=r"^nobody\.csv: there is no such file$"):
        spec.people(1, folder=tmp_path)
    with pytest.raises(InputError, match=r"^\.: cannot be read: "):
        PopulationSpec(file=".").people(1, folder=tmp_path)


def test_patients_of_a_file_do_not_depend_on_the_seed(tmp_path):
    (tmp_path / "p.csv").write_text("WT,AGE,HT,SEX\n70,40,170,m\n80,50,180,f\n")
    spec = PopulationSpec(file=str(tmp_path / "p.csv"))
    one, other = spec.people(1), spec.people(2, replicate=3)
    assert np.array_equal(one.weight, other.weight)
