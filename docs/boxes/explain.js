// The box of the explain page. Python runs in the page, with the modules that the command
// `kerasmatrix explain` runs, and nothing is sent: the page's policy forbids every connection.
"use strict";
{
  const { start, make, prose, listed, shown } = globalThis.pageWithPython;
  const CAUSES = "catalogue/causes/";
  const LIKELY = { high: "", medium: " (likely)", low: " (possible)" };
  const MOST_SOURCES = 3;
  // The fields of the page are the options of the command.
  const OPTION = /pass --(?:saved-with|loaded-with|format)(?:, or the file itself with --file)?/;
  const element = id => document.getElementById(id);
  let answer;

  /** Return the answer as the JSON of an Explanation; Python starts with the first question. */
  globalThis.explainError = async (text, saved = "", loaded = "", format = "") => {
    answer ??= (await start()).pyimport("answers").explain;
    return JSON.parse(answer(text, saved, loaded, format));
  };

  async function explain() {
    const button = element("explain-box").querySelector("button");
    const text = element("explain-text").value;
    const facts = ["saved", "loaded", "format"].map(name => element(`explain-${name}`).value.trim());
    button.disabled = true;
    element("explain-answer").hidden = true;
    element("explain-state").textContent = answer
      ? "Reading …" : "Starting Python in this page: some seconds, once …";
    try {
      await shown();
      const found = await globalThis.explainError(text, ...facts);
      element("explain-state").textContent = found.error ? `${found.error}. ${found.hint ?? ""}` : "";
      if (!found.error) show(found);
    } catch (fault) {
      console.error(fault);
      element("explain-state").textContent =
        `Python did not start in this browser (${String(fault.message).trim().split("\n").pop()}). ` +
        "Run kerasmatrix explain instead: it gives the same answers.";
    } finally {
      button.disabled = false;
    }
  }

  function show(found) {
    const answer = element("explain-answer");
    answer.replaceChildren(...(found.cause ? causeOf(found) : nothingOf(found)), ...originsOf(found));
    if (found.cause) answer.append(...listed("Seen in", found.cause.sources.slice(0, MOST_SOURCES)));
    answer.hidden = false;
    answer.scrollIntoView({ block: "nearest" });
  }

  function* causeOf({ cause, confidence, matched, known, advice, near }) {
    yield make("h2", link(cause.slug, cause.story), LIKELY[confidence]);
    yield Object.assign(make("p", cause.slug), { className: "explain-slug" });
    for (const paragraph of cause.what.trim().split(/\n\s*\n/)) yield make("p", ...prose(paragraph));
    if (matched) yield make("p", "Recognized by ", make("code", matched));
    yield* knownOf(known);
    yield make("h3", "Fixes");
    yield make("ul", ...advice.map(one => {
      const item = make("li", ...prose(one.do), ...prose(one.loses ? ` (gives up ${one.loses})` : ""));
      if (one.code) item.append(make("pre", make("code", one.code.trimEnd())));
      return item;
    }));
    const files = Object.assign(make("a", "look into it"), { href: "drop.html" });
    yield make("p", "Is it about a file? Then ", files, ", or find the fix that works:");
    yield make("pre", make("code", "kerasmatrix check FILE --fix fixed/"));
    if (near.length) {
      const others = near.flatMap(one => [", ", link(one.slug, one.story)]).slice(1);
      yield make("p", "If that is not it, see also: ", ...others, ".");
    }
  }

  function* nothingOf({ near, known, needs, raised_by: origins }) {
    const some = near.length || origins.length;
    yield make("h2", some ? "The message alone does not tell the cause"
      : "No known cause matches this error");
    yield* listed("Possible", near.map(one => link(one.slug, one.story)));
    yield* knownOf(known);
    element("explain-box").querySelector("details").open ||= needs.some(one => OPTION.test(one));
    yield* listed("It would help to have", needs.map(one => one.replace(OPTION, "enter it above")));
  }

  function* knownOf(known) {
    for (const fact of known) yield make("p", ...prose(`Known: ${fact}.`));
  }

  function* originsOf({ raised_by: origins, cause }) {
    yield* listed("The message", origins.map(one => {
      const template = one.template.split(/\s+/).join(" ").trim();
      const releases = one.releases.replaceAll(" ", ", ").replaceAll("-", " to ");
      const place = one.place.replaceAll(":", ".").replace(/\.$/, "");
      return make("span", "raised by ", make("code", place),
        `; worded so in ${one.package} ${releases}: `, make("code", template));
    }));
    const advice = new Set(origins.map(one => one.do).filter(Boolean));
    if (!cause) yield* listed("For messages of this place", [...advice]);
  }

  function link(slug, title) {
    return Object.assign(make("a", ...prose(title)), { href: `${CAUSES}${slug}.html` });
  }

  element("explain-else").hidden = true;
  element("explain-box").hidden = false;
  element("explain-box").addEventListener("submit", event => {
    event.preventDefault();
    explain();
  });
}
