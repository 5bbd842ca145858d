"""Draws the pictures of the README and the documentation from the studies: `make pictures`."""

from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import antalgic
from antalgic.evidence import certainty, responders, sensitivity
from antalgic.population import conditions
from antalgic.report import benefit, comparators_figure, figures, style
from antalgic.report import sensitivity as sensitivity_figures
from antalgic.result import Result

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"


def two_fates(result: Result) -> Figure:
    """Pain and sensitization of three people, and the share in chronic pain, by arm."""
    condition = conditions.load(result.study.condition)
    least, ceiling = condition.chronic.value, condition.circuit["S_max"].value
    weeks = result.quantiles.time.values / 168
    chains = {arm.name: arm.chain for arm in result.arms}
    pain = {a: c.values[c.outputs.index("pain")] for a, c in chains.items()}
    S = {a: c.values[c.outputs.index("sensitization")] / ceiling for a, c in chains.items()}
    middle = (pain["placebo"][0] > 5) & (pain["placebo"][0] < 7)
    chronic = pain["placebo"][-1] > least
    high = {a: s[-1] > 0.9 for a, s in S.items()}
    low = {a: s[-1] < 0.1 for a, s in S.items()}
    fates = {
        "fades": low["placebo"] & low["ketamine"],
        "stays": high["placebo"] & high["ketamine"] & chronic,
        "stays, but for ketamine": high["placebo"] & low["ketamine"] & chronic,
    }
    figure = Figure(figsize=(9.2, 3.1), facecolor=style.PAPER, layout="constrained")
    FigureCanvasAgg(figure)
    left, centre, right = figure.subplots(1, 3)
    for (fate, people), stroke in zip(fates.items(), style.STROKES, strict=False):
        one = np.flatnonzero(people & middle)[0]
        for arm, dash in (("placebo", "solid"), ("ketamine", (0, (2, 1.2)))):
            label = fate if arm == "placebo" else None
            look = {"color": stroke.colour, "linestyle": dash, "label": label}
            left.plot(weeks, pain[arm][:, one], **look)
            centre.plot(weeks, S[arm][:, one], **look)
    left.axhline(least, color=style.SOFT, linewidth=0.6)
    left.text(15, least, f"chronic from {least:g}", ha="center", va="bottom")
    left.legend(frameon=False, loc="upper right")
    for arm, dash in (("placebo", "solid"), ("ketamine", (0, (2, 1.2)))):
        share = 100 * (pain[arm] >= least).mean(axis=1)
        right.plot(weeks, share, color=style.INK, linestyle=dash, label=arm)
    right.legend(frameon=False)
    left.set(title="Pain of three people, 0–10", ylim=(0, 10))
    centre.set(title="Their sensitization, share of its ceiling", ylim=(0, 1.02))
    right.set(title=f"People with pain of {least:g} or more, %", ylim=(0, 40))
    for axes in (left, centre, right):
        axes.set(xlim=(0, weeks[-1]), xlabel="weeks after surgery", xticks=range(0, 27, 4))
    return figure


if __name__ == "__main__":
    for name in ("crps-100h", "five-models", "rival-mechanisms"):
        antalgic.load(ROOT / "studies" / f"{name}.yaml").run().plot(IMAGES / f"{name}.png")
    surgery = antalgic.load(ROOT / "studies" / "after-surgery.yaml").run(trajectories=True)
    with style.context():
        drawn = two_fates(surgery)
    figures.save(drawn, IMAGES / "after-surgery.png", figures.metadata(surgery))
    crps = antalgic.load(ROOT / "studies" / "crps-100h.yaml")
    benefit.draw(responders.run(crps, draws=0), IMAGES / "who-benefits.png")
    comparators_figure.draw(
        antalgic.load(ROOT / "studies" / "comparators-neuropathic.yaml").run(),
        IMAGES / "comparators.png",
        joint=antalgic.load(ROOT / "studies" / "comparators-joint.yaml").run(),
    )
    known = certainty.run(crps, certainty.usual_times(crps))
    figures.certainty(crps.run(), known, IMAGES / "certainty.png")
    moved = sensitivity.run(crps, over="placebo")
    sensitivity_figures.tornado(moved, IMAGES / "certainty-tornado.png")
    sensitivity_figures.spider(moved, IMAGES / "certainty-spider.png")
    infusion = antalgic.load(ROOT / "studies" / "session-40min.yaml").run(sessions=True)
    figures.sessions(infusion, IMAGES / "session-40min.png")
    figures.harm(infusion, IMAGES / "session-40min-harm.png")
