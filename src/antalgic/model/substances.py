"""Molar masses, from library/substances.yaml."""

from functools import cache

from antalgic import sources, yamlfile
from antalgic.errors import InputError
from antalgic.units import Kind


@cache
def molar_mass(substance: str) -> float:
    """Molar mass in g/mol; InputError names the known substances for an unknown one."""
    document = yamlfile.library("substances.yaml")
    known = document.data["substances"]
    if substance not in known:
        raise InputError(f"unknown substance '{substance}', expected one of {', '.join(known)}")
    with document.at("substances", substance, "molar_mass"):
        cited = sources.read_sources(document.data["sources"])
        entry = known[substance]["molar_mass"]
        return sources.read_value(entry, Kind.MOLAR_MASS, cited).value
