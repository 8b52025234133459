// The panel: the details of one cell.
const panel = byId("panel");
const details = byId("details");

function errorParts(result) {
  const parts = [element("h3", result.status === "save-failed" ? "The save raised" : "The load raised")];
  result.error.chain.forEach(({ type, message }, depth) => {
    parts.push(element("p", depth === 0 ? type : `because of ${type}`, "error-type"), pre(message));
  });
  if (result.error.traceback) parts.push(folded("Traceback", result.error.traceback));
  return parts;
}

function linkTo(address, text) {
  const made = element("a", text || address);
  made.href = address;
  made.rel = "noreferrer";
  return made;
}

function sourceParts(cause, slug) {
  const made = element("p", null, "quiet");
  const parts = cause.sources.map((source) =>
    source.startsWith("https://") ? linkTo(source) : visible(source));
  if (cause.page) parts.unshift(linkTo(cause.page, `${slug} in the documentation`));
  parts.forEach((part, place) => made.append(place ? " · " : "", part));
  return made;
}

function causeParts(slug, cell) {
  const cause = own(data.causes, slug);
  if (!cause) return [element("p", "Cause: unclassified. No known cause matches this error.")];
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
  const fault = faultOf(cell);
  return [heading, prose("p", `${cause.story}${fault ? `: here the ${fault}` : ""}.`),
    prose("p", `In general: ${cause.what}`), element("p", "Known fixes:"), list, sourceParts(cause, slug)];
}

function culpritParts(culprits) {
  const rows = culprits.map(({ layer, class_name: kind, keys, error }) =>
    [layer === null ? kind : `${layer} (${kind})`, keys.join(", "), brief(error)]);
  return [element("h3", "Layers and arguments that fail"),
    table(rows, ["layer", "arguments", "error"])];
}

// The parts of a fix are in data.remedies; several together are joined by " + ".
const IN_FILE = "rewrite-config"; // only the command can do it
function attemptParts({ id, status, summary, did, hops }, cell) {
  const item = element("li", null, status);
  const head = element("p");
  head.append(element("strong", id), ` ${status}: `,
    visible(brief(summary)));
  item.append(head);
  if (hops.length) item.append(element("p", `by way of ${hops.join(" → ")}`, "quiet"));
  if (did.length) item.append(element("p", `changes: ${did.join("; ")}`, "quiet"));
  if (status !== "verified") return item;
  const ids = id.split(" + ");
  if (data.files) {
    item.append(element("p", "This writes a file that loads as it is, and verifies it:"), commandParts(fixCommand(cell)));
    if (ids.includes(IN_FILE)) return item;
    item.append(element("p", "Or in the program that loads the file:"));
  }
  ids.forEach((part) => {
    const remedy = own(data.remedies, part);
    if (!remedy) return;
    item.append(element("p", remedy.title + (remedy.gives_up ? `. Gives up ${remedy.gives_up}` : "")),
      // The catalogue's commands are for another target.
      pre(remedy.code.trim().replace(/--for [\w.-]+/, `--for ${quoted(names[loadedOf[cell]])}`)));
  });
  return item;
}

function remedyParts(attempts, cell) {
  const sorted = [
    [`${data.mark} Verified fixes`, attempts.filter(({ status }) => status === "verified")],
    ["Fixes that did not work", attempts.filter(({ status }) => status !== "verified")],
  ];
  return sorted.flatMap(([title, members]) => {
    if (!members.length) return [];
    const list = element("ul", null, "remedies");
    list.append(...members.map((attempt) => attemptParts(attempt, cell)));
    return [element("h3", title), list];
  });
}

function number(value) {
  return typeof value === "number" && value !== 0 ? value.toExponential(3) : String(value);
}

function numberRows(result) {
  const rows = [];
  if (result.max_abs_diff !== null) rows.push(["largest difference of an output", number(result.max_abs_diff)]);
  if (result.max_abs_reference !== null) rows.push(["largest reference output", number(result.max_abs_reference)]);
  if (result.weights_equal !== null) rows.push(["weights equal", result.weights_equal ? "yes" : "no"]);
  result.lost.forEach((what) => rows.push(["lost", what]));
  result.not_compared.forEach((what) => rows.push(["not compared", what]));
  return rows;
}

function sideParts(side, title) {
  const parts = [element("h3", title)];
  if (side.ended !== "returned") {
    parts.push(element("p", `It ${side.ended.replace("-", " ")}${side.stage ? ` in stage “${side.stage}”` : ""}.`));
  }
  const rows = [["took", `${side.seconds} s`]];
  Object.entries(side.timings).forEach(([stage, seconds]) => rows.push([`of that, ${stage}`, `${seconds} s`]));
  if (side.memory !== null) rows.push(["peak memory", `${side.memory} MB`]);
  rows.push(["measured", side.measured_at]);
  side.retried.forEach((attempt) => rows.push(["earlier attempt", attempt]));
  parts.push(table(rows));
  if (side.log) parts.push(folded("Last output", side.log));
  return parts;
}

function reproduction(result, cell) {
  const parts = [element("h3", "Measure it again"), commandParts(repeatCommand(cell))];
  if (data.files && FIXABLE.has(result.status)) {
    parts.push(element("p", "The smallest model that fails alike, as a script and a text for an issue:"),
      commandParts(reduceCommand(cell)));
  }
  if (!data.files && result.artifact) {
    parts.push(element("p", "The saved file, and how to load it in that environment:"),
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
    const more = element("a", "More about it");
    more.href = link;
    more.rel = "noreferrer";
    said.append(more);
  }
  return [said];
}

// What TensorFlow and Keras say of the cell.
function statementParts(statements) {
  if (!statements.length) return [];
  const list = element("ul");
  statements.forEach((statement) => {
    const item = element("li", `${statement.words.trim()} `);
    const source = element("a", "Source");
    source.href = statement.link;
    source.rel = "noreferrer";
    item.append(source);
    list.append(item);
  });
  return [element("h3", "What TensorFlow and Keras say"), list];
}

function inferenceParts(cell) {
  if (data.inferred[cell] === undefined) return [];
  const source = names[data.inferred[cell]];
  const other = cellAt(scenarioOf[cell], formatOf[cell], data.inferred[cell], loadedOf[cell]);
  const said = element("p", `Result reused: ${source} wrote an identical file apart from the version stamp, ` +
    "and that file was loaded. ");
  if (other !== undefined) said.append(cellLink(other, "The measured cell"));
  return [said];
}

// The prediction for the cell, compared with its measurement.
const COUNTS_AS = { crash: "fail", timeout: "fail" };
function predictionParts(result) {
  if (!result.prediction) return [];
  const { status: likely, cause, remedy, rule, confidence } = result.prediction;
  const measured = COUNTS_AS[result.status] || result.status;
  const worked = result.attempts.filter((each) => each.status === "verified").map((each) => each.id);
  const rows = [["status", likely, result.status], ["cause", cause || "none", result.cause || "none"],
    ["fix", remedy || "none", worked.join(", ") || "none verified"]];
  const said = SAYS_NOTHING.has(result.status) ? "Not measured"
    : likely === "unknown" ? "No prediction"
      : likely === measured ? (cause === result.cause ? "Predicted correctly" : "Predicted correctly, with another cause")
        : "Predicted wrongly";
  return [element("h3", "Prediction"),
    element("p", `${said} (${Math.round(confidence * 100)} % confidence, rule ${visible(rule)}).`),
    table(rows, ["", "predicted", "measured"])];
}

// A result: the status, the cause and the fix.
function summaryParts({ status, cause, remedy }) {
  return [chip(status), visible(`${cause ? ` ${cause}` : ""}${remedy ? `, fixed by ${remedy}` : ""}`)];
}

function retryParts(cell, retries) {
  if (!retries.length) return [];
  const list = element("ul");
  retries.forEach((again) => {
    const item = element("li");
    item.append(...summaryParts(again), ` ${visible(brief(again.summary))}`);
    list.append(item);
  });
  const title = flaky.has(cell) ? `${data.unsteady} Flaky: results of repeated measurements` : "Repeated measurements";
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
      ...summaryParts(span), span.flaky ? `, flaky ${data.unsteady}` : "");
    list.append(item);
  });
  return [element("h3", "In earlier runs"), list];
}

async function partsOf(cell) {
  const result = await detailsOf(cell);
  const verdict = element("p");
  verdict.append(chip(result.status), ` ${visible(result.summary)}`);
  const link = element("p", null, "quiet");
  link.append(cellLink(cell, "Link to this cell"));
  const rows = numberRows(result);
  const change = data.changes[cell];
  return [verdict, link,
    ...expectationParts(cell),
    ...inferenceParts(cell),
    ...(change ? [element("p", `Since the baseline: ${change}.`)] : []),
    ...retryParts(cell, result.retries),
    ...remedyParts(result.attempts, cell),
    ...(result.cause ? causeParts(result.cause, cell) : []),
    ...statementParts(result.statements),
    ...(result.culprits.length ? culpritParts(result.culprits) : []),
    ...(result.error ? errorParts(result) : []),
    ...predictionParts(result),
    ...(rows.length ? [element("h3", "Numbers"), table(rows)] : []),
    ...(result.load ? sideParts(result.load, "The load") : []),
    ...(result.save ? sideParts(result.save, "The save") : []),
    ...historyParts(result.history),
    ...reproduction(result, cell),
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
  if (shown !== cell) return; // another cell was chosen in the meantime
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
  document.body.classList.toggle("with-panel", open);
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
