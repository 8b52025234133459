// Events. Those of cells are delegated, since there can be very many cells.
const main = document.querySelector("main");

main.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-cell]");
  if (button) open(Number(button.dataset.cell), button);
});
main.addEventListener("mouseover", cross);
main.addEventListener("focusin", (event) => {
  cross(event);
  if (event.target.matches("button[data-cell]")) stopAt(event.target);
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
  unfolded = [...document.querySelectorAll("main details:not([open])")];
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
  const [current, candidate] = data.upgrade;
  choose(step.elements.from, parameters.get("from"), current || names[Math.max(0, names.length - 2)]);
  choose(step.elements.to, parameters.get("to"), candidate || names.at(-1));
  answer();
  await filter();
  const wanted = parameters.get("cell");
  const cell = wanted ? cellWithKey(wanted) : undefined;
  if (cell !== undefined) {
    drawFor(cell);
    const link = document.activeElement.closest("main a");
    opener = link || buttonOf(cell);
    await show(cell, link);
    panel.focus({ preventScroll: true });
  } else if (!panel.hidden) {
    unveil(false, null);
    if (opener) opener.focus({ preventScroll: true });
  }
}

filters.hidden = false;
byId("upgrade").hidden = names.length < 2;
document.querySelectorAll(".drawn").forEach((each) => { each.hidden = false; });
window.addEventListener("hashchange", () => {
  // A plain anchor within the page says nothing about filters.
  if (!location.hash || location.hash.includes("=")) { restore(); return; }
  const target = byId(decodeURIComponent(location.hash.slice(1)));
  if (target && target.tagName === "DETAILS") target.open = true;
});
placeBlocks();
pictures.forEach((_, place) => sight.observe(place));
restore();
