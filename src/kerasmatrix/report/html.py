"""The page: one file that needs no network, under a policy that lets nothing else in.

What can be read without a script is rendered here; the matrices are drawn by the script from
`kerasmatrix.report.page_data`. What comes from experiments (names, messages, logs) is hostile
until escaped.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib import resources

from jinja2 import Environment as Templates
from jinja2 import PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from kerasmatrix.analysis.compare import Change, ChangeKind, Comparison
from kerasmatrix.report.blocks import Block, blocks_of, first_line
from kerasmatrix.report.page_data import embed, pack, page_data
from kerasmatrix.report.symbols import FLAKY, LOOKS, REPAIRED
from kerasmatrix.report.texts import shown
from kerasmatrix.results.cells import REPAIRABLE
from kerasmatrix.results.formats import FORMATS
from kerasmatrix.results.history import PastRun
from kerasmatrix.results.release_notes import release_notes
from kerasmatrix.results.schema import Results, ScenarioResult, count_statuses

__all__ = ["render_html"]

# The parts of the page's script, in order: each may use what stands before it.
SCRIPTS = (
    "data", "elements", "address", "matrices", "panel", "upgrade", "pictures", "filters", "main",
)  # fmt: skip

# So many changes of a kind are listed; the filter shows all.
LISTED = 50


def render_html(
    results: Results,
    comparison: Comparison | None = None,
    past: Sequence[PastRun] = (),
) -> str:
    """Return ``results`` as one HTML page.

    Args:
        results: what to show.
        comparison: what changed since a baseline, if there is one.
        past: the runs before, oldest first, for what a cell did then.
    """
    style, script = _asset("style.css"), _script()
    blocks = blocks_of(results)
    data = page_data(results, blocks, comparison.changes if comparison else (), past)
    return _template().render(
        results=results,
        names=[environment.name for environment in results.environments],
        notes={told.name: release_notes(told) for told in results.environments},
        added=[each.name for each in results.environments if each.added],
        troubles={
            environment.name: first_line(environment.trouble)
            for environment in results.environments
            if environment.trouble
        },
        looks=LOOKS,
        mark=REPAIRED,
        comparison=comparison,
        changed=_changed(comparison),
        listed=LISTED,
        verdicts=Counter(claim.verdict for claim in results.claims),
        statuses=count_statuses(results.cells),
        flaky=sum(cell.flaky for cell in results.cells),
        unsteady=FLAKY,
        broken=sum(cell.status in REPAIRABLE for cell in results.cells),
        repaired=sum(cell.repaired_by is not None for cell in results.cells),
        eras=data.columns["eras"],
        slugs=data.columns["slugs"],
        sections=list(_sections(results.scenarios, blocks)),
        titles={form: FORMATS[form].title if form in FORMATS else form for form in results.formats},
        policy=f"default-src 'none'; base-uri 'none'; form-action 'none'; "
        f"style-src {_source(style)}; script-src {_source(script)}",
        style=Markup(style),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own files
        data=Markup(embed(data.columns)),  # noqa: S704 - made safe by embed
        chunks=[pack(chunk) for chunk in data.chunks],
    )


@cache
def _template() -> Template:
    """Return the page's template; to compile it takes longer than to render a small matrix."""
    templates = Templates(
        loader=PackageLoader("kerasmatrix.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    return templates.get_template("index.html.j2")


def _changed(comparison: Comparison | None) -> dict[ChangeKind, tuple[Change, ...]]:
    """Return the changes by kind, what matters most first."""
    found = {kind: comparison.of(kind) if comparison else () for kind in ChangeKind}
    return {kind: changes for kind, changes in found.items() if changes}


def _sections(
    scenarios: Iterable[ScenarioResult], blocks: Sequence[Block]
) -> Iterator[tuple[ScenarioResult, list[tuple[int, Block]]]]:
    """Yield each scenario that has cells, with its blocks and their numbers."""
    found: dict[str, list[tuple[int, Block]]] = defaultdict(list)
    for number, block in enumerate(blocks):
        found[block.scenario].append((number, block))
    for scenario in scenarios:
        if scenario.name in found:
            yield scenario, found[scenario.name]


def _finalize(value: object) -> object:
    """Make visible what a template would print unseen. Markup is our own."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return shown(value)


def _script() -> str:
    parts = "\n".join(_asset(f"script/{name}.js") for name in SCRIPTS)
    return f'"use strict";\n(() => {{\n{parts}}})();\n'


def _asset(name: str) -> str:
    return resources.files("kerasmatrix.report").joinpath("templates", name).read_text("utf-8")


def _source(text: str) -> str:
    """Return the policy's name for an inline text: its hash."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
