"""The command: ``antalgic run``, ``models``, ``mechanisms``, ``regimens``, ``conditions`` and more.

Heavy imports happen inside the commands, so that ``antalgic --help`` answers at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from antalgic.errors import InputError

if TYPE_CHECKING:
    from antalgic.study import Study

app = typer.Typer(
    name="antalgic",
    help="Ketamine in chronic pain, simulated from the dose. Research and education only: "
    "it proposes no dose for a person.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def main() -> None:
    """Run the command; bad input is one line on stderr and exit code 2."""
    # people and draws are shared out among threads; those of a matrix library would only be in
    # the way of them, and read this before they start
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        app()
    except InputError as error:
        _fail(str(error))
    except OSError as error:
        name = f"{error.filename}: " if error.filename else ""
        _fail(f"{name}{error.strerror or error}")
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def _fail(message: str) -> None:
    print(f"antalgic: {message}", file=sys.stderr)
    raise SystemExit(2)


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        from antalgic import __version__

        print(__version__)
        raise typer.Exit


@app.command()
def run(
    study: Annotated[Path, typer.Argument(help="Study file (YAML).")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the report and the tables.")],
    trajectories: Annotated[
        bool, typer.Option("--trajectories", help="Also write every person's curve.")
    ] = False,
    certainty: Annotated[
        bool, typer.Option("--certainty", help="Also say how far the means hold; takes longer.")
    ] = False,
    threads: Annotated[
        int | None, typer.Option("--threads", min=1, help="Threads; all processors by default.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Simulate a study and write its report."""
    from antalgic.study import load

    loaded = load(study)
    from antalgic.report import output

    output.check_target(out)
    result = _simulated(loaded, threads, trajectories, quiet=as_json)
    held = _held(result, threads, quiet=as_json) if certainty else None
    written = output.write(result, out, command=_command(), certainty=held)
    if as_json:
        _print_json(output.summary(result, written, held))
    else:
        output.print_summary(result, written, held)


@app.command()
def models(
    name: Annotated[str | None, typer.Argument(help="Name of a model.")] = None,
    as_json: Json = False,
) -> None:
    """List the published PK models, or show one."""
    from antalgic.report import listings

    if name is None:
        _show(listings.models(), as_json)
        return
    from antalgic.report import model_page

    description = model_page.describe(name)
    if as_json:
        _print_json(model_page.to_json(description))
    else:
        model_page.show(description)


@app.command()
def mechanisms(
    name: Annotated[str | None, typer.Argument(help="Name of a mechanism.")] = None,
    as_json: Json = False,
) -> None:
    """List the mechanisms of relief, or show one."""
    from antalgic.report import mechanism_page

    if name is None:
        _show(mechanism_page.listing(), as_json)
        return
    description = mechanism_page.describe(name)
    if as_json:
        _print_json(mechanism_page.to_json(description))
    else:
        mechanism_page.show(description)


@app.command()
def regimens(
    name: Annotated[str | None, typer.Argument(help="Name of a regimen.")] = None,
    as_json: Json = False,
) -> None:
    """List the published regimens, or show one."""
    from antalgic.report import listings

    _show(listings.regimens() if name is None else listings.regimen(name), as_json)


@app.command("comparators")
def drugs(
    name: Annotated[str | None, typer.Argument(help="Name of a drug.")] = None,
    as_json: Json = False,
) -> None:
    """List the treatments beside ketamine, or show one."""
    from antalgic.report import listings

    _show(listings.drugs() if name is None else listings.drug(name), as_json)


@app.command()
def conditions(
    name: Annotated[str | None, typer.Argument(help="Name of a condition.")] = None,
    as_json: Json = False,
) -> None:
    """List the conditions, or show one."""
    from antalgic.report import listings

    _show(listings.conditions() if name is None else listings.condition(name), as_json)


@app.command()
def validate(
    name: Annotated[str | None, typer.Argument(help="Name of one study.")] = None,
    mechanism: Annotated[
        str, typer.Option("--mechanism", help="Mechanism that the trials are simulated with.")
    ] = "sensitization",
    out: Annotated[
        Path | None, typer.Option("--out", help="Also write a page with a figure for each there.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Reproduce the published studies of the library: observed, simulated, hit or miss."""
    from antalgic.evidence import gallery as evidence
    from antalgic.report import gallery, output

    if out is not None:
        output.check_folder(out)
    found = evidence.run(name, mechanism)
    if out is not None:
        gallery.write(found, out)
    if as_json:
        _print_json(gallery.to_json(found))
    else:
        gallery.show(found)


@app.command()
def screen(
    study: Annotated[Path, typer.Argument(help="Study file (YAML).")],
    guideline: Annotated[
        str | None, typer.Option("--guideline", help="Name of a guideline; asra2018 by default.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show whom a guideline would leave out of a study, by which rule and on what evidence."""
    from antalgic import screen as screening
    from antalgic.population.guidelines import DEFAULT
    from antalgic.report import screen_page
    from antalgic.study import load

    found = screening.run(load(study), guideline or DEFAULT)
    if as_json:
        _print_json(screen_page.to_json(found))
    else:
        screen_page.show(found)


@app.command()
def responders(
    study: Annotated[Path, typer.Argument(help="Study file (YAML).")],
    relief: Annotated[
        str, typer.Option("--relief", help="Relief that counts as a response.")
    ] = "30 %",
    at: Annotated[
        str | None,
        typer.Option("--at", help="When; 4 weeks, or the end of a shorter study, by default."),
    ] = None,
    by_condition: Annotated[
        bool, typer.Option("--by-condition", help="The same arms in every painful condition.")
    ] = False,
    figure: Annotated[
        Path | None, typer.Option("--figure", help="Also draw it (.png, .svg or .pdf).")
    ] = None,
    threads: Annotated[
        int | None, typer.Option("--threads", min=1, help="Threads; all processors by default.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show who responds in a study, and what a measurement before treatment would tell of it."""
    from antalgic import units
    from antalgic.study import load
    from antalgic.units import Kind

    loaded = load(study)
    least = _option("--relief", lambda: units.parse(relief, Kind.FRACTION))
    hour = None if at is None else _option("--at", lambda: units.parse(at, Kind.TIME))
    from antalgic.evidence import responders as evidence
    from antalgic.report import benefit

    if by_condition:
        if figure is not None:
            raise InputError("is of one condition, leave out --by-condition", field="--figure")
        shares = evidence.by_condition(loaded, relief=least, at=hour, threads=threads)
        when = min(evidence.AT, loaded.horizon) if hour is None else hour
        _show(benefit.by_condition(shares, least, when), as_json)
        return
    if figure is not None:
        benefit.check_figure(figure)
    found = evidence.run(loaded, relief=least, at=hour, threads=threads)
    if figure is not None:
        benefit.draw(found, figure)
    if as_json:
        _print_json(benefit.to_json(found))
        return
    for listing in benefit.listings(found):
        listing.show()


@app.command()
def claims(
    name: Annotated[
        str | None, typer.Argument(help="Name of a claim, such as C38; all by default.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="Also write a page that anyone can read.")
    ] = None,
    mechanism: Annotated[
        str, typer.Option("--mechanism", help="Mechanism that the claims are simulated with.")
    ] = "sensitization",
    threads: Annotated[
        int | None, typer.Option("--threads", min=1, help="Threads; all processors by default.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Hold claims about ketamine in chronic pain against the evidence and a simulation."""
    from antalgic.evidence import claims as evidence
    from antalgic.evidence import claims_run
    from antalgic.report import claims_page

    asked = [evidence.load(one) for one in (evidence.names() if name is None else (name,))]
    if html is not None:
        claims_page.check(html)
    found = claims_run.run(asked, mechanism, threads=threads)
    if html is not None:
        claims_page.write(found, html, mechanism=mechanism)
    if as_json:
        _print_json(claims_page.to_json(found))
    elif name is None:
        claims_page.listing(found).show()
    else:
        claims_page.record(found[0]).show()


@app.command()
def sensitivity(
    study: Annotated[Path, typer.Argument(help="Study file (YAML).")],
    of: Annotated[
        str | None, typer.Option("--of", help="Output whose mean is looked at; pain by default.")
    ] = None,
    arm: Annotated[
        str | None, typer.Option("--arm", help="Arm; the first with a drug by default.")
    ] = None,
    over: Annotated[str | None, typer.Option("--over", help="Arm whose mean is taken off.")] = None,
    at: Annotated[
        str | None,
        typer.Option("--at", help="When; the end by default, for a level in blood its peak."),
    ] = None,
    parameters: Annotated[
        str | None, typer.Option("--parameters", help="Names with commas between; all by default.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for a tornado and a spider (SVG, PNG).")
    ] = None,
    threads: Annotated[
        int | None, typer.Option("--threads", min=1, help="Threads; all processors by default.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show which parameters a number of a study rests on, and how far each may move it."""
    from antalgic import units
    from antalgic.study import load
    from antalgic.units import Kind

    loaded = load(study)
    hour = None if at is None else _option("--at", lambda: units.parse(at, Kind.TIME))
    named = None if parameters is None else [name.strip() for name in parameters.split(",")]
    from antalgic.evidence import sensitivity as evidence
    from antalgic.report import output
    from antalgic.report import sensitivity as shown

    if out is not None:
        output.check_folder(out)
    with _watched(quiet=as_json) as progress:
        found = evidence.run(
            loaded, of=of, arm=arm, over=over, at=hour, parameters=named, threads=threads,
            progress=progress,
        )  # fmt: skip
    if out is not None:
        shown.write(found, out)
    if as_json:
        _print_json(shown.to_json(found))
    else:
        shown.listing(found).show()


@app.command()
def compare(
    study: Annotated[Path, typer.Argument(help="Study file (YAML).")],
    arm: Annotated[
        str | None, typer.Option("--arm", help="Which arm; the only one with ketamine by default.")
    ] = None,
    models: Annotated[
        str | None,
        typer.Option("--models", help="Names, by commas; all that can take it by default."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for the page and the curves.")
    ] = None,
    threads: Annotated[
        int | None, typer.Option("--threads", min=1, help="Threads; all processors by default.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare the published PK models on one arm, and show which data each was built on."""
    from antalgic.study import load

    loaded = load(study)
    from antalgic.evidence import compare as evidence
    from antalgic.report import compare_page, output

    if out is not None:
        output.check_target(out)
    names = None if models is None else [name.strip() for name in models.split(",")]
    found = evidence.run(loaded, arm, names, threads=threads)
    if out is not None:
        compare_page.write(found, out, command=_command())
    if as_json:
        _print_json(compare_page.to_json(found))
        return
    for listing in compare_page.listings(found):
        listing.show()
    if out is not None:
        print(f"page: {out / compare_page.PAGE}")


@app.command()
def bench(
    people: Annotated[int, typer.Option("--people", min=1, help="People to simulate.")] = 10_000,
    threads: Annotated[int | None, typer.Option("--threads", min=1, help="Threads.")] = None,
    as_json: Json = False,
) -> None:
    """Time the reference workload of exposure, beside SciPy."""
    from antalgic import bench as benchmark

    found = benchmark.to_json(benchmark.run(people, threads))
    if as_json:
        _print_json(found)
        return
    for timing in found["timings"]:
        rate = f"{timing['people_per_second']:,.3g} people/s"
        print(f"{timing['name']}: {timing['seconds']:.3g} s, {rate} ({timing['what']})")
    print(f"{found['times_scipy']:,.0f} times SciPy")


def _option(name: str, parse: Callable[[], float]) -> float:
    """A quantity given as an option; what is wrong with it is said of the option."""
    try:
        return parse()
    except InputError as error:
        raise error.at(field=name) from error


def _simulated(study: Study, threads: int | None, trajectories: bool, *, quiet: bool) -> Any:
    """The result, with a spinner on a terminal."""
    with _watched(quiet=quiet) as progress:
        return study.run(
            threads=threads, trajectories=trajectories, sessions=True, progress=progress
        )


def _held(result: Any, threads: int | None, *, quiet: bool) -> Any:
    """The study under draws of its parameters, and what to say of it."""
    from antalgic.evidence import certainty
    from antalgic.report import certainty as said

    study = result.study
    with _watched(quiet=quiet) as progress:
        found = certainty.run(
            study, certainty.usual_times(study), people=result.people, threads=threads,
            progress=progress,
        )  # fmt: skip
    return found, said.rows(result, found)


@contextmanager
def _watched(*, quiet: bool) -> Iterator[Callable[[str], None] | None]:
    """Where progress is said: a spinner on a terminal, else nowhere."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console

    with Console(stderr=True).status("simulating") as status:
        yield status.update


def _show(listing: Any, as_json: bool) -> None:
    if as_json:
        _print_json(listing.to_json())
    else:
        listing.show()


def _print_json(data: Any) -> None:
    import json

    print(json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False))


def _command() -> str:
    """The command as the user could type it again."""
    import shlex

    return shlex.join(["antalgic", *sys.argv[1:]])


if __name__ == "__main__":
    main()
