// Making elements. Text from an experiment is set as text, never as markup.

// Characters that act on a terminal, or that reorder or hide text, are shown as what they are.
// html.py does the same to what it shows.
const ACTING = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]/gu;
function visible(value) {
  return String(value).replace(ACTING,
    (character) => "\\u" + character.codePointAt(0).toString(16).padStart(4, "0"));
}

function element(tag, content, className) {
  const made = document.createElement(tag);
  if (content !== undefined && content !== null) made.textContent = visible(content);
  if (className) made.className = className;
  return made;
}

const SVG = "http://www.w3.org/2000/svg";
function drawing(tag, attributes, ...children) {
  const made = document.createElementNS(SVG, tag);
  Object.entries(attributes).forEach(([name, value]) => made.setAttribute(name, value));
  made.append(...children);
  return made;
}

function labelled(text) {
  const title = drawing("title", {});
  title.textContent = visible(text);
  return title;
}

function chip(status) {
  const look = lookOf.get(status);
  return element("span", `${look.glyph} ${look.word}`, `chip ${status}`);
}

function brief(content) {
  return content.length > 160 ? `${content.slice(0, 159)}…` : content;
}

function table(rows, head) {
  const made = element("table");
  if (head) {
    const row = element("tr");
    head.forEach((name) => {
      const cell = element(name ? "th" : "td", name);
      if (name) cell.scope = "col";
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

// A text in which names of code stand between backticks.
function prose(tag, text) {
  const made = element(tag);
  text.split("`").forEach((part, place) => made.append(place % 2 ? element("code", part) : visible(part)));
  return made;
}

// A stacked bar of counts by status; what says nothing about Keras lets the hatching below through.
// One element with a gradient, since hundreds are painted again for every filter.
const FILLS = statuses.map(({ id }) => (INCONCLUSIVE.has(id) ? "transparent" : `var(--${id}-fill)`));
function fill(made, counts, total) {
  const stops = [];
  let from = 0;
  counts.forEach((number, place) => {
    if (!number) return;
    const to = from + (100 * number) / total;
    stops.push(`${FILLS[place]} ${from.toFixed(1)}% ${to.toFixed(1)}%`);
    from = to;
  });
  if (from < 100) stops.push(`var(--raised) ${from.toFixed(1)}% 100%`);
  made.style.backgroundImage = `linear-gradient(90deg, ${stops.join(", ")}), var(--hatching)`;
}

function bar(counts, title) {
  const made = element("span", null, "status-bar");
  made.setAttribute("role", "img");
  fill(made, counts, counts.reduce((before, number) => before + number, 0));
  made.title = visible(title);
  made.setAttribute("aria-label", made.title);
  return made;
}

function tell(counts) {
  return statuses.flatMap((status, place) => (counts[place] ? [`${counts[place]} ${status.word}`] : []))
    .join(", ");
}
