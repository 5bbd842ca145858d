"""Properties of drawn comorbidities and of screening, whoever is asked for."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from antalgic.population import PopulationSpec, comorbidities, conditions, guidelines
from antalgic.population.screening import screen

seeds = st.integers(0, 2**63 - 1)
names = st.sampled_from(conditions.names())


@given(seed=seeds, few=st.integers(1, 300), more=st.integers(0, 400), name=names)
def test_a_person_has_the_same_bits_however_many_are_drawn(seed, few, more, name):
    condition = conditions.load(name)
    some, all_ = (
        comorbidities.draw(PopulationSpec(size=n).people(seed), seed, condition)
        for n in (few, few + more)
    )
    for kind in ("vitals", "has", "known"):
        small, large = getattr(some, kind), getattr(all_, kind)
        for column, values in small.items():
            assert np.array_equal(values, large[column][:few]), column


@given(seed=seeds, female=st.floats(0, 1), age=st.floats(18, 89.9), name=names)
def test_everyone_gets_a_circulation_that_somebody_could_have(seed, female, age, name):
    people = PopulationSpec(size=50, female=female, age=f"{age!r} years").people(seed)
    health = comorbidities.draw(people, seed, conditions.load(name))
    sbp, dbp, rate = (health.vitals[vital] for vital in ("SBP0", "DBP0", "HR0"))
    assert ((sbp >= 74) & (sbp <= 233) & (sbp - dbp >= 15) & (rate >= 36) & (rate <= 172)).all()
    assert (dbp > 0).all()


@given(
    seed=seeds, few=st.integers(1, 60), more=st.integers(0, 60), serial=st.booleans(), name=names
)
def test_screened_people_are_those_whom_the_guideline_keeps(seed, few, more, serial, name):
    condition = conditions.load(name)
    kept, larger = (
        PopulationSpec(size=n, screened="spravato").people(seed, condition, serial=serial)
        for n in (few, few + more)
    )
    assert kept.ids.tolist() == list(range(1, few + 1))
    assert np.array_equal(kept.weight, larger.weight[:few])
    assert np.array_equal(kept.extra["SBP0"], larger.extra["SBP0"][:few])
    bound = np.where(kept.age > 65, 150, 140)
    assert (kept.extra["SBP0"] <= bound).all() and (kept.extra["DBP0"] <= 90).all()


@given(seed=seeds, serial=st.booleans(), name=st.sampled_from(guidelines.names()))
def test_a_series_leaves_out_whoever_one_treatment_does(seed, serial, name):
    people = PopulationSpec(size=200).people(seed)
    health = comorbidities.draw(people, seed)
    once, again = (screen(people, health, guidelines.load(name), serial=s) for s in (False, True))
    assert not (once.excluded & ~again.excluded).any()
    chosen = again if serial else once
    assert sum(v.first.sum() for v in chosen.verdicts) == chosen.excluded.sum()
