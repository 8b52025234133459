// The answer to the main question: what happens to the files in an upgrade?
const step = byId("step");
const ROW = data.files ? "file" : "scenario";

// The files that `from` saves and loads, each with the cell in which `to` loads it.
function filesOf(from, to) {
  const files = [];
  blocks.forEach(({ scenario, format, start }) => {
    const saved = data.files ? savedOf[start] : from;
    const home = cellAt(scenario, format, saved, from);
    const there = cellAt(scenario, format, saved, to);
    if (home !== undefined && there !== undefined && LOADS_OR_DRIFTS.has(statusOf(home))) files.push({ home, there });
  });
  return files;
}

let answered = null;
function answer() {
  const chosen = Object.fromEntries(new FormData(step));
  // The list that a reader is in stays: its place, and the link that has the focus.
  if (answered === `${chosen.from} ${chosen.to}`) return;
  answered = `${chosen.from} ${chosen.to}`;
  const [from, to] = [names.indexOf(chosen.from), names.indexOf(chosen.to)];
  const files = filesOf(from, to);
  const measured = files.filter(({ there }) => !SAYS_NOTHING.has(statusOf(there)));
  const broken = measured.filter(({ there }) => !LOADS_OR_DRIFTS.has(statusOf(there)));
  // A loss that exists without the upgrade is not due to it.
  const stateOf = (cell) => `${statusOf(cell)} ${data.lost[cell]}`;
  const changed = measured.filter(({ home, there }) => LOADS_OR_DRIFTS.has(statusOf(there)) &&
    statusOf(there) !== "pass" && stateOf(there) !== stateOf(home));
  const said = element("p", null, "headline");
  const parts = [said];
  if (from === to) {
    said.append("Choose two versions.");
  } else if (!measured.length) {
    said.append(visible(files.length ? `No file was measured with ${chosen.to}.` : nothingLoads(chosen.from, from)));
  } else {
    said.append(...verdictParts(chosen, { measured, broken, changed }));
    parts.push(filesParts(chosen, { files, measured, broken, changed }));
    if (broken.length + changed.length) parts.push(listOf([...broken, ...changed]));
  }
  byId("answer").replaceChildren(...parts);
}

// The reason why no file can be compared with `from`.
function nothingLoads(name, from) {
  const tried = blocks.filter(({ scenario, format, start }) => {
    const home = cellAt(scenario, format, data.files ? savedOf[start] : from, from);
    return home !== undefined && !SAYS_NOTHING.has(statusOf(home));
  }).length;
  return tried ? `None of the ${plural(tried, "file")} loads in ${name}. Choose another version.`
    : `No file was measured with ${name}.`;
}

const distinct = (files) => new Set(files.map(({ there }) => scenarioOf[there]));
const plural = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;

function verdictParts({ from, to }, { measured, broken, changed }) {
  const breaking = distinct(broken);
  const parts = [visible(`Upgrading from ${from} to ${to}: `)];
  if (!breaking.size) {
    parts.push(element("strong", `no ${ROW} breaks`));
  } else {
    const helpless = distinct(broken.filter(({ there }) => data.help[there] === NONE));
    const helped = breaking.size - helpless.size;
    parts.push(element("strong", `${breaking.size} of ${plural(distinct(measured).size, ROW)} ` +
      `break${breaking.size === 1 ? "s" : ""}`), ", ");
    if (helped) parts.push(element("span", `${helped} with a verified fix`, "mark"));
    if (helped && helpless.size) parts.push(" and ");
    if (helpless.size) parts.push(`${helpless.size} with none`);
  }
  const more = [...distinct(changed)].filter((scenario) => !breaking.has(scenario)).length;
  parts.push(more ? `; ${more} more load with losses or other outputs.` : ".");
  return parts;
}

function filesParts({ from, to }, { files, measured, broken, changed }) {
  const unknown = files.length - measured.length;
  const helped = broken.filter(({ there }) => data.help[there] !== NONE).length;
  const all = broken.length === 1 ? "" : "all ";
  const fixable = helped === broken.length ? `${all}fixable` : `${helped} fixable`;
  return element("p", `${plural(measured.length, "file")} ${measured.length === 1 ? "loads" : "load"} in ${from}. ` +
    `In ${to}: ${measured.length - broken.length - changed.length} load unchanged, ` +
    `${changed.length} load with losses or other outputs, ${broken.length} fail${helped ? ` (${fixable})` : ""}.` +
    (unknown ? ` ${unknown} more were not measured there.` : ""), "quiet");
}

function listOf(files) {
  const list = element("ul", null, "breaks");
  list.tabIndex = 0; // it scrolls
  list.setAttribute("aria-label", "Files that break or change");
  files.forEach(({ there }) => {
    const item = element("li");
    // The cause in a sentence; the cell has the error.
    const cause = own(data.causes, causeOf(there));
    const why = prose("span", cause ? cause.story : brief(summaryOf(there)));
    why.className = "quiet";
    why.title = visible(summaryOf(there));
    item.append(chip(statusOf(there)), " ",
      cellLink(there, `${scenarios[scenarioOf[there]]} · ${formats[formatOf[there]]}`), " ", why);
    const remedy = helpOf(there);
    if (remedy) item.append(" ", element("span", `${data.mark}\u00a0${remedy}`, "mark"));
    list.append(item);
  });
  return list;
}
