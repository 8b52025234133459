// Events. Those of cells are delegated, since there can be very many cells.
const main = document.body;

main.addEventListener("click", (event) => {
  const find = (selector) => event.target.closest(selector);
  const [button, pair, copied, link] = ["button[data-cell]", "button[data-pair]", "button.copy",
    'a[href^="#cell="]'].map(find);
  if (button) open(Number(button.dataset.cell), button);
  else if (pair) choosePair(Number(pair.dataset.pair));
  else if (copied) copy(copied);
  else if (link) keepChoices(event, link);
  else if (find("#empty button, #clear")) clearFilters();
});

// A cell of the overview chooses its step.
function choosePair(place) {
  const [from, to] = [names[Math.floor(place / names.length)], names[place % names.length]];
  location.hash = addressOf({ from, to, cell: "" });
}

// The links that the page has from the start know nothing of filters.
function keepChoices(event, link) {
  event.preventDefault();
  link.focus({ preventScroll: true });
  location.hash = addressOf({ cell: new URLSearchParams(link.hash.slice(1)).get("cell") });
}
main.addEventListener("mouseover", cross);
main.addEventListener("focusin", (event) => {
  cross(event);
  if (event.target.matches("button[data-cell], button[data-pair]")) stopAt(event.target);
});
byId("close").addEventListener("click", close);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") { close(); return; }
  const here = event.target.closest ? event.target.closest(".matrix tbody td") : null;
  if (!here || !MOVES[event.key] || event.altKey || event.ctrlKey || event.metaKey) return;
  const button = neighbour(here, event.key);
  if (button) { button.focus(); event.preventDefault(); }
});
filters.addEventListener("input", (event) => {
  if (event.target.name === "words") {
    document.body.classList.toggle("words", event.target.checked);
    drawAgain();
  } else {
    filter();
  }
  const chosen = Object.fromEntries(new FormData(filters));
  remember({ words: "", ...chosen });
});
step.addEventListener("input", () => {
  remember(Object.fromEntries(new FormData(step)));
  answer();
});
document.querySelectorAll("#causes details").forEach((cause) => {
  cause.addEventListener("toggle", () => {
    if (cause.open) drawSpread(cause.querySelector(".spread-of"));
  });
});
// The bar of filters must not cover the target of a link.
new ResizeObserver(() => {
  const covered = getComputedStyle(filters).position === "sticky" ? filters.offsetHeight + 8 : 8;
  document.documentElement.style.setProperty("--covered", `${covered}px`);
}).observe(filters);
[filters, step].forEach((form) => form.addEventListener("submit", (event) => event.preventDefault()));
// Paper has no scrolling and nothing to unfold, so that everything is drawn and unfolded.
let unfolded = [];
window.addEventListener("beforeprint", () => {
  drawAll();
  drawAllPictures();
  unfolded = [...document.querySelectorAll("main details:not([open]):not(#narrow)")];
  unfolded.forEach((each) => { each.open = true; });
});
window.addEventListener("afterprint", () => unfolded.forEach((each) => { each.open = false; }));

function choose(select, value, otherwise) {
  select.value = value || "";
  if (select.selectedIndex < 0) select.value = otherwise;
}

async function restore() {
  const parameters = asked();
  CHOICES.forEach((name) => {
    if (filters.elements[name]) choose(filters.elements[name], parameters.get(name), "");
  });
  filters.elements.text.value = parameters.get("text") || "";
  filters.elements.words.checked = parameters.has("words");
  document.body.classList.toggle("words", parameters.has("words"));
  choose(step.elements.from, parameters.get("from"), DEFAULT_STEP.from);
  choose(step.elements.to, parameters.get("to"), DEFAULT_STEP.to);
  answer();
  await filter();
  const wanted = parameters.get("cell");
  const cell = wanted ? cellWithKey(wanted) : undefined;
  tellMissing(parameters, cell);
  if (cell !== undefined) {
    drawFor(cell);
    const link = document.activeElement.closest("a, button.copy") ? document.activeElement : null;
    opener = link || buttonOf(cell);
    await show(cell, link);
    panel.focus({ preventScroll: true });
  } else if (!panel.hidden) {
    unveil(false, null);
    if (opener) opener.focus({ preventScroll: true });
  }
}

// A link to what this report does not have says so.
function tellMissing(parameters, cell) {
  const missing = ["from", "to"].map((name) => parameters.get(name))
    .filter((name) => name && !names.includes(name)).map((name) => `no version ${name}`);
  if (parameters.get("cell") && cell === undefined) missing.push(`no cell ${parameters.get("cell")}`);
  sayMissing(missing);
}

function sayMissing(missing) {
  const notice = byId("missing");
  notice.hidden = !missing.length;
  if (!missing.length) return;
  notice.textContent = visible(`The link leads nowhere: this report has ${missing.join(" and ")}.`);
  notice.focus();
}

// A section, a scenario or a cause of the page: unfolded, and focused for the keyboard.
function goTo(id) {
  const target = byId(id);
  if (!target) {
    if (data.files && id.startsWith("scenario-")) { drawAllFiles(); if (byId(id)) { goTo(id); return; } }
    sayMissing([`no part ${id}`]);
    return;
  }
  sayMissing([]);
  for (let fold = target.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
  const focused = target.querySelector("summary") && target.tagName === "DETAILS" ? target.querySelector("summary") : target;
  if (focused === target && !target.hasAttribute("tabindex")) target.tabIndex = -1;
  focused.focus({ preventScroll: true });
  target.scrollIntoView({ block: "start" });
}

async function follow() {
  const anchor = decodeURIComponent(location.hash.slice(1));
  // A plain anchor within the page says nothing about filters.
  if (anchor && !location.hash.includes("=")) { goTo(anchor); return; }
  const before = answered;
  await restore();
  if (before !== answered && !asked().get("cell")) byId("verdict").scrollIntoView({ block: "start" });
}

filters.hidden = false;
step.hidden = names.length < 2;
document.querySelectorAll("button.copy, #all-files").forEach((each) => { each.hidden = false; });
document.querySelectorAll(".drawn").forEach((each) => { each.hidden = false; });
window.addEventListener("hashchange", follow);
placeBlocks();
pictures.forEach((_, place) => sight.observe(place));
if (!isWhole) answer(LISTED, true);
// Filters of a few files would be in the way.
const narrow = byId("narrow");
if (narrow) narrow.open = data.paths.length > 20 || [...CHOICES, "text"].some((name) => asked().has(name));
restore().then(() => {
  if (location.hash && !location.hash.includes("=")) follow();
});
if (byId("all-files")) byId("all-files").addEventListener("click", drawAllFiles);
