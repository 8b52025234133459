// Pictures of the cells that pass the filters: where scenarios break, by how much numbers differ,
// how long loads take.

function drawStrips() {
  const rowOf = (cell) => scenarioOf[cell] * names.length + loadedOf[cell];
  const counts = Array.from({ length: scenarios.length * names.length },
    () => new Array(statuses.length).fill(0));
  for (let cell = 0; cell < count; cell += 1) {
    if (fits[cell] && savedOf[cell] <= loadedOf[cell]) {
      counts[rowOf(cell)][data.status.charCodeAt(cell) - 48] += 1;
    }
  }
  const made = element("table", null, `matrix strips${names.length > 12 ? " dense" : ""}`);
  const head = element("thead");
  head.append(headRow("scenario ↓ loaded with →", false));
  const body = element("tbody");
  scenarios.forEach((scenario, place) => {
    if (!names.some((_, loaded) => sum(counts[place * names.length + loaded]))) return;
    const row = element("tr");
    const title = element("th");
    title.scope = "row";
    const link = element("a", scenario);
    link.href = `#scenario-${scenario}`;
    title.append(link);
    row.append(title);
    columns.forEach((loaded) => {
      const name = names[loaded];
      const found = counts[place * names.length + loaded];
      const cell = element("td", null, `sum${eras.has(loaded) ? " era" : ""}`);
      if (sum(found)) cell.append(bar(found, `${scenario} loaded with ${name}: ${tell(found)}`));
      row.append(cell);
    });
    body.append(row);
  });
  made.append(head, body);
  byId("strips").replaceChildren(made);
}

const DECADES = [-9, 4];
const SCALE = { left: 230, width: 460, row: 16, top: 6 };

function drawDrift() {
  const points = new Map();
  Object.entries(data.differences).forEach(([key, difference]) => {
    const cell = Number(key);
    if (!fits[cell]) return;
    const number = Number(difference);
    const decade = Number.isFinite(number) ? Math.log10(number) : DECADES[1];
    const x = Math.min(Math.max(decade, DECADES[0]), DECADES[1]);
    const point = [scenarioOf[cell], Math.round(x * 10) / 10, statusOf(cell)].join("|");
    points.set(point, (points.get(point) || 0) + 1);
  });
  const rows = [...new Set([...points.keys()].map((point) => Number(point.split("|")[0])))].sort((a, b) => a - b);
  if (!rows.length) { byId("drift").replaceChildren(element("p", "No number differs.", "quiet")); return; }
  const along = (decade) => SCALE.left + (SCALE.width * (decade - DECADES[0])) / (DECADES[1] - DECADES[0]);
  const height = SCALE.top + rows.length * SCALE.row + 24;
  const bottom = SCALE.top + rows.length * SCALE.row;
  const made = drawing("svg", { viewBox: `0 0 ${SCALE.left + SCALE.width + 20} ${height}`, role: "img",
    width: SCALE.left + SCALE.width + 20, height },
  labelled("How much outputs differ, by scenario; logarithmic"));
  for (let decade = DECADES[0]; decade <= DECADES[1]; decade += 1) {
    const x = along(decade);
    const label = drawing("text", { x, y: bottom + 16, "text-anchor": "middle" });
    label.textContent = decade % 2 ? "" : `1e${decade}`;
    made.append(drawing("line", { x1: x, x2: x, y1: SCALE.top, y2: bottom + 3, class: "drift-grid" }), label);
  }
  rows.forEach((scenario, place) => {
    const label = drawing("text", { x: SCALE.left - 10, y: SCALE.top + place * SCALE.row + 12, "text-anchor": "end" });
    label.textContent = visible(scenarios[scenario]);
    made.append(label);
  });
  points.forEach((number, point) => {
    const [scenario, decade, status] = point.split("|");
    const y = SCALE.top + rows.indexOf(Number(scenario)) * SCALE.row + 8;
    made.append(drawing("circle", { cx: along(Number(decade)), cy: y, r: Math.min(7, 2.5 + Math.log2(number) / 2).toFixed(1), class: status },
      labelled(`${scenarios[scenario]}: ${plural(number, "cell")} near 1e${decade} (${lookOf.get(status).word})`)));
  });
  byId("drift").replaceChildren(made);
}

function drawTimes() {
  const seconds = names.map(() => []);
  for (let cell = 0; cell < count; cell += 1) {
    if (fits[cell] && data.seconds[cell] !== NONE) seconds[loadedOf[cell]].push(data.seconds[cell]);
  }
  const middle = seconds.map((found) => {
    found.sort((a, b) => a - b);
    return found.length ? found[Math.floor(found.length / 2)] : null;
  });
  const longest = Math.max(...middle.map((value) => value || 0));
  if (!longest) { byId("times").replaceChildren(element("p", "Nothing was loaded.", "quiet")); return; }
  const made = element("table", null, "times");
  names.forEach((name, place) => {
    if (middle[place] === null) return;
    const row = element("tr");
    const head = element("th", name);
    head.scope = "row";
    const cell = element("td");
    const share = Math.max(0.01, middle[place] / longest).toFixed(2);
    const length = element("span", null, "time-bar");
    length.style.width = `calc(${share} * min(15rem, 45vw))`; // leaves room for the number
    cell.append(length, element("span", ` ${middle[place].toFixed(2)} s`));
    row.append(head, cell);
    made.append(row);
  });
  byId("times").replaceChildren(made);
}

// The versions that a cause is seen with, on either side; drawn when it is unfolded.
function drawSpread(place) {
  const cause = data.slugs.indexOf(place.dataset.cause);
  const sides = [["saved with", savedOf], ["loaded with", loadedOf]].map(([title, column]) => {
    const counts = new Array(names.length).fill(0);
    for (let cell = 0; cell < count; cell += 1) {
      if (cause >= 0 && data.cause[cell] === cause) counts[column[cell]] += 1;
    }
    return [title, counts];
  });
  const most = Math.max(1, ...sides.flatMap(([, counts]) => counts));
  const made = element("table", null, "spread");
  const head = element("thead");
  const top = element("tr");
  top.append(element("td"), ...names.map((name) => {
    const cell = element("th", name);
    cell.scope = "col";
    return cell;
  }));
  head.append(top);
  made.append(head);
  sides.forEach(([title, counts]) => {
    const row = element("tr");
    const first = element("th", title);
    first.scope = "row";
    row.append(first, ...counts.map((number) => {
      const cell = element("td", number || "");
      const share = Math.round((45 * number) / most);
      if (number) cell.style.background = `color-mix(in srgb, var(--fail-mark) ${share + 5}%, transparent)`;
      return cell;
    }));
    made.append(row);
  });
  place.replaceChildren(made);
}

// Each is drawn when it is near and out of date: filters are chosen where none of them is in sight.
const pictures = new Map([["overview-matrix", drawOverview], ["strips", drawStrips],
  ["drift", drawDrift], ["times", drawTimes]].filter(([id]) => byId(id)).map(([id, draw]) => [byId(id).parentElement,
  { draw, seen: false, stale: true }]));

function refresh(picture) {
  if (!picture.stale) return;
  picture.stale = false;
  picture.draw();
}

const sight = new IntersectionObserver((entries) => {
  entries.forEach(({ target, isIntersecting }) => {
    const picture = pictures.get(target);
    picture.seen = isIntersecting;
    if (isIntersecting) refresh(picture);
  });
}, { rootMargin: "400px" });

function drawPictures() {
  pictures.forEach((picture) => {
    picture.stale = true;
    if (picture.seen) refresh(picture);
  });
}

function drawAllPictures() {
  pictures.forEach(refresh);
}
