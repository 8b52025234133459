// The panel: all that is known of one cell.
const panel = byId("panel");
const details = byId("details");

function sentence(result) {
  return `As ${result.format}, from ${result.saved} to ${result.loaded}: ${lookOf.get(result.status).meaning}.`;
}

function errorParts(result) {
  const parts = [element("h3", result.status === "save-failed" ? "The save raised" : "The load raised")];
  result.error.chain.forEach(({ type, message }, depth) => {
    parts.push(element("p", depth === 0 ? type : `because of ${type}`, "error-type"), pre(message));
  });
  if (result.error.traceback) parts.push(folded("Traceback", result.error.traceback));
  return parts;
}

function causeParts(slug) {
  const cause = own(data.causes, slug);
  if (!cause) return [element("p", "Cause: unclassified. The catalogue knows none that looks like this.")];
  const list = element("ul");
  cause.advice.forEach((advice) => {
    const item = prose("li", advice.do + (advice.loses ? ` (gives up ${advice.loses})` : ""));
    if (advice.code) item.append(pre(advice.code));
    list.append(item);
  });
  const heading = element("h3", "Cause: ");
  const link = element("a", slug);
  link.href = `#cause-${slug}`;
  heading.append(link);
  return [heading, prose("p", `${cause.story}. ${cause.what}`), element("p", "Known to help:"), list];
}

function culpritParts(culprits) {
  const rows = culprits.map(({ layer, class_name: kind, keys, error }) =>
    [layer === null ? kind : `${layer} (${kind})`, keys.join(", "), brief(error)]);
  return [element("h3", "At fault, taken by itself"),
    table(rows, ["layer", "arguments", "what it raised"])];
}

// What one remedy is made of stands in data.remedies; several together are joined by " + ".
function attemptParts({ id, status, summary, did, hops }) {
  const item = element("li", null, status);
  const head = element("p");
  head.append(element("strong", id), status === "verified" ? " was seen to work: " : ` ${status}: `,
    visible(brief(summary)));
  item.append(head);
  if (hops.length) item.append(element("p", `by way of ${hops.join(" → ")}`, "quiet"));
  if (did.length) item.append(element("p", `what was done: ${did.join("; ")}`, "quiet"));
  if (status !== "verified") return item;
  id.split(" + ").forEach((part) => {
    const remedy = own(data.remedies, part);
    if (!remedy) return;
    item.append(element("p", remedy.title + (remedy.gives_up ? `. Gives up ${remedy.gives_up}` : "")),
      pre(remedy.code.trim()));
  });
  return item;
}

function remedyParts(attempts) {
  const sorted = [
    [`${data.mark} What helps, seen in this cell`, attempts.filter(({ status }) => status === "verified")],
    ["Tried in vain", attempts.filter(({ status }) => status !== "verified")],
  ];
  return sorted.flatMap(([title, members]) => {
    if (!members.length) return [];
    const list = element("ul", null, "remedies");
    list.append(...members.map(attemptParts));
    return [element("h3", title), list];
  });
}

function number(value) {
  return typeof value === "number" && value !== 0 ? value.toExponential(3) : String(value);
}

function numberRows(result) {
  const rows = [];
  if (result.max_abs_diff !== null) rows.push(["largest difference of an output", number(result.max_abs_diff)]);
  if (result.max_abs_reference !== null) rows.push(["largest output as saved", number(result.max_abs_reference)]);
  if (result.weights_equal !== null) rows.push(["same weights, digest for digest", result.weights_equal ? "yes" : "no"]);
  result.lost.forEach((what) => rows.push(["lost", what]));
  result.not_compared.forEach((what) => rows.push(["not compared", what]));
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
  rows.push(["measured", side.measured_at]);
  side.retried.forEach((told) => rows.push(["tried before", told]));
  parts.push(table(rows));
  if (side.log) parts.push(folded("What it printed last", side.log));
  return parts;
}

// A name may hold anything; the command is meant to be pasted into a shell.
function quoted(word) {
  return /^[\w.,:=@%+/-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

function reproduction(result) {
  const pair = [...new Set([result.saved, result.loaded])].join(",");
  const options = ["--scenarios", result.scenario, "--formats", result.format,
    "--environments", pair, "--engine", data.engine, "--fresh"];
  const parts = [element("h3", "Measure it yourself"),
    pre(`nox -s matrix -- ${options.map(quoted).join(" ")}`)];
  if (result.artifact) {
    parts.push(element("p", "The saved file, and a plain load of it in that environment:"),
      pre(`.kerasmatrix/artifacts/${result.artifact}\npython scenarios/${quoted(result.scenario)}/load.py FILE`));
  }
  return parts;
}

function packageRows(saved, loaded) {
  const [ours, theirs] = [saved, loaded].map((name) => environments[names.indexOf(name)]);
  const all = (field) => [...new Set([...Object.keys(ours[field]), ...Object.keys(theirs[field])])].sort();
  const rows = [["Python", ours.python, theirs.python],
    ...all("variables").map((name) => [name, ours.variables[name] || "not set", theirs.variables[name] || "not set"]),
    ...all("packages").map((name) => [name, ours.packages[name] || "none", theirs.packages[name] || "none"])];
  const differs = (row) => row[1] !== row[2];
  return [...rows.filter(differs), ...rows.filter((row) => !differs(row))];
}

function expectationParts(cell) {
  if (!data.expected[cell]) return [];
  const { where, status, reason, link } = data.expectations[data.expected[cell].expectation];
  const said = element("p", `This is ${keptOf(cell)}: ${status.join(" or ")}, because ${reason} (${where}). `);
  if (link && link.startsWith("https://")) {
    const more = element("a", "More on it");
    more.href = link;
    more.rel = "noreferrer";
    said.append(more);
  }
  return [said];
}

function inferenceParts(cell) {
  if (data.inferred[cell] === undefined) return [];
  const source = names[data.inferred[cell]];
  const other = cellAt(scenarioOf[cell], formatOf[cell], data.inferred[cell], loadedOf[cell]);
  const said = element("p", `Inferred: ${source} wrote the same file but for its version stamp, ` +
    "and that one was loaded. ");
  if (other !== undefined) said.append(cellLink(other, "The cell that was measured"));
  return [said];
}

// What was foretold of the cell from its file, beside what was measured in it.
const FORETOLD = { crash: "fail", timeout: "fail" };
function predictionParts(result) {
  if (!result.prediction) return [];
  const { status: likely, cause, remedy, rule, confidence } = result.prediction;
  const measured = FORETOLD[result.status] || result.status;
  const worked = result.attempts.filter((each) => each.status === "verified").map((each) => each.id);
  const rows = [["status", likely, result.status], ["cause", cause || "none", result.cause || "none"],
    ["what helps", remedy || "not said", worked.join(", ") || "nothing was seen to"]];
  const said = SAYS_NOTHING.has(result.status) ? "It was not measured"
    : likely === "unknown" ? "Nothing was foretold"
      : likely === measured ? (cause === result.cause ? "It came as foretold" : "It came as foretold, for another cause")
        : "It was foretold wrongly";
  return [element("h3", "Prediction beside measurement"),
    element("p", `${said}; sure to ${Math.round(confidence * 100)} %, by the rule ${visible(rule)}.`),
    table(rows, ["", "foretold", "measured"])];
}

// What was done, in the words of a list: a sign, and by what cause or remedy.
function didParts({ status, cause, remedy }) {
  return [chip(status), visible(`${cause ? ` ${cause}` : ""}${remedy ? `, repaired by ${remedy}` : ""}`)];
}

function retryParts(cell, retries) {
  if (!retries.length) return [];
  const list = element("ul");
  retries.forEach((again) => {
    const item = element("li");
    item.append(...didParts(again), ` ${visible(brief(again.summary))}`);
    list.append(item);
  });
  const title = flaky.has(cell) ? `${data.unsteady} Flaky: when it was measured again` : "When it was measured again";
  return [element("h3", title), list];
}

function historyParts(history) {
  if (!history.length) return [];
  const list = element("ul", null, "past");
  [...history].reverse().forEach((span) => {
    const item = element("li");
    const [first, last] = [data.runs[span.first], data.runs[span.last]];
    const when = first === last ? first : `${first} to ${last}`;
    item.append(element("span", `${when}${span.runs > 1 ? ` (${span.runs} runs)` : ""}: `, "quiet"),
      ...didParts(span), span.flaky ? `, flaky ${data.unsteady}` : "");
    list.append(item);
  });
  return [element("h3", "In earlier runs"), list];
}

async function partsOf(cell) {
  const result = await detailsOf(cell);
  const verdict = element("p");
  verdict.append(chip(result.status), ` ${visible(result.summary)}`);
  const told = element("p", `${sentence(result)} `, "quiet");
  told.append(cellLink(cell, "Link to this cell"));
  const rows = numberRows(result);
  const change = data.changes[cell];
  return [verdict, told,
    ...expectationParts(cell),
    ...inferenceParts(cell),
    ...(change ? [element("p", `Since the baseline: ${change}.`)] : []),
    ...retryParts(cell, result.retries),
    ...remedyParts(result.attempts),
    ...(result.cause ? causeParts(result.cause) : []),
    ...(result.culprits.length ? culpritParts(result.culprits) : []),
    ...(result.error ? errorParts(result) : []),
    ...predictionParts(result),
    ...(rows.length ? [element("h3", "Numbers"), table(rows)] : []),
    ...(result.load ? sideParts(result.load, "The load") : []),
    ...(result.save ? sideParts(result.save, "The save") : []),
    ...historyParts(result.history),
    ...reproduction(result),
    element("h3", "Environments, differences first"),
    table(packageRows(result.saved, result.loaded), ["", result.saved, result.loaded]),
    ...(result.artifact ? [element("h3", "Digest of the saved file"), pre(result.artifact)] : [])];
}

let shown = NONE;
let opener = null;
// `anchor` is what the reader looks at, which stays where it is: the chosen cell, or a link to it.
async function show(cell, anchor) {
  shown = cell;
  const parts = await partsOf(cell);
  if (shown !== cell) return; // another was asked for in the meantime
  byId("panel-title").textContent = visible(
    `${scenarios[scenarioOf[cell]]} · ${formats[formatOf[cell]]} · ${names[savedOf[cell]]} → ${names[loadedOf[cell]]}`);
  details.replaceChildren(...parts);
  drawFor(cell);
  unveil(true, anchor || buttonOf(cell));
  markChosen(buttonOf(cell));
  panel.scrollTop = 0;
}

// Where there is room the page makes place for the panel; `anchor` stays where it is.
function unveil(open, anchor) {
  const before = anchor ? anchor.getBoundingClientRect().top : 0;
  panel.hidden = !open;
  document.body.classList.toggle("beside", open);
  if (anchor) window.scrollBy(0, anchor.getBoundingClientRect().top - before);
  if (open && anchor) anchor.scrollIntoView({ block: "nearest", inline: "nearest" });
  if (!open) markChosen(null);
}

function markChosen(button) {
  document.querySelectorAll("td.chosen").forEach((each) => each.classList.remove("chosen"));
  if (button) button.parentElement.classList.add("chosen");
}

async function open(cell, from) {
  opener = from;
  remember({ cell: keyOf(cell) });
  await show(cell);
  panel.focus({ preventScroll: true });
}

function close() {
  shown = NONE;
  if (panel.hidden) return;
  unveil(false, opener);
  remember({ cell: "" });
  if (opener) opener.focus({ preventScroll: true });
}
