// The matrices: the overview, and a block for each scenario and format, drawn when it comes near.

// 1 for each cell that passes the filters.
const fits = new Uint8Array(count).fill(1);
let narrowed = false;

const eras = new Set(data.eras);

function headRow(corner, linked) {
  const row = element("tr");
  const first = element("th", corner, "corner");
  first.scope = "col";
  row.append(first);
  environments.forEach(({ name, notes }, number) => {
    const cell = element("th", null, eras.has(number) ? "era" : "");
    cell.scope = "col";
    const link = linked && notes ? element("a", name) : element("span", name);
    if (linked && notes) { link.href = notes; link.rel = "noreferrer"; link.title = `Release notes of ${name}`; }
    cell.append(link);
    row.append(cell);
  });
  return row;
}

function halfRow(label, place) {
  const row = element("tr", null, `half ${place}`);
  const cell = element("td");
  cell.colSpan = names.length;
  cell.append(element("span", label));
  row.append(element("td"), cell);
  return row;
}

function frame(className, linked) {
  const made = element("table", null, `matrix ${className}`);
  const head = element("thead");
  if (names.length > 1 && !data.files) head.append(halfRow("older file, newer code ◥", "upper"));
  head.append(headRow("saved with ↓ loaded with →", linked));
  const body = element("tbody");
  made.append(head, body);
  if (names.length > 1 && !data.files) {
    const foot = element("tfoot");
    foot.append(halfRow("◣ newer file, older code", "lower"));
    made.append(foot);
  }
  return [made, body];
}

function bodyRow(saved) {
  const row = element("tr", null, eras.has(saved) ? "era" : "");
  const head = element("th", names[saved]);
  head.scope = "row";
  row.append(head);
  return row;
}

function placed(saved, loaded, ...classes) {
  const cell = element("td", null, classes.filter(Boolean).join(" "));
  if (saved === loaded) cell.classList.add("diagonal");
  if (eras.has(loaded)) cell.classList.add("era");
  return cell;
}

// ---- the overview: a bar for each pair, of the cells that pass the filters ----

function countBy(keyOfCell, size) {
  const counts = Array.from({ length: size }, () => new Array(statuses.length).fill(0));
  for (let cell = 0; cell < count; cell += 1) {
    if (fits[cell]) counts[keyOfCell(cell)][data.status.charCodeAt(cell) - 48] += 1;
  }
  return counts;
}

const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
const spoken = (counts) => sum(counts.filter((_, place) => !SAYS_NOTHING.has(statuses[place].id)));

// Where rows are files there is one cell for each version, and nothing to sum up.
function drawFiles() {
  const made = element("table", null, "matrix files");
  const head = element("thead");
  head.append(headRow("file ↓ loaded with →", true));
  const body = element("tbody");
  blocks.forEach((block) => {
    const row = element("tr");
    const title = element("th");
    title.scope = "row";
    const link = element("a", visible(scenarios[block.scenario]));
    link.href = `#scenario-${scenarios[block.scenario]}`;
    title.append(link);
    row.append(title);
    const saved = savedOf[block.start];
    names.forEach((_, loaded) => {
      const cell = block.grid[saved * names.length + loaded];
      row.append(cell === NONE ? placed(saved, loaded, "absent") : square(cell, saved, loaded, true, loaded === 0));
    });
    body.append(row);
  });
  made.append(head, body);
  byId("overview-matrix").replaceChildren(made);
}

// Above this many environments a bar is all there is room for.
const CROWDED = 30;
// The bar and the words below it of each pair; the table is made once, and they are changed.
const pairs = [];

function makeOverview() {
  const size = names.length > CROWDED ? "dense crowded" : names.length > 12 ? "dense" : "";
  const [made, body] = frame(size, true);
  names.forEach((_, saved) => {
    const row = bodyRow(saved);
    names.forEach((_unused, loaded) => {
      const cell = placed(saved, loaded, "sum");
      pairs.push({ cell, bar: null, label: null, shown: "" });
      row.append(cell);
    });
    body.append(row);
  });
  byId("overview-matrix").replaceChildren(made);
}

function tellPair(pair, counts, helped, label) {
  const content = `${counts.join()} ${helped}`;
  if (content === pair.shown) return;
  pair.shown = content;
  if (!sum(counts)) {
    pair.cell.replaceChildren();
    pair.bar = null;
    return;
  }
  if (!pair.bar) {
    pair.bar = bar(counts, label);
    pair.label = element("small");
    pair.cell.replaceChildren(pair.bar, pair.label);
  } else {
    paint(pair.bar, counts, label);
  }
  const measured = spoken(counts);
  pair.label.textContent = measured ? `${counts[0]}/${measured}` : "none";
  if (helped) {
    const mark = element("span", `${data.mark}${helped}`, "mark");
    mark.title = `${helped} more with a verified fix`;
    pair.label.append(" ", mark);
  }
}

function drawOverview() {
  if (data.files) { drawFiles(); return; }
  if (!pairs.length) makeOverview();
  const pairOf = (cell) => savedOf[cell] * names.length + loadedOf[cell];
  const counts = countBy(pairOf, names.length ** 2);
  const helped = new Uint32Array(counts.length);
  for (let cell = 0; cell < count; cell += 1) {
    if (fits[cell] && data.help[cell] !== NONE) helped[pairOf(cell)] += 1;
  }
  pairs.forEach((pair, place) => {
    const [saved, loaded] = [names[Math.floor(place / names.length)], names[place % names.length]];
    tellPair(pair, counts[place], helped[place],
      `saved with ${saved}, loaded with ${loaded}: ${tell(counts[place])}`);
  });
}

// ---- blocks ----

function drawBlock(block) {
  const words = document.body.classList.contains("words");
  const [made, body] = frame(words ? "" : "dense", false);
  let stop = 0;
  names.forEach((_, saved) => {
    if (data.files && saved !== savedOf[block.start]) return;
    const row = bodyRow(saved);
    names.forEach((_unused, loaded) => {
      const cell = block.grid[saved * names.length + loaded];
      if (cell === NONE) { row.append(placed(saved, loaded, "absent")); return; }
      row.append(square(cell, saved, loaded, words, stop === 0));
      stop = 1;
    });
    body.append(row);
  });
  block.drawn = made;
  block.place.style.minHeight = block.place.style.minWidth = "";
  block.place.replaceChildren(made);
}

function square(cell, saved, loaded, words, stop) {
  const status = statusOf(cell);
  const look = lookOf.get(status);
  const helped = data.help[cell] !== NONE;
  const kept = keptOf(cell);
  const inferred = data.inferred[cell] === undefined ? "" : `, inferred from ${names[data.inferred[cell]]}`;
  const made = placed(saved, loaded, status, helped && "repaired", narrowed && !fits[cell] && "dim",
    data.inferred[cell] !== undefined && "inferred", kept && (data.expected[cell].verdict === "met" ? "expected" : "unexpected"));
  const button = element("button", look.glyph);
  button.type = "button";
  button.dataset.cell = cell;
  button.tabIndex = stop ? 0 : -1; // one stop of the tab key for each matrix
  button.append(element("span", ` ${look.word}`, words ? "" : "unseen"));
  if (helped) button.append(element("b", data.mark));
  const wavers = flaky.has(cell) ? ", flaky" : "";
  if (wavers) button.append(element("i", data.unsteady));
  const said = `${look.word}${wavers}${kept ? `, ${kept}` : ""}${helped ? ", a fix works" : ""}${inferred}: ${scenarios[scenarioOf[cell]]} as ` +
    `${formats[formatOf[cell]]}, saved with ${names[saved]}, loaded with ${names[loaded]}`;
  button.setAttribute("aria-label", visible(said));
  button.title = visible(`${names[saved]} → ${names[loaded]}: ${look.word}${wavers}${helped ? `, fixed by ${helpOf(cell)}` : ""}${kept ? `, ${kept}` : ""}${inferred}`);
  made.append(button);
  return made;
}

function buttonOf(cell) {
  const block = blocks[blockOf[cell]];
  return block.drawn ? block.drawn.querySelector(`button[data-cell="${cell}"]`) : null;
}

function drawFor(cell) {
  const block = blocks[blockOf[cell]];
  if (!block.drawn && block.place) drawBlock(block);
}

// Blocks are drawn when they come near, so that a page of thousands opens at once.
const near = new IntersectionObserver((entries) => {
  entries.forEach((entry) => {
    const block = blocks[Number(entry.target.dataset.block)];
    if (entry.isIntersecting && !block.drawn) drawBlock(block);
  });
}, { rootMargin: "1200px" });

function placeBlocks() {
  document.querySelectorAll("[data-block] .scroll").forEach((place) => {
    const block = blocks[Number(place.closest("[data-block]").dataset.block)];
    block.place = place;
    // About the room it will take, so that the page does not jump when it is drawn.
    place.style.minHeight = `${names.length * 1.5 + 8}rem`;
    place.style.minWidth = `min(100%, ${names.length * 1.4 + 6}rem)`;
    place.dataset.block = place.closest("[data-block]").dataset.block;
    near.observe(place);
  });
}

function drawAgain() {
  blocks.forEach((block) => {
    if (block.drawn) drawBlock(block);
  });
}

function drawAll() {
  blocks.forEach((block) => {
    if (!block.drawn && block.place && !block.place.closest("[hidden]")) drawBlock(block);
  });
}

// ---- the crosshair ----

let crossed = [];
function cross(event) {
  crossed.forEach((each) => each.classList.remove("crossed"));
  crossed = [];
  const here = event.target.closest ? event.target.closest(".matrix tbody td") : null;
  if (!here) return;
  crossed = [...here.parentElement.cells];
  for (const row of here.closest("table").rows) {
    const cell = row.classList.contains("half") ? null : row.cells[here.cellIndex];
    if (cell) crossed.push(cell);
  }
  crossed.forEach((each) => each.classList.add("crossed"));
}

// ---- the keyboard: one stop per matrix, arrows within it ----

const MOVES = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
function neighbour(here, key) {
  const [down, right] = MOVES[key];
  const { rows } = here.closest("tbody");
  let [row, column] = [here.parentElement.sectionRowIndex + down, here.cellIndex + right];
  while (rows[row] && rows[row].cells[column]) {
    const button = rows[row].cells[column].querySelector("button");
    if (button) return button;
    row += down;
    column += right;
  }
  return null;
}

function stopAt(button) {
  const before = button.closest("table").querySelector('button[tabindex="0"]');
  if (before) before.tabIndex = -1;
  button.tabIndex = 0;
}
