// The results. Columns have the facts of every cell; details come from compressed chunks.
const byId = (id) => document.getElementById(id);
const data = JSON.parse(byId("data").textContent);
const { environments, scenarios, formats, statuses } = data;
const names = environments.map((each) => each.name);
const count = data.status.length;
const NONE = -1;

const statusOf = (cell) => statuses[data.status.charCodeAt(cell) - 48].id;
const lookOf = new Map(statuses.map((each) => [each.id, each]));

// Which block a cell is in, and where in it: numbers into `scenarios`, `formats` and `names`.
const scenarioOf = new Uint16Array(count);
const formatOf = new Uint8Array(count);
const savedOf = new Uint16Array(count);
const loadedOf = new Uint16Array(count);
const blockOf = new Uint32Array(count);
const blocks = data.blocks.map(({ scenario, format, start, places }, number) => {
  const end = number + 1 < data.blocks.length ? data.blocks[number + 1].start : count;
  const grid = new Int32Array(names.length ** 2).fill(NONE);
  for (let cell = start; cell < end; cell += 1) {
    const place = places ? places[cell - start] : cell - start;
    scenarioOf[cell] = scenario;
    formatOf[cell] = format;
    savedOf[cell] = Math.floor(place / names.length);
    loadedOf[cell] = place % names.length;
    blockOf[cell] = number;
    grid[place] = cell;
  }
  return { scenario, format, start, end, grid, drawn: null, place: null, holder: null };
});
const blockAt = new Map(blocks.map((block) => [block.scenario * formats.length + block.format, block]));

function keyOf(cell) {
  return [scenarios[scenarioOf[cell]], formats[formatOf[cell]], names[savedOf[cell]],
    names[loadedOf[cell]]].join("/");
}

let places = null;
function cellWithKey(key) {
  places ??= new Map(Array.from({ length: count }, (_, cell) => [keyOf(cell), cell]));
  return places.get(key);
}

function cellAt(scenario, format, saved, loaded) {
  const block = blockAt.get(scenario * formats.length + format);
  const cell = block ? block.grid[saved * names.length + loaded] : NONE;
  return cell === NONE ? undefined : cell;
}

// An own property: a slug from a file could be the name of one that every object has.
const own = (table, name) => (Object.hasOwn(table, name) ? table[name] : null);

const causeOf = (cell) => (data.cause[cell] === NONE ? null : data.slugs[data.cause[cell]]);
const helpOf = (cell) => (data.help[cell] === NONE ? null : data.helps[data.help[cell]]);
const summaryOf = (cell) => data.summaries[data.summary[cell]];

// How a cell compares with the expectation in matrix.yaml, if there is one.
const KEPT = { met: "as expected", better: "better than expected", worse: "worse than expected" };
const keptOf = (cell) => (data.expected[cell] ? KEPT[data.expected[cell].verdict] : null);

const flaky = new Set(data.flaky);
const codeErrors = new Set(data.code_errors);
// The argument, class or layer that the error names.
const faultOf = (cell) => (data.fault[cell] === undefined ? null : data.faults[data.fault[cell]]);
const lossesOf = (cell) => (data.help[cell] !== NONE ? data.help_losses[data.help[cell]] || "nothing"
  : data.lost[cell] === NONE ? "" : data.losses[data.lost[cell]]);

// Sets of statuses, as in results/cells.py.
const [LOADS_OR_DRIFTS, SAYS_NOTHING, INCONCLUSIVE, FIXABLE] = ["loads_or_drifts", "says_nothing",
  "inconclusive", "fixable"].map((name) => new Set(data.status_sets[name]));

// ---- details ----

const chunks = [];
function chunkOf(cell) {
  return chunkAt(Math.floor(cell / data.chunk));
}

function chunkAt(number) {
  chunks[number] ??= (async () => {
    const packed = Uint8Array.from(atob(byId(`details-${number}`).textContent),
      (letter) => letter.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
    const chunk = JSON.parse(await new Response(stream).text());
    const joined = new Map();
    // A text of several lines is a list of places in `lines`.
    chunk.text = (place) => {
      const found = chunk.texts[place];
      if (typeof found === "string") return found;
      if (!joined.has(place)) joined.set(place, found.map((line) => chunk.lines[line]).join("\n"));
      return joined.get(place);
    };
    return chunk;
  })();
  return chunks[number];
}

// The details of a cell. page_details.py defines the fields; those whose name ends in `_ref` or
// `_refs` are followed.
async function detailsOf(cell) {
  const chunk = await chunkOf(cell);
  const { text } = chunk;
  const result = chunk.cells[cell % data.chunk];
  const texts = (refs) => refs.map(text);
  const at = (table, ref, read) => (ref === null ? null : read(table[ref]));
  const side = (ref) => at(chunk.sides, ref, (entry) =>
    ({ ...entry, log: text(entry.log_ref), retried: texts(entry.retried_refs) }));
  const error = (entry) => ({
    chain: entry.chain.map((link) => ({ type: text(link.type_ref), message: text(link.message_ref) })),
    traceback: text(entry.traceback_ref),
  });
  const attempt = (entry) =>
    ({ ...entry, summary: text(entry.summary_ref), did: texts(entry.did_refs) });
  return {
    ...result,
    scenario: scenarios[scenarioOf[cell]], format: formats[formatOf[cell]],
    saved: names[savedOf[cell]], loaded: names[loadedOf[cell]],
    status: statusOf(cell), cause: causeOf(cell),
    summary: result.summary_ref === null ? summaryOf(cell) : text(result.summary_ref),
    error: at(chunk.errors, result.error_ref, error),
    lost: texts(result.lost_refs), not_compared: texts(result.not_compared_refs),
    save: side(result.save_ref), load: side(result.load_ref),
    culprits: result.culprit_refs.map((ref) => chunk.culprits[ref])
      .map((culprit) => ({ ...culprit, error: text(culprit.error_ref) })),
    attempts: result.attempt_refs.map((ref) => attempt(chunk.attempts[ref])),
    prediction: at(chunk.predictions, result.prediction_ref, (entry) => entry),
    retries: result.retries.map((retry) => ({ ...retry, summary: text(retry.summary_ref) })),
    history: at(chunk.histories, result.history_ref, (spans) => spans) || [],
    statements: result.statement_refs.map((ref) => chunk.statements[ref]),
  };
}

// The cells in which `sought` stands: in a name, the summary, or any exception of the chain.
async function cellsWith(sought) {
  const found = new Uint8Array(count);
  const within = (value) => value.toLowerCase().includes(sought);
  const matching = data.summaries.map(within);
  const named = [scenarios, formats, names, names].map((words) => words.map(within));
  const columns = [scenarioOf, formatOf, savedOf, loadedOf];
  const whole = sought.includes("/");
  for (let cell = 0; cell < count; cell += 1) {
    found[cell] = matching[data.summary[cell]] || columns.some((column, side) => named[side][column[cell]]) ||
      (whole && within(keyOf(cell)));
  }
  for (let number = 0; number * data.chunk < count; number += 1) {
    const chunk = await chunkAt(number);
    const hits = chunk.errors.map(({ chain }) => chain.some((link) =>
      within(`${chunk.text(link.type_ref)}: ${chunk.text(link.message_ref)}`)));
    chunk.cells.forEach((row, place) => {
      if (row.error_ref !== null && hits[row.error_ref]) found[number * data.chunk + place] = 1;
    });
  }
  return found;
}
