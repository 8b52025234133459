// The answer for the step that a reader chooses. The page has that of the default step from the
// start, by answer.py and steps.py, which count and word it in the same way.
const step = byId("step");
const LISTED = 50;
const SEVERITY = new Map(statuses.map(({ id, severity }) => [id, severity]));

const plural = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;
const breaks = (number) => (number === 1 ? "breaks" : "break");
const fail = (number) => (number === 1 ? "fails" : "fail");
const loads = (number) => (number === 1 ? "loads" : "load");

// A file in a step: its cell in the target, and the one in the source, if there is one.
function filesOf(from, to) {
  const files = [];
  blocks.forEach(({ scenario, format, start }) => {
    const saved = data.files ? savedOf[start] : from;
    const home = cellAt(scenario, format, saved, from);
    const there = cellAt(scenario, format, saved, to);
    if (there === undefined || statusOf(there) === "save-failed") return;
    const unknown = SAYS_NOTHING.has(statusOf(there)) || codeErrors.has(there);
    const fails = FIXABLE.has(statusOf(there)) && !unknown;
    const inBoth = fails && home !== undefined && FIXABLE.has(statusOf(home));
    files.push({ home, there, unknown, inBoth, broken: fails && (data.files || !inBoth),
      lossy: isLossy(home, there), helped: data.help[there] !== NONE });
  });
  return files;
}

// A loss that exists without the upgrade is not due to it.
function isLossy(home, there) {
  if (statusOf(there) !== "degraded") return false;
  if (data.files || home === undefined || !LOADS_OR_DRIFTS.has(statusOf(home))) return true;
  const lost = (cell) => (data.lost[cell] === NONE ? [] : data.losses[data.lost[cell]].split("; "));
  const before = new Set(lost(home));
  return SEVERITY.get(statusOf(home)) < SEVERITY.get("degraded") ||
    (statusOf(home) === "degraded" && lost(there).some((loss) => !before.has(loss)));
}

// The file that the run wrote for this one.
const anyFixed = data.fixed.some(Boolean);
const fixedOf = ({ there }) => (names[loadedOf[there]] === data.fixed_for ? data.fixed[scenarioOf[there]] : null);

function countStep(files) {
  const number = (name) => files.filter((file) => file[name]).length;
  const counts = { broken: number("broken"), inBoth: number("inBoth"), lossy: number("lossy"),
    unknown: number("unknown"), fixed: files.filter((file) => file.broken && fixedOf(file)).length,
    fixable: files.filter((file) => file.broken && file.helped).length };
  counts.files = data.files ? files.length : files.length - counts.unknown;
  counts.unchanged = files.length - counts.unknown - counts.broken - counts.lossy -
    (data.files ? 0 : counts.inBoth);
  return counts;
}

function headlineOf({ from, to }, { files, broken, fixable, fixed }) {
  const named = `${from} → ${to}`;
  if (!files) return `${named}: no file was measured`;
  if (!broken) return `${named}: none of ${plural(files, "file")} breaks`;
  const fixes = fixed ? `${fixed < broken ? fixed : `all ${fixed}`} fixed` : !fixable ? "no fix found" : fixable < broken ? `${fixable} can be fixed`
    : broken === 1 ? "it can be fixed" : `all ${broken} can be fixed`;
  return `${named}: ${broken} of ${plural(files, "file")} ${breaks(broken)}; ${fixes}`;
}

function mini(status) {
  const made = element("span", lookOf.get(status).glyph, `chip ${status}`);
  made.title = lookOf.get(status).word;
  return made;
}

function noteParts({ inBoth, lossy, unchanged, unknown }, from) {
  const list = element("ul", null, "tally notes");
  [["fail", inBoth, data.files ? `of them ${fail(inBoth)} in ${from} too` : `${fail(inBoth)} in both`],
    ["degraded", lossy, `${loads(lossy)} with losses`],
    ["pass", unchanged, `${loads(unchanged)} unchanged`],
    ["not-run", unknown, "could not be judged"],
  ].forEach(([status, number, text]) => {
    if (!number) return;
    const item = element("li");
    item.append(mini(status), visible(` ${number} ${text}`));
    list.append(item);
  });
  return list;
}

function fixAllParts(files, to) {
  const fixable = files.filter((file) => file.broken && file.helped).map(({ there }) => there);
  if (!data.files || data.commands.is_fixing || !fixable.length) return [];
  const said = element("p", `Fix all ${fixable.length > 1 ? fixable.length : ""} with one command, which writes new files into `);
  said.append(element("code", "fixed/"), " and verifies each:");
  return [said, commandParts(fixAllCommand(fixable, to))];
}

function whyParts(there) {
  if (statusOf(there) === "pass") return [];
  const cause = own(data.causes, causeOf(there));
  const why = prose(cause ? "a" : "span", cause ? cause.story : brief(summaryOf(there).split("\n")[0]));
  if (cause) { why.href = `#cause-${causeOf(there)}`; why.className = "why"; }
  const fault = faultOf(there);
  return fault ? [why, ": ", prose("span", fault)] : [why];
}

function fixParts(file) {
  const { there, broken, helped } = file;
  if (!helped) return broken ? ["none found"] : [];
  const by = fixedOf(file)?.by ?? helpOf(there);
  const parts = [element("span", data.mark, "mark"), "\u00a0"];
  by.split(" + ").forEach((id, place) => parts.push(place ? " + " : "", element("span", visible(id), "id")));
  if (data.files && !fixedOf(file)) parts.push(" ", copyButton(fixCommand(there), "copy command"));
  return parts;
}

function answerRow(file) {
  const { home, there } = file;
  const row = element("tr");
  const head = element("th");
  head.scope = "row";
  head.append(cellLink(there, data.files ? data.paths[scenarioOf[there]]
    : `${scenarios[scenarioOf[there]]} · ${formats[formatOf[there]]}`));
  row.append(head);
  const add = (title, ...parts) => {
    const cell = element("td", null, title === "Result" ? "change" : "");
    cell.dataset.title = title;
    cell.append(...parts);
    row.append(cell);
  };
  if (data.files) add("Written by", visible(data.writers[scenarioOf[there]] || "unknown"));
  add("Result", ...(home === undefined ? [] : [mini(statusOf(home)), " → "]), chip(statusOf(there)));
  add("Why", ...whyParts(there));
  add("Fix", ...fixParts(file));
  const fixed = fixedOf(file);
  add("Gives up", visible(fixed ? fixed.lost : lossesOf(there)));
  if (anyFixed) add("Fixed file", visible(fixed ? fixed.path : ""));
  return row;
}

function answerTable(files) {
  const made = element("table", null, "listing answers");
  const head = element("thead");
  const row = element("tr");
  ["File", ...(data.files ? ["Written by"] : []), "Result", "Why", "Fix", "Gives up",
    ...(anyFixed ? ["Fixed file"] : [])].forEach((name) => {
    const cell = element("th", name);
    cell.scope = "col";
    row.append(cell);
  });
  head.append(row);
  const body = element("tbody");
  body.append(...files.map(answerRow));
  made.append(head, body);
  const scroll = element("div", null, "scroll");
  scroll.tabIndex = 0;
  scroll.setAttribute("role", "region");
  scroll.setAttribute("aria-label", "What becomes of each file");
  scroll.append(made);
  return scroll;
}

function importance(one, other) {
  const rank = ({ broken, there, helped }) => [broken ? 0 : 1, -SEVERITY.get(statusOf(there)), helped ? 1 : 0];
  const [ours, theirs] = [rank(one), rank(other)];
  const place = ours.findIndex((value, number) => value !== theirs[number]);
  return place < 0 ? 0 : ours[place] - theirs[place];
}

const DEFAULT_STEP = Object.fromEntries(new FormData(step));
let answered = `${DEFAULT_STEP.from} ${DEFAULT_STEP.to}`;
const isWhole = !document.querySelector("#answer .more-rows");

function answer(limit = LISTED, again = false) {
  const chosen = Object.fromEntries(new FormData(step));
  // The list that a reader is in stays: its place, and the link that has the focus.
  if (!again && answered === `${chosen.from} ${chosen.to}`) return;
  answered = `${chosen.from} ${chosen.to}`;
  const files = filesOf(names.indexOf(chosen.from), names.indexOf(chosen.to));
  const counts = countStep(files);
  byId("verdict").textContent = visible(headlineOf(chosen, counts));
  const listed = files.filter(({ broken, lossy }) => data.files || broken || lossy).sort(importance);
  byId("counts").replaceChildren(noteParts(counts, chosen.from), ...fixAllParts(files, chosen.to));
  const parts = listed.length ? [answerTable(listed.slice(0, limit))] : [];
  if (listed.length > limit) {
    const button = element("button", `show ${listed.length - limit} more`);
    button.type = "button";
    button.addEventListener("click", () => answer(Infinity, true));
    parts.push(button);
  }
  byId("answer").replaceChildren(...parts);
}
