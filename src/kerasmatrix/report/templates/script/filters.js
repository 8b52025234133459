// Filters dim the cells that do not match, hide blocks without matches, and count.
const filters = byId("filters");
const CHOICES = ["scenario", "format", "environment", "status", "cause", "remedy", "changed", "expected", "flaky"];

let latest = 0;
async function filter() {
  const wanted = Object.fromEntries(new FormData(filters));
  latest += 1;
  const asked_ = latest;
  const sought = (wanted.text || "").trim().toLowerCase();
  const hits = sought ? await cellsWith(sought) : null;
  if (asked_ !== latest) return; // another filter was chosen in the meantime
  const scenario = scenarios.indexOf(wanted.scenario);
  const format = formats.indexOf(wanted.format);
  const environment = names.indexOf(wanted.environment);
  const status = statuses.findIndex(({ id }) => id === wanted.status);
  const cause = data.slugs.indexOf(wanted.cause);
  let number = 0;
  const alive = new Uint8Array(blocks.length);
  for (let cell = 0; cell < count; cell += 1) {
    const here = (scenario < 0 || scenarioOf[cell] === scenario) &&
      (format < 0 || formatOf[cell] === format) &&
      (environment < 0 || savedOf[cell] === environment || loadedOf[cell] === environment) &&
      (status < 0 || data.status.charCodeAt(cell) - 48 === status) &&
      (!wanted.cause || data.cause[cell] === cause) &&
      (!wanted.remedy || (wanted.remedy === "yes") === (data.help[cell] !== NONE)) &&
      (wanted.remedy !== "no" || FIXABLE.has(statusOf(cell))) &&
      (!wanted.changed || (data.changes[cell] !== undefined &&
        (wanted.changed === "yes" || data.changes[cell] === wanted.changed))) &&
      (!wanted.flaky || flaky.has(cell)) &&
      (!wanted.expected || (data.expected[cell] !== undefined && data.expected[cell].verdict === wanted.expected)) &&
      (!hits || hits[cell] === 1);
    fits[cell] = here ? 1 : 0;
    if (here) { number += 1; alive[blockOf[cell]] = 1; }
  }
  const chosen = Object.entries(wanted).filter(([name, value]) => name !== "words" && value.trim());
  narrowed = Boolean(environment >= 0 || wanted.status || wanted.cause || wanted.remedy ||
    wanted.changed || wanted.expected || wanted.flaky || sought);
  showFiltered(alive);
  byId("count").textContent = `${number} of ${count} cells`;
  tellFilters(chosen.map(([, value]) => value), number);
}

// What is filtered, and the way back, also where nothing is left.
function tellFilters(values, number) {
  byId("clear").hidden = !values.length;
  byId("empty").hidden = number > 0 || !values.length;
  const notice = byId("filtered");
  if (!notice) return;
  notice.hidden = !values.length;
  notice.textContent = visible(`Filtered: ${values.join(", ")}. Matching / all cells:`);
}

function clearFilters() {
  filters.reset();
  [...filters.elements].forEach((each) => { if (each.type !== "checkbox" && "value" in each) each.value = ""; });
  remember(Object.fromEntries([...CHOICES, "text"].map((name) => [name, ""])));
  filter();
  filters.querySelector("select").focus({ preventScroll: true });
}

function isNarrowed() {
  const wanted = Object.fromEntries(new FormData(filters));
  return Object.entries(wanted).some(([name, value]) => name !== "words" && value.trim());
}

function showFiltered(alive) {
  blocks.forEach((block, place) => {
    if (!block.place) return;
    block.holder.hidden = !alive[place];
    if (!block.drawn || !alive[place]) return;
    block.drawn.querySelectorAll("button[data-cell]").forEach((button) => {
      button.parentElement.classList.toggle("dim", narrowed && !fits[Number(button.dataset.cell)]);
    });
  });
  document.querySelectorAll(".scenario").forEach((section) => {
    const seen = [...section.querySelectorAll(".block")].filter((block) => !block.hidden);
    section.hidden = !seen.length;
    seen.forEach((block, place) => block.classList.toggle("later", place > 0));
  });
  drawPictures();
}
