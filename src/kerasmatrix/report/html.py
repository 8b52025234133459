"""The page: one file that needs no network, under a policy that lets nothing else in.

The matrices are drawn by the script from `kerasmatrix.report.page_data`, everything else is
rendered here. Texts of experiments (names, messages, logs) are hostile until escaped.
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
from kerasmatrix.environments.platforms import PLATFORMS, missing_wheels
from kerasmatrix.report.answer import answer_of
from kerasmatrix.report.blocks import Block, blocks_of
from kerasmatrix.report.documentation import cause_page
from kerasmatrix.report.page_data import embed, pack, page_data
from kerasmatrix.report.page_tables import FileTable, pairs_of
from kerasmatrix.report.symbols import FLAKY, LOOKS, REPAIRED
from kerasmatrix.report.texts import shown
from kerasmatrix.results.cells import FIXABLE
from kerasmatrix.results.formats import FORMATS
from kerasmatrix.results.history import RunSummary
from kerasmatrix.results.release_notes import release_notes
from kerasmatrix.results.schema import ClaimResult, Results, ScenarioResult, count_statuses
from kerasmatrix.text.lines import brief_line

__all__ = ["hash_source", "page_style", "page_template", "render_html"]

# The parts of the page's script, in order: each may use those before it.
SCRIPTS = (
    "data", "elements", "address", "commands", "matrices", "overview", "panel", "upgrade",
    "pictures", "filters", "main",
)  # fmt: skip

# Number of changes of a kind that are listed; the filter shows all.
LISTED = 50
# The words for the verdicts on claims, most favourable first.
CLAIM_WORDS = {
    "holds": "confirmed",
    "holds in part": "partly confirmed",
    "contradicted": "refuted",
    "not measured": "not tested",
}


def render_html(
    results: Results,
    comparison: Comparison | None = None,
    past: Sequence[RunSummary] = (),
    *,
    runs_page: bool = False,
) -> str:
    """Return ``results`` as one HTML page.

    Args:
        results: the results to show.
        comparison: the changes since a baseline, if there is one.
        past: earlier runs, oldest first, for the history of each cell.
        runs_page: whether there is a page ``runs.html`` next to it.
    """
    # Inlined with their digests in the Content-Security-Policy: no other script or style runs.
    style, script = page_style(), _script()
    blocks = blocks_of(results)
    data = page_data(results, blocks, comparison.changes if comparison else (), past)
    names = [environment.name for environment in results.environments]
    files = FileTable(results, blocks) if results.of_files else None
    return page_template("index.html.j2").render(
        results=results,
        answer=answer_of(results),
        any_fixed=any(scenario.fixed for scenario in results.scenarios),
        cause_page=cause_page,
        runs_page=runs_page,
        claim_words=CLAIM_WORDS,
        names=names,
        asked=[environment.name for environment in results.environments if not environment.added],
        era_names={names[number] for number in data.columns["eras"]},
        first_cell=files.first if files else 0,
        elsewhere=files is not None and files.elsewhere,
        file_rows=files.rows if files else (),
        files_left=files.left if files else 0,
        pairs=() if files else pairs_of(results),
        notes={env.name: release_notes(env) for env in results.environments},
        added=[env.name for env in results.environments if env.added],
        troubles={
            environment.name: brief_line(environment.trouble)
            for environment in results.environments
            if environment.trouble
        },
        missing_wheels=_missing_wheels(results),
        looks=LOOKS,
        mark=REPAIRED,
        comparison=comparison,
        changed=_changed(comparison),
        listed=LISTED,
        verdicts=_count_verdicts(results.claims),
        statuses=count_statuses(results.asked_for),
        flaky=sum(cell.flaky for cell in results.cells),
        unsteady=FLAKY,
        broken=sum(cell.status in FIXABLE for cell in results.cells),
        repaired=sum(cell.repaired_by is not None for cell in results.cells),
        eras=data.columns["eras"],
        slugs=data.columns["slugs"],
        sections=list(_sections(results.scenarios, blocks)),
        titles={form: FORMATS[form].title if form in FORMATS else form for form in results.formats},
        policy=f"default-src 'none'; base-uri 'none'; form-action 'none'; "
        f"style-src {hash_source(style)}; script-src {hash_source(script)}",
        style=Markup(style),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own files
        data=Markup(embed(data.columns)),  # noqa: S704 - made safe by embed
        chunks=[pack(chunk) for chunk in data.chunks],
    )


def _missing_wheels(results: Results) -> list[str]:
    """Return the sentences about versions that cannot be installed on some platform."""
    releases = [env.tensorflow for env in results.environments if env.tensorflow]
    sentences = (missing_wheels(releases, platform) for platform in PLATFORMS)
    return [sentence for sentence in sentences if sentence]


def _count_verdicts(claims: Iterable[ClaimResult]) -> dict[str, int]:
    counts = Counter[str](claim.verdict for claim in claims)
    return {verdict: counts[verdict] for verdict in CLAIM_WORDS if counts[verdict]}


def page_style() -> str:
    """Return the style sheet of the pages."""
    return _asset("style.css")


@cache
def page_template(name: str) -> Template:
    """Return a page's template, compiled once: that takes longer than a small page."""
    templates = Templates(
        loader=PackageLoader("kerasmatrix.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    return templates.get_template(name)


def _changed(comparison: Comparison | None) -> dict[ChangeKind, tuple[Change, ...]]:
    """Return the changes by kind, the most important first."""
    changes_of = {kind: comparison.of(kind) if comparison else () for kind in ChangeKind}
    return {kind: changes for kind, changes in changes_of.items() if changes}


def _sections(
    scenarios: Iterable[ScenarioResult], blocks: Sequence[Block]
) -> Iterator[tuple[ScenarioResult, list[tuple[int, Block]]]]:
    """Yield each scenario that has cells, with its blocks and their numbers."""
    blocks_of_scenario: dict[str, list[tuple[int, Block]]] = defaultdict(list)
    for number, block in enumerate(blocks):
        blocks_of_scenario[block.scenario].append((number, block))
    for scenario in scenarios:
        if scenario.name in blocks_of_scenario:
            yield scenario, blocks_of_scenario[scenario.name]


def _finalize(value: object) -> object:
    """Escape invisible characters of texts. Markup is kerasmatrix's own."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return shown(value)


def _script() -> str:
    parts = "\n".join(_asset(f"script/{name}.js") for name in SCRIPTS)
    return f'"use strict";\n(() => {{\n{parts}}})();\n'


@cache
def _asset(name: str) -> str:
    """Return the text of a file next to the templates."""
    return resources.files("kerasmatrix.report").joinpath("templates", name).read_text("utf-8")


def hash_source(text: str) -> str:
    """Return the policy's name for an inline text: its hash."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
