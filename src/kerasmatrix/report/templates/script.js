"use strict";
// Details of a cell, the upgrade question, filters, crosshair and keyboard. Everything that came
// out of an experiment is set as text, never as markup.
(() => {
  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("data").textContent);
  const main = document.querySelector("main");
  const panel = byId("panel");
  const details = byId("details");
  const filters = byId("filters");
  const step = byId("step");

  // ---- the data: texts by place, several lines as a list of places ----

  const joined = new Map();
  function text(place) {
    const found = data.texts[place];
    if (typeof found === "string") return found;
    if (!joined.has(place)) joined.set(place, found.map((line) => data.lines[line]).join("\n"));
    return joined.get(place);
  }

  function errorOf(place) {
    if (place === null) return null;
    const [chain, traceback] = data.errors[place];
    return { chain: chain.map((link) => link.map(text)), traceback: text(traceback) };
  }

  function sideOf(place) {
    if (place === null) return null;
    const [ended, stage, seconds, memory, timings, log, measured] = data.sides[place];
    return { ended, stage, seconds, memory, timings, log: text(log), measured };
  }

  function cellAt(index) {
    const [scenario, format, saved, loaded, status, summary, cause, error, lost, difference, reference,
      weightsEqual, artifact, save, load, faults, attempts] = data.cells[index];
    return {
      scenario: text(scenario), format: text(format), saved: text(saved), loaded: text(loaded),
      status, summary: text(summary), cause, error: errorOf(error), lost: lost.map(text), difference,
      reference, weightsEqual, artifact: artifact === null ? null : text(artifact),
      save: sideOf(save), load: sideOf(load), faults,
      attempts: attempts.map((place) => data.attempts[place]),
    };
  }

  const keys = data.cells.map((cell) => cell.slice(0, 4).map(text).join("/"));
  const places = new Map(keys.map((key, index) => [key, index]));
  const environments = new Map(data.environments.map((each) => [each.name, each]));
  const buttons = [];
  document.querySelectorAll("button[data-cell]").forEach((button) => {
    buttons[Number(button.dataset.cell)] = button;
  });

  // ---- making elements ----

  // Characters that act on a terminal, or that reorder or hide text, are shown as what they are.
  // html.py does the same to what it shows.
  const ACTING = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;
  function visible(value) {
    return String(value).replace(ACTING,
      (character) => "\\u" + character.charCodeAt(0).toString(16).padStart(4, "0"));
  }

  function element(tag, content, className) {
    const made = document.createElement(tag);
    if (content !== undefined && content !== null) made.textContent = visible(content);
    if (className) made.className = className;
    return made;
  }

  function chip(status) {
    const look = data.looks[status];
    return element("span", `${look.glyph} ${look.word}`, `chip ${status}`);
  }

  function brief(content) {
    return content.length > 160 ? `${content.slice(0, 159)}…` : content;
  }

  function cellLink(index, content) {
    const made = element("a", content);
    made.href = `#${addressOf({ cell: keys[index] })}`;
    return made;
  }

  function table(rows, head) {
    const made = element("table");
    if (head) {
      const row = element("tr");
      head.forEach((name) => {
        const cell = element("th", name);
        cell.scope = "col";
        row.append(cell);
      });
      made.append(row);
    }
    rows.forEach(([name, ...values]) => {
      const row = element("tr");
      const first = element("th", name);
      first.scope = "row";
      row.append(first, ...values.map((value) => element("td", value)));
      if (values.length === 2 && values[0] !== values[1]) row.className = "differs";
      made.append(row);
    });
    return made;
  }

  function pre(content) {
    const made = element("pre", content);
    made.tabIndex = 0; // so that the keyboard can scroll it
    return made;
  }

  function folded(title, content) {
    const made = element("details");
    made.append(element("summary", title), pre(content));
    return made;
  }

  // ---- the panel ----

  function sentence(found) {
    return `As ${found.format}, from ${found.saved} to ${found.loaded}: ${data.looks[found.status].meaning}.`;
  }

  function errorParts(found) {
    const parts = [element("h3", found.status === "save-failed" ? "The save raised" : "The load raised")];
    found.error.chain.forEach(([type, message], depth) => {
      parts.push(element("p", depth === 0 ? type : `because of ${type}`, "type"), pre(message));
    });
    if (found.error.traceback) parts.push(folded("Traceback", found.error.traceback));
    return parts;
  }

  function causeOf(slug) {
    // An own property: a slug from a file could be the name of one that every object has.
    const cause = Object.hasOwn(data.causes, slug) ? data.causes[slug] : null;
    if (!cause) return [element("p", "Cause: unclassified. The catalogue knows none that looks like this.")];
    const list = element("ul");
    cause.advice.forEach((advice) => {
      const item = element("li", advice.do + (advice.loses ? ` (gives up ${advice.loses})` : ""));
      if (advice.code) item.append(pre(advice.code));
      list.append(item);
    });
    const heading = element("h3", "Cause: ");
    const link = element("a", slug);
    link.href = `#cause-${slug}`;
    heading.append(link);
    return [heading, element("p", `${cause.story}. ${cause.what}`),
      element("p", "Known to help:"), list];
  }

  function faultParts(faults) {
    const rows = faults.map((place) => {
      const [layer, className, keys, error] = data.faults[place];
      return [layer === null ? className : `${layer} (${className})`, keys.join(", "), brief(text(error))];
    });
    return [element("h3", "At fault, taken by itself"),
      table(rows, ["layer", "arguments", "what it raised"])];
  }

  // What one remedy is made of stands in data.remedies; several together are joined by " + ".
  function attemptParts([id, status, summary, lost, did, hops]) {
    const item = element("li", null, status);
    const head = element("p");
    head.append(element("strong", id), status === "verified" ? " was seen to work: " : ` ${status}: `,
      visible(brief(text(summary))));
    item.append(head);
    if (hops.length) item.append(element("p", `by way of ${hops.join(" → ")}`, "quiet"));
    if (did.length) item.append(element("p", `what was done: ${did.map(text).join("; ")}`, "quiet"));
    if (status !== "verified") return item;
    id.split(" + ").forEach((part) => {
      const remedy = Object.hasOwn(data.remedies, part) ? data.remedies[part] : null;
      if (!remedy) return;
      item.append(element("p", remedy.title + (remedy.gives_up ? `. Gives up ${remedy.gives_up}` : "")),
        pre(remedy.code.trim()));
    });
    return item;
  }

  function remedyParts(attempts) {
    const worked = attempts.filter((attempt) => attempt[1] === "verified");
    const others = attempts.filter((attempt) => attempt[1] !== "verified");
    const parts = [];
    if (worked.length) {
      const list = element("ul", null, "remedies");
      list.append(...worked.map(attemptParts));
      parts.push(element("h3", `${data.mark} What helps, seen in this cell`), list);
    }
    if (others.length) {
      const list = element("ul", null, "remedies");
      list.append(...others.map(attemptParts));
      parts.push(element("h3", "Tried in vain"), list);
    }
    return parts;
  }

  function number(value) {
    return typeof value === "number" && value !== 0 ? value.toExponential(3) : String(value);
  }

  function numberRows(found) {
    const rows = [];
    if (found.difference !== null) rows.push(["largest difference of an output", number(found.difference)]);
    if (found.reference !== null) rows.push(["largest output as saved", number(found.reference)]);
    if (found.weightsEqual !== null) rows.push(["same weights, digest for digest", found.weightsEqual ? "yes" : "no"]);
    found.lost.forEach((what) => rows.push(["lost", what]));
    return rows;
  }

  function sideParts(side, title) {
    const parts = [element("h3", title)];
    if (side.ended !== "returned") {
      parts.push(element("p", `It ${side.ended.replace("-", " ")}${side.stage ? ` at the stage “${side.stage}”` : ""}.`));
    }
    const rows = [["took", `${side.seconds} s`]];
    Object.entries(side.timings).forEach(([stage, seconds]) => rows.push([`of that, ${stage}`, `${seconds} s`]));
    if (side.memory !== null) rows.push(["peak memory", `${side.memory} MB`]);
    rows.push(["measured", side.measured]);
    parts.push(table(rows));
    if (side.log) parts.push(folded("What it printed last", side.log));
    return parts;
  }

  // A name may hold anything; the command is meant to be pasted into a shell.
  function quoted(word) {
    return /^[\w.,:=@%+/-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
  }

  function reproduction(found) {
    const pair = [...new Set([found.saved, found.loaded])].join(",");
    const options = ["--scenarios", found.scenario, "--formats", found.format,
      "--environments", pair, "--engine", data.engine, "--fresh"];
    const parts = [element("h3", "Measure it yourself"),
      pre(`nox -s matrix -- ${options.map(quoted).join(" ")}`)];
    if (found.artifact) {
      parts.push(element("p", "The saved file, and a plain load of it in that environment:"),
        pre(`.kerasmatrix/artifacts/${found.artifact}\npython scenarios/${quoted(found.scenario)}/load.py FILE`));
    }
    return parts;
  }

  function packageRows(saved, loaded) {
    const [ours, theirs] = [environments.get(saved), environments.get(loaded)];
    if (!ours || !theirs) return [];
    const names = [...new Set([...Object.keys(ours.packages), ...Object.keys(theirs.packages)])].sort();
    const variables = [...new Set([...Object.keys(ours.variables), ...Object.keys(theirs.variables)])].sort();
    const rows = [["Python", ours.python, theirs.python],
      ...variables.map((name) => [name, ours.variables[name] || "not set", theirs.variables[name] || "not set"]),
      ...names.map((name) => [name, ours.packages[name] || "none", theirs.packages[name] || "none"])];
    const differs = (row) => row[1] !== row[2];
    return [...rows.filter(differs), ...rows.filter((row) => !differs(row))];
  }

  function show(index) {
    const found = cellAt(index);
    byId("panel-title").textContent =
      visible(`${found.scenario} · ${found.format} · ${found.saved} → ${found.loaded}`);
    const verdict = element("p");
    verdict.append(chip(found.status), ` ${visible(found.summary)}`);
    const told = element("p", `${sentence(found)} `, "quiet");
    told.append(cellLink(index, "Link to this cell"));
    const parts = [verdict, told];
    if (found.attempts.length) parts.push(...remedyParts(found.attempts));
    if (found.cause) parts.push(...causeOf(found.cause));
    if (found.faults && found.faults.length) parts.push(...faultParts(found.faults));
    if (found.error) parts.push(...errorParts(found));
    const rows = numberRows(found);
    if (rows.length) parts.push(element("h3", "Numbers"), table(rows));
    if (found.load) parts.push(...sideParts(found.load, "The load"));
    if (found.save) parts.push(...sideParts(found.save, "The save"));
    parts.push(...reproduction(found));
    parts.push(element("h3", "Environments, differences first"),
      table(packageRows(found.saved, found.loaded), ["", found.saved, found.loaded]));
    if (found.artifact) parts.push(element("h3", "Digest of the saved file"), pre(found.artifact));
    details.replaceChildren(...parts);
    unveil(true, buttons[index]);
    panel.scrollTop = 0;
  }

  // Where there is room the page makes place for the panel; the chosen cell stays where it is.
  function unveil(open, anchor) {
    const before = anchor ? anchor.getBoundingClientRect().top : 0;
    panel.hidden = !open;
    document.body.classList.toggle("beside", open);
    if (anchor) window.scrollBy(0, anchor.getBoundingClientRect().top - before);
    if (open && anchor) anchor.scrollIntoView({ block: "nearest", inline: "nearest" });
    document.querySelectorAll("td.chosen").forEach((each) => each.classList.remove("chosen"));
    if (open && anchor) anchor.parentElement.classList.add("chosen");
  }

  // ---- the address: filters, the upgrade asked for, the open cell ----

  function asked() {
    return new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
  }

  function addressOf(changes) {
    const parameters = asked();
    Object.entries(changes).forEach(([name, value]) => {
      if (value) parameters.set(name, value); else parameters.delete(name);
    });
    return parameters.toString().replaceAll("%2F", "/");
  }

  function remember(changes) {
    history.replaceState(null, "", `#${addressOf(changes)}`);
  }

  let opener = null;
  function open(index, from) {
    opener = from;
    show(index);
    remember({ cell: keys[index] });
    panel.focus({ preventScroll: true });
  }

  function close() {
    if (panel.hidden) return;
    unveil(false, opener);
    remember({ cell: "" });
    if (opener) opener.focus({ preventScroll: true });
  }

  // ---- the upgrade ----

  const LOADS = new Set(["pass", "degraded", "drift"]);
  const SILENT = new Set(["unsupported", "infra", "not-run"]);

  function answer() {
    const { from, to } = Object.fromEntries(new FormData(step));
    const home = [];
    data.cells.forEach((cell, index) => {
      if (text(cell[2]) === from && text(cell[3]) === from && LOADS.has(cell[4])) home.push(index);
    });
    const before = new Map();
    home.forEach((index) => {
      const [scenario, format] = data.cells[index];
      const there = places.get([text(scenario), text(format), from, to].join("/"));
      if (there !== undefined) before.set(there, index);
    });
    const pairs = [...before.keys()];
    const statusOf = (index) => data.cells[index][4];
    const measured = pairs.filter((index) => !SILENT.has(statusOf(index)));
    const broken = measured.filter((index) => !LOADS.has(statusOf(index)));
    // What was lost at home already is not the upgrade's doing.
    const stateOf = (index) => JSON.stringify([statusOf(index), data.cells[index][8]]);
    const changed = measured.filter((index) => LOADS.has(statusOf(index)) &&
      statusOf(index) !== "pass" && stateOf(index) !== stateOf(before.get(index)));
    const unknown = pairs.length - measured.length;
    const remedyOf = (index) => data.cells[index][16].map((place) => data.attempts[place])
      .find((attempt) => attempt[1] === "verified");
    const helped = broken.filter(remedyOf).length;
    const parts = [];
    const said = element("p");
    if (from === to) {
      said.append("Choose two versions.");
    } else if (!measured.length) {
      said.append(visible(`No file that ${from} saves and loads was measured with ${to}.`));
    } else {
      said.append(visible(`Of ${measured.length} files that ${from} saves and itself loads (one for each scenario and format), ${to} loads `),
        element("strong", `${measured.length - broken.length - changed.length} as well as before`),
        ", ", element("strong", `${changed.length} with something lost or changed`),
        ", and ", element("strong", `${broken.length} not at all`),
        helped ? `, of which ${helped} with a remedy that was seen to work.` : ".");
      if (unknown) said.append(` ${unknown} more have no equivalent there or were not measured.`);
    }
    parts.push(said);
    if (from !== to && broken.length + changed.length) {
      const list = element("ul", null, "breaks");
      [...broken, ...changed].forEach((index) => {
        const found = data.cells[index];
        const item = element("li");
        item.append(chip(found[4]), " ", cellLink(index, `${text(found[0])} · ${text(found[1])}`),
          element("span", ` ${brief(text(found[5]))}`, "quiet"));
        const remedy = remedyOf(index);
        if (remedy) item.append(" ", element("span", `${data.mark} ${remedy[0]}`, "mark"));
        list.append(item);
      });
      parts.push(list);
    }
    byId("answer").replaceChildren(...parts);
  }

  // ---- filters ----

  const REPAIRABLE = new Set(["fail", "crash", "timeout", "drift"]);
  function helpFits(index, wanted) {
    const helped = data.cells[index][16].some((place) => data.attempts[place][1] === "verified");
    return wanted === "yes" ? helped : !helped && REPAIRABLE.has(data.cells[index][4]);
  }

  function matches(index, wanted) {
    const [scenario, format, , , status, summary, cause, error] = data.cells[index];
    if (wanted.scenario && text(scenario) !== wanted.scenario) return false;
    if (wanted.format && text(format) !== wanted.format) return false;
    if (wanted.status && status !== wanted.status) return false;
    if (wanted.cause && cause !== wanted.cause) return false;
    if (wanted.remedy && !helpFits(index, wanted.remedy)) return false;
    if (!wanted.text) return true;
    const sought = wanted.text.toLowerCase();
    if (keys[index].toLowerCase().includes(sought)) return true;
    if (text(summary).toLowerCase().includes(sought)) return true;
    return error !== null && data.errors[error][0].some(([type, message]) =>
      `${text(type)}: ${text(message)}`.toLowerCase().includes(sought));
  }

  const blockKeys = new Map();
  data.cells.forEach((cell) => blockKeys.set(cell.slice(0, 2).map(text).join("/"), `${cell[0]}/${cell[1]}`));

  function filter() {
    const wanted = Object.fromEntries(new FormData(filters));
    const narrowed = Boolean(wanted.status || wanted.cause || wanted.remedy || wanted.text);
    const blocks = new Set();
    let shown = 0;
    data.cells.forEach((found, index) => {
      const fits = matches(index, wanted);
      if (fits) { shown += 1; blocks.add(`${found[0]}/${found[1]}`); }
      if (buttons[index]) buttons[index].parentElement.classList.toggle("dim", narrowed && !fits);
    });
    document.querySelectorAll(".block").forEach((block) => {
      const { scenario, format } = block.dataset;
      block.hidden = !blocks.has(blockKeys.get(`${scenario}/${format}`));
    });
    document.querySelectorAll(".scenario").forEach((section) => {
      section.hidden = !section.querySelector(".block:not([hidden])");
    });
    byId("count").textContent = `${shown} of ${data.cells.length} cells`;
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
    const rows = here.closest("tbody").rows;
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
    const matrix = button.closest("table");
    const before = matrix.querySelector('button[tabindex="0"]');
    if (before) before.tabIndex = -1;
    button.tabIndex = 0;
  }

  document.querySelectorAll(".block .matrix").forEach((matrix) => {
    matrix.querySelectorAll("button").forEach((button, place) => { button.tabIndex = place ? -1 : 0; });
  });
  buttons.forEach((button, index) => {
    const [scenario, format, saved, loaded, status] = data.cells[index];
    button.setAttribute("aria-label", visible(
      `${data.looks[status].word}${helpFits(index, "yes") ? ", a remedy works" : ""}: ${text(scenario)} as ${text(format)}, saved with ${text(saved)}, loaded with ${text(loaded)}`));
  });

  // ---- events; cells by delegation, since there can be very many ----

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
  filters.addEventListener("input", () => {
    filter();
    remember(Object.fromEntries(new FormData(filters)));
  });
  step.addEventListener("input", () => {
    remember(Object.fromEntries(new FormData(step)));
    answer();
  });
  [filters, step].forEach((form) => form.addEventListener("submit", (event) => event.preventDefault()));

  function choose(select, value, otherwise) {
    select.value = value || "";
    if (select.selectedIndex < 0) select.value = otherwise;
  }

  function restore() {
    const parameters = asked();
    ["scenario", "format", "status", "cause", "remedy"].forEach((name) => {
      if (filters.elements[name]) choose(filters.elements[name], parameters.get(name), "");
    });
    filters.elements.text.value = parameters.get("text") || "";
    const names = data.environments.map((each) => each.name);
    choose(step.elements.from, parameters.get("from"), names[Math.max(0, names.length - 2)]);
    choose(step.elements.to, parameters.get("to"), names.at(-1));
    filter();
    answer();
    const wanted = parameters.get("cell");
    if (wanted && places.has(wanted)) {
      const index = places.get(wanted);
      opener = buttons[index] || null;
      show(index);
    } else if (!panel.hidden) {
      unveil(false, null);
    }
  }

  filters.hidden = false;
  byId("upgrade").hidden = data.environments.length < 2;
  window.addEventListener("hashchange", () => {
    // A plain anchor within the page says nothing about filters.
    if (!location.hash || location.hash.includes("=")) { restore(); return; }
    const target = byId(location.hash.slice(1));
    if (target && target.tagName === "DETAILS") target.open = true;
  });
  restore();
})();
