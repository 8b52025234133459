"use strict";
// Details of a cell, filters and the crosshair. Everything that came out of an experiment is set
// as text, never as markup.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const panel = document.getElementById("panel");
  const details = document.getElementById("details");
  const filters = document.getElementById("filters");
  const count = document.getElementById("count");
  const FIELDS = ["scenario", "format", "saved_with", "loaded_with", "status", "summary", "cause", "error",
    "lost", "max_abs_diff", "weights_equal", "artifact", "save", "load"];

  function cell(index) {
    const found = {};
    FIELDS.forEach((name, place) => { found[name] = data.cells[index][place]; });
    found.summary = data.texts[found.summary];
    found.error = found.error === null ? null : data.errors[found.error];
    found.save = found.save === null ? null : data.sides[found.save];
    found.load = found.load === null ? null : data.sides[found.load];
    return found;
  }

  function keyOf(index) {
    return data.cells[index].slice(0, 4).join("/");
  }

  function element(tag, text, className) {
    const made = document.createElement(tag);
    if (text !== undefined && text !== null) made.textContent = visible(String(text));
    if (className) made.className = className;
    return made;
  }

  // Control characters that a terminal would act on are shown as what they are.
  function visible(text) {
    return text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g,
      (character) => "\\x" + character.charCodeAt(0).toString(16).padStart(2, "0"));
  }

  function table(rows, head) {
    const made = element("table");
    if (head) {
      const row = element("tr");
      head.forEach((name) => row.append(element("th", name)));
      made.append(row);
    }
    rows.forEach(([name, ...values]) => {
      const row = element("tr");
      row.append(element("th", name));
      values.forEach((value) => row.append(element("td", value)));
      if (values.length === 2 && values[0] !== values[1]) row.className = "differs";
      made.append(row);
    });
    return made;
  }

  function folded(title, text) {
    const made = element("details");
    made.append(element("summary", title), element("pre", text));
    return made;
  }

  function causeOf(slug) {
    const cause = data.causes[slug];
    if (!cause) return [element("p", "Cause: unclassified. The catalogue knows none that looks like this.")];
    const list = element("ul");
    cause.remedies.forEach((remedy) => {
      const item = element("li", remedy.do + (remedy.loses ? ` (gives up ${remedy.loses})` : ""));
      if (remedy.code) item.append(element("pre", remedy.code));
      list.append(item);
    });
    const heading = element("h3", "Cause: ");
    const link = element("a", slug);
    link.href = `#cause-${slug}`;
    heading.append(link);
    return [heading, element("p", `${cause.story}. ${cause.what}`),
      element("p", "Known to help, not tried in this cell:"), list];
  }

  function packagesOf(saved, loaded) {
    const ours = data.environments[saved].packages;
    const theirs = data.environments[loaded].packages;
    const names = [...new Set([...Object.keys(ours), ...Object.keys(theirs)])].sort();
    const rows = names.map((name) => [name, ours[name] || "none", theirs[name] || "none"]);
    const differing = rows.filter((row) => row[1] !== row[2]);
    const same = rows.filter((row) => row[1] === row[2]);
    return [["Python", data.environments[saved].python, data.environments[loaded].python],
      ...differing, ...same];
  }

  function sideRows(side) {
    const rows = [["took", `${side.seconds} s`]];
    Object.entries(side.timings).forEach(([stage, seconds]) => rows.push([`… ${stage}`, `${seconds} s`]));
    if (side.peak_memory_mb) rows.push(["peak memory", `${Math.round(side.peak_memory_mb)} MB`]);
    rows.push(["measured", side.measured_at]);
    return rows;
  }

  function show(index) {
    const found = cell(index);
    const look = data.looks[found.status];
    document.getElementById("panel-title").textContent =
      visible(`${found.scenario} · ${found.format} · ${found.saved_with} → ${found.loaded_with}`);
    details.replaceChildren();
    const verdict = element("p");
    verdict.append(element("span", `${look.glyph} ${look.word}`, `chip ${found.status}`),
      ` ${visible(found.summary)}`);
    details.append(verdict);
    if (found.cause) details.append(...causeOf(found.cause));
    if (found.error) {
      details.append(element("h3", found.status === "save-failed" ? "The save raised" : "The load raised"));
      found.error.chain.forEach(([type, message], depth) => {
        details.append(element("p", depth === 0 ? type : `because of ${type}`),
          element("pre", data.texts[message]));
      });
      if (!found.error.chain.length) {
        details.append(element("p", found.error.type), element("pre", data.texts[found.error.message]));
      }
      if (data.texts[found.error.traceback]) {
        details.append(folded("Traceback", data.texts[found.error.traceback]));
      }
    }
    const numbers = [];
    if (found.max_abs_diff !== null) numbers.push(["largest difference of an output", found.max_abs_diff.toExponential(3)]);
    if (found.weights_equal !== null) numbers.push(["same weights, digest for digest", found.weights_equal ? "yes" : "no"]);
    found.lost.forEach((what) => numbers.push(["lost", what]));
    if (numbers.length) details.append(element("h3", "Numbers"), table(numbers));
    [["load", "The load"], ["save", "The save"]].forEach(([name, title]) => {
      const side = found[name];
      if (!side) return;
      details.append(element("h3", title));
      if (side.stage) details.append(element("p", `It came as far as: ${side.stage}.`));
      details.append(table(sideRows(side)));
      const log = data.texts[side.log];
      if (log) details.append(folded("What it printed last", log));
    });
    details.append(element("h3", "Measure it yourself"));
    const environments = [...new Set([found.saved_with, found.loaded_with])].join(",");
    details.append(element("pre",
      `nox -s matrix -- --scenarios ${found.scenario} --formats ${found.format} --environments ${environments} --engine ${data.engine} --fresh`));
    if (found.artifact) {
      details.append(element("p", "The saved file, and a plain load of it in that environment:"),
        element("pre", `.kerasmatrix/artifacts/${found.artifact}\npython scenarios/${found.scenario}/load.py FILE`));
    }
    details.append(element("h3", "Packages, differences first"),
      table(packagesOf(found.saved_with, found.loaded_with), ["", found.saved_with, found.loaded_with]));
    panel.hidden = false;
    panel.scrollTop = 0;
  }

  function hash() {
    return new URLSearchParams(location.hash.slice(1));
  }

  function setHash(changes) {
    const parameters = hash().size && location.hash.includes("=") ? hash() : new URLSearchParams();
    Object.entries(changes).forEach(([name, value]) => {
      if (value) parameters.set(name, value); else parameters.delete(name);
    });
    history.replaceState(null, "", `#${parameters.toString()}`);
  }

  let opener = null;
  function open(index, from) {
    opener = from || null;
    show(index);
    setHash({ cell: keyOf(index) });
    panel.focus();
  }

  function close() {
    if (panel.hidden) return;
    panel.hidden = true;
    setHash({ cell: "" });
    if (opener) opener.focus();
  }

  // Cells are found by delegation: there can be a hundred thousand.
  document.querySelector("main").addEventListener("click", (event) => {
    const button = event.target.closest("button[data-cell]");
    if (button) open(Number(button.dataset.cell), button);
  });
  document.getElementById("close").addEventListener("click", close);

  const MOVES = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { close(); return; }
    const here = event.target.closest ? event.target.closest(".matrix td") : null;
    if (!here || !MOVES[event.key]) return;
    const [down, right] = MOVES[event.key];
    const row = here.closest("tbody").rows[here.parentElement.sectionRowIndex + down];
    const next = row && row.cells[here.cellIndex + right];
    const button = next && next.querySelector("button");
    if (button) { button.focus(); event.preventDefault(); }
  });

  let crossed = [];
  function cross(event) {
    crossed.forEach((each) => each.classList.remove("crossed"));
    crossed = [];
    const here = event.target.closest ? event.target.closest(".matrix td") : null;
    if (!here) return;
    crossed = [...here.parentElement.cells];
    for (const row of here.closest("table").rows) crossed.push(row.cells[here.cellIndex]);
    crossed.forEach((each) => each.classList.add("crossed"));
  }
  document.querySelector("main").addEventListener("mouseover", cross);
  document.querySelector("main").addEventListener("focusin", cross);

  const buttons = [];
  document.querySelectorAll("button[data-cell]").forEach((button) => {
    buttons[Number(button.dataset.cell)] = button;
  });

  function matches(index, wanted) {
    const [scenario, format, , , status, summary, cause, error] = data.cells[index];
    if (wanted.scenario && scenario !== wanted.scenario) return false;
    if (wanted.format && format !== wanted.format) return false;
    if (wanted.status && status !== wanted.status) return false;
    const sought = wanted.text.toLowerCase();
    if (wanted.cause && cause !== wanted.cause) return false;
    if (!wanted.text) return true;
    if (keyOf(index).toLowerCase().includes(sought)) return true;
    if (data.texts[summary].toLowerCase().includes(sought)) return true;
    return error !== null && data.errors[error].chain.some(([type, message]) =>
      `${type}: ${data.texts[message]}`.toLowerCase().includes(sought));
  }

  function filter() {
    const wanted = Object.fromEntries(new FormData(filters));
    const narrowed = Boolean(wanted.status || wanted.cause || wanted.text);
    const blocks = new Set();
    let shown = 0;
    data.cells.forEach((found, index) => {
      const fits = matches(index, wanted);
      if (fits) { shown += 1; blocks.add(`${found[0]}/${found[1]}`); }
      if (buttons[index]) buttons[index].parentElement.classList.toggle("dim", narrowed && !fits);
    });
    document.querySelectorAll(".block").forEach((block) => {
      block.hidden = !blocks.has(`${block.dataset.scenario}/${block.dataset.format}`);
    });
    document.querySelectorAll(".scenario").forEach((section) => {
      section.hidden = !section.querySelector(".block:not([hidden])");
    });
    count.textContent = `${shown} of ${data.cells.length} cells`;
  }
  filters.addEventListener("input", () => {
    filter();
    setHash(Object.fromEntries(new FormData(filters)));
  });
  filters.addEventListener("submit", (event) => event.preventDefault());

  function restore() {
    const parameters = hash();
    ["scenario", "format", "status", "cause", "text"].forEach((name) => {
      filters.elements[name].value = parameters.get(name) || "";
    });
    filter();
    const wanted = parameters.get("cell");
    const index = wanted ? data.cells.findIndex((_, place) => keyOf(place) === wanted) : -1;
    if (index >= 0) { opener = buttons[index] || null; show(index); } else { panel.hidden = true; }
  }
  window.addEventListener("hashchange", restore);
  restore();
})();
