// The first table: files by version, or all scenarios by pair of versions. Its numbers are in the
// page from the start; here are the bars, and the counts of cells that pass the filters.
const overview = byId("overview-matrix");

function newestFirst(made, fixed) {
  [...made.rows].forEach((row) => {
    if (row.classList.contains("half")) row.remove();
    else row.append(...[...row.cells].slice(fixed).reverse());
  });
}

// ---- files: a row for each ----

function placeFile(block, row) {
  Object.assign(block, { place: row, holder: row, drawn: row });
}

function placeFiles() {
  overview.querySelectorAll("tr[data-block]").forEach((row) =>
    placeFile(blocks[Number(row.dataset.block)], row));
}

// The rows that the page does not have from the start.
function drawAllFiles() {
  const body = overview.querySelector("tbody");
  const head = [...overview.querySelectorAll("thead th")].slice(1).map((cell) => cell.textContent);
  blocks.forEach((block, number) => {
    if (block.place) return;
    const row = element("tr");
    row.id = `scenario-${scenarios[block.scenario]}`;
    row.dataset.block = number;
    const title = element("th", scenarios[block.scenario]);
    title.scope = "row";
    row.append(title);
    const saved = savedOf[block.start];
    head.forEach((name) => {
      const loaded = name === "compared with" ? saved : names.indexOf(name);
      const cell = block.grid[saved * names.length + loaded];
      row.append(cell === NONE ? element("td", null, "absent") : square(cell, saved, loaded, true, false));
    });
    body.append(row);
    placeFile(block, row);
  });
  const button = byId("all-files");
  if (button) button.hidden = true;
}

// ---- a matrix: a bar and numbers for each pair ----

const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
const spoken = (counts) => sum(counts.filter((_, place) => !SAYS_NOTHING.has(statuses[place].id)));
const pairOf = (cell) => savedOf[cell] * names.length + loadedOf[cell];

function countPairs(matching) {
  const counts = Array.from({ length: names.length ** 2 }, () => new Array(statuses.length).fill(0));
  for (let cell = 0; cell < count; cell += 1) {
    if (!matching || fits[cell]) counts[pairOf(cell)][data.status.charCodeAt(cell) - 48] += 1;
  }
  return counts;
}

const pairs = [...overview.querySelectorAll("button[data-pair]")].map((button) =>
  ({ button, place: Number(button.dataset.pair), label: button.querySelector("small"), bar: null, shown: "" }));
let allPairs = null;

// The words below a bar: of a filtered table, how many of all cells match.
function labelPair(pair, counts, all, helped) {
  const measured = spoken(all);
  if (isNarrowed()) {
    pair.label.textContent = `${sum(counts)}/${sum(all)}`;
  } else {
    pair.label.textContent = measured ? `${all[0]}/${measured}` : "none";
    if (helped) pair.label.append(" ", element("b", `${data.mark}${helped}`, "mark"));
  }
}

function tellPair(pair, counts, all, helped) {
  const content = `${isNarrowed()} ${counts.join()} ${helped}`;
  if (content === pair.shown) return;
  pair.shown = content;
  const [saved, loaded] = [names[Math.floor(pair.place / names.length)], names[pair.place % names.length]];
  if (!pair.bar) {
    pair.bar = element("span", null, "status-bar");
    pair.button.prepend(pair.bar);
  }
  fill(pair.bar, counts, sum(all));
  pair.button.title = visible(`saved with ${saved}, loaded with ${loaded}: ${tell(counts) || "none"}` +
    `${helped ? `, ${helped} with a verified fix` : ""}`);
  labelPair(pair, counts, all, helped);
  pair.button.setAttribute("aria-label", `${pair.label.textContent}, ${pair.button.title}`);
}

function drawOverview() {
  if (data.files) return;
  allPairs ??= countPairs(false);
  const counts = isNarrowed() ? countPairs(true) : allPairs;
  const helped = new Uint32Array(counts.length);
  for (let cell = 0; cell < count; cell += 1) {
    if (fits[cell] && data.help[cell] !== NONE) helped[pairOf(cell)] += 1;
  }
  pairs.forEach((pair) => tellPair(pair, counts[pair.place], allPairs[pair.place], helped[pair.place]));
}

if (NARROW) {
  const head = [...overview.querySelectorAll("thead th")].map((cell) => cell.textContent);
  newestFirst(overview.querySelector("table"), head.includes("compared with") ? 2 : 1);
}
