// The box of the explain page. Python runs in the page, with the modules that the command
// `kerasmatrix explain` runs, and nothing is sent: the page's policy forbids every connection.
"use strict";
{
  const FOLDER = new URL(".", document.currentScript.src).href;
  const CAUSES = "catalogue/causes/";
  const LIKELY = { high: "", medium: " (likely)", low: " (possible)" };
  const MOST_SOURCES = 3;
  // The fields of the page are the options of the command.
  const OPTION = /pass --(?:saved-with|loaded-with|format)(?:, or the file itself with --file)?/;
  const element = id => document.getElementById(id);
  let started;

  /** Return the answer as the JSON of an Explanation; Python starts with the first question. */
  globalThis.explainError = async (text, saved = "", loaded = "", format = "") => {
    started ??= start();
    const answer = await started;
    return JSON.parse(answer(text, saved, loaded, format));
  };

  async function start() {
    await new Promise((loaded, failed) => {
      const script = document.createElement("script");
      script.src = `${FOLDER}runtime.js`;
      script.onload = loaded;
      script.onerror = () => failed(new Error("runtime.js is missing"));
      document.head.append(script);
    });
    const parts = globalThis.explainParts;
    delete globalThis.explainParts;
    const loader = new Blob([await unpacked(parts.loader)], { type: "text/javascript" });
    const address = URL.createObjectURL(loader);
    const { default: createPyodideModule } = await import(address);
    URL.revokeObjectURL(address);
    const answers = {
      "pyodide.asm.wasm": await unpacked(parts.interpreter),
      "python_stdlib.zip": await unpacked(parts.library),
    };
    const python = await withFetch(
      name => answers[name],
      () => loadPyodide({ createPyodideModule, indexURL: FOLDER, lockFileContents: parts.lock }),
    );
    python.unpackArchive(await unpacked(parts.packages), "zip");
    python.runPython(new TextDecoder().decode(await unpacked(parts.answer)));
    return python.globals.get("answer");
  }

  async function unpacked(text) {
    const bytes = Uint8Array.from(atob(text), character => character.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  /** Run `work` while `fetch` answers with what `find` has for a file's name, and else refuses. */
  async function withFetch(find, work) {
    const before = globalThis.fetch;
    globalThis.fetch = async address => {
      const content = find(String(address).split("/").pop());
      if (!content) throw new TypeError(`${address} is not in the bundle`);
      return new Response(content, { headers: { "Content-Type": "application/wasm" } });
    };
    try {
      return await work();
    } finally {
      globalThis.fetch = before;
    }
  }

  async function explain() {
    const button = element("explain-box").querySelector("button");
    const text = element("explain-text").value;
    const facts = ["saved", "loaded", "format"].map(name => element(`explain-${name}`).value.trim());
    button.disabled = true;
    element("explain-answer").hidden = true;
    element("explain-state").textContent = started
      ? "Reading …" : "Starting Python in this page: some seconds, once …";
    try {
      // The text is to be seen before Python takes the thread.
      await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
      const found = await globalThis.explainError(text, ...facts);
      element("explain-state").textContent = found.error ? `${found.error}. ${found.hint ?? ""}` : "";
      if (!found.error) show(found);
    } catch (fault) {
      console.error(fault);
      started = undefined;
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

  function* listed(title, items) {
    if (!items.length) return;
    yield make("h3", title);
    yield make("ul", ...items.map(one => make("li", ...(one instanceof Node ? [one] : prose(one)))));
  }

  function link(slug, title) {
    return Object.assign(make("a", ...prose(title)), { href: `${CAUSES}${slug}.html` });
  }

  /** Return a text's parts, those in backticks as code and addresses as links. */
  function prose(text) {
    return text.split(/(`[^`]+`|https?:\/\/[^\s)]+)/).map(part => {
      if (part.startsWith("`")) return make("code", part.slice(1, -1));
      return /^https?:/.test(part) ? Object.assign(make("a", part), { href: part }) : part;
    });
  }

  function make(name, ...content) {
    const made = document.createElement(name);
    made.append(...content);
    return made;
  }

  element("explain-else").hidden = true;
  element("explain-box").hidden = false;
  element("explain-box").addEventListener("submit", event => {
    event.preventDefault();
    explain();
  });
}
