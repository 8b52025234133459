// The matrices: a block for each scenario and format, drawn when it comes near.

// 1 for each cell that passes the filters.
const fits = new Uint8Array(count).fill(1);
let narrowed = false;

const eras = new Set(data.eras);

// On a small screen the newest versions come first, in sight without scrolling.
const NARROW = window.matchMedia("(max-width: 40rem)").matches;
const columns = names.map((_, place) => (NARROW ? names.length - 1 - place : place));

function headRow(corner, linked) {
  const row = element("tr");
  const first = element("th", corner, "corner");
  first.scope = "col";
  row.append(first);
  columns.forEach((number) => {
    const { name, notes } = environments[number];
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
  if (names.length > 1 && !NARROW) head.append(halfRow("older file, newer code ◥", "upper"));
  head.append(headRow("saved with ↓ loaded with →", linked));
  const body = element("tbody");
  made.append(head, body);
  if (names.length > 1 && !NARROW) {
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

// ---- blocks ----

function drawBlock(block) {
  const words = document.body.classList.contains("words");
  const [made, body] = frame(words ? "" : "dense", false);
  let stop = 0;
  names.forEach((_, saved) => {
    const row = bodyRow(saved);
    columns.forEach((loaded) => {
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
  if (!block.drawn && block.place && !data.files) drawBlock(block);
}

// Blocks are drawn when they come near, so that a page of thousands opens at once.
const near = new IntersectionObserver((entries) => {
  entries.forEach((entry) => {
    const block = blocks[Number(entry.target.dataset.block)];
    if (entry.isIntersecting && !block.drawn) drawBlock(block);
  });
}, { rootMargin: "1200px" });

function placeBlocks() {
  if (data.files) { placeFiles(); return; }
  document.querySelectorAll("[data-block] .scroll").forEach((place) => {
    const holder = place.closest("[data-block]");
    const block = blocks[Number(holder.dataset.block)];
    Object.assign(block, { place, holder });
    // About the room it will take, so that the page does not jump when it is drawn.
    place.style.minHeight = `${names.length * 1.5 + 8}rem`;
    place.style.minWidth = `min(100%, ${names.length * 1.4 + 6}rem)`;
    place.dataset.block = holder.dataset.block;
    near.observe(place);
  });
}

function drawAgain() {
  blocks.forEach((block) => {
    if (block.drawn && !data.files) drawBlock(block);
  });
}

function drawAll() {
  if (data.files) { drawAllFiles(); return; }
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
