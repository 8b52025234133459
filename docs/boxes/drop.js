// The box for model files. Python reads them in the page, with the modules that `kerasmatrix
// inspect` and `kerasmatrix predict` run, and HDF5 with the HDF5 library. Nothing is uploaded: the
// page's policy forbids every connection.
"use strict";
{
  const { start, runScript, importModule, make, prose, listed, shown } = globalThis.pageWithPython;
  const LARGEST = 2 ** 30; // bytes: Python and the HDF5 library share the memory of a page
  const MOST_FILES = 10_000;
  const RESULTS = {
    pass: ["✓", "loads as it was"],
    degraded: ["◐", "loads, and loses something"],
    drift: ["≈", "loads, and computes something else"],
    fail: ["✕", "does not load"],
    unsupported: ["-", "the version lacks the format"],
    unknown: ["?", "unknown"],
  };
  const element = id => document.getElementById(id);
  let describe;
  let drops = 0;

  /** Return the answers for files, each a path below the dropped folder with its bytes. */
  globalThis.describeFiles = async files => {
    describe ??= await prepared();
    return describe(files);
  };

  async function prepared() {
    const python = await start();
    await runScript("library.js");
    const { default: createModule } = await importModule(globalThis.libraryPart);
    delete globalThis.libraryPart;
    python.registerJsModule("hdf5", await globalThis.hdf5For(python, createModule));
    const answers = python.pyimport("answers");
    return files => {
      const folder = `/dropped/${drops += 1}`;
      python.FS.mkdirTree(folder);
      try {
        for (const [path, bytes] of files) {
          const [, parent, name] = `${folder}/${path}`.match(/^(.*)\/([^/]+)$/);
          python.FS.mkdirTree(parent);
          // The file system takes the bytes as they are, without a copy.
          python.FS.createDataFile(parent, name, bytes, true, true, true);
        }
        const top = [...new Set(files.map(([path]) => path.split("/")[0]))];
        return JSON.parse(answers.describe(folder, top));
      } finally {
        answers.forget(folder);
      }
    };
  }

  async function read(found) {
    const answer = element("drop-answer");
    const state = text => { element("drop-state").textContent = text; };
    answer.hidden = true;
    const size = found.reduce((sum, [, file]) => sum + file.size, 0);
    if (!found.length) return state("The folder has no files.");
    if (size > LARGEST || found.length > MOST_FILES) {
      return state("This page reads files of up to 1 GB together. Run kerasmatrix inspect and " +
        "kerasmatrix predict instead: they read the structure of files of any size.");
    }
    state(describe ? "Reading …" : "Starting Python in this page: some seconds, once …");
    try {
      await shown();
      const files = [];
      for (const [path, file] of found) {
        files.push([path, new Uint8Array(await file.arrayBuffer())]);
      }
      answer.replaceChildren(...(await globalThis.describeFiles(files)).map(articleOf));
      answer.hidden = false;
      state("");
      answer.scrollIntoView({ block: "nearest" });
    } catch (fault) {
      console.error(fault);
      state(`The files could not be read here (${String(fault.message).trim().split("\n").pop()}). ` +
        "Run kerasmatrix inspect and kerasmatrix predict instead.");
    }
  }

  function articleOf(one) {
    const article = make("article");
    if (one.file) article.append(make("h2", one.file));
    if (one.runs) article.append(...verdictOf(one));
    if (one.error) article.append(...refusalOf(one));
    if (one.model) {
      const size = `${one.model.bytes.toLocaleString("en")} bytes`;
      article.append(...listed("What is in it", [`${capital(one.kind)}, ${size}`, ...one.facts]
        .map(fact => make("li", capital(fact.trim())))));
      if (one.tree) article.append(treeOf(one.tree));
    }
    return article;
  }

  function* refusalOf({ file, error, hint }) {
    const text = file && error.startsWith(`${file}: `) ? error.slice(file.length + 2) : error;
    yield make("p", make("strong", `${capital(text)}.`), hint ? ` ${capital(hint)}.` : "");
  }

  function* verdictOf({ file, runs }) {
    const newest = runs.at(-1);
    const release = newest.environments.split(" … ").at(-1);
    const verdict = make("p", make("strong", `In ${release}, it likely ${RESULTS[newest.status][1]}`));
    if (newest.story) verdict.append(": ", causeOf(newest));
    verdict.append(".");
    if (newest.fixes.length) verdict.append(" Fix: ", ...fixesOf(newest), ".");
    yield verdict;
    const rows = runs.map(one => {
      const [sign, result] = RESULTS[one.status];
      const sure = Object.assign(make("span", ` (sure to ${Math.round(100 * one.confidence)} %)`),
        { className: "drop-because" });
      const why = make("td", ...(one.cause ? [causeOf(one), make("br")] : []));
      why.append(Object.assign(make("span", one.because), { className: "drop-because" }));
      return make("tr", make("th", one.environments), make("td", `${sign} ${result}`, sure), why,
        make("td", ...fixesOf(one)));
    });
    const heads = ["Version", "Likely", "Why", "Fix"].map(text => make("th", text));
    const table = make("table", make("thead", make("tr", ...heads)), make("tbody", ...rows));
    table.className = "docutils";
    const around = make("div", table);
    Object.assign(around, { className: "table-wrapper", tabIndex: 0, role: "region" });
    around.setAttribute("aria-label", `Predictions for ${file}`);
    yield around;
    const to = release.match(/\d+\.\d+/)[0];
    const works = newest.status === "pass";
    yield make("p", works ? "To measure it:" : "To measure it, and write a fixed file:");
    const fix = works ? "" : " --fix fixed/";
    yield make("pre", make("code", `kerasmatrix check ${quoted(file)} --to ${to}${fix}`));
  }

  function causeOf({ cause, story }) {
    return Object.assign(make("a", ...prose(story ?? cause)), { href: `catalogue/causes/${cause}.html` });
  }

  function* fixesOf({ fixes }) {
    for (const [index, { id, title }] of fixes.entries()) {
      if (index) yield ", and ";
      yield Object.assign(make("a", ...prose(title)), { href: `catalogue/fixes/${id}.html` });
    }
  }

  function treeOf(tree) {
    const details = make("details", make("summary", "Layers"), make("ul", branchOf(tree)));
    details.className = "drop-tree";
    return details;
  }

  function branchOf({ class: kind, name, facts, parts }) {
    const item = make("li", make("strong", kind), name ? ` ${name}` : "", facts ? ` (${facts})` : "");
    if (parts.length) item.append(make("ul", ...parts.map(branchOf)));
    return item;
  }

  function capital(text) {
    return text[0].toUpperCase() + text.slice(1);
  }

  function quoted(path) {
    return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
  }

  /** Return the files among dropped items, each with its path; folders are walked. */
  async function dropped(items) {
    // Before anything is awaited: the list of items is emptied after the event.
    const given = [...items].filter(item => item.kind === "file")
      .map(item => [item.webkitGetAsEntry?.(), item.getAsFile()]);
    const found = [];
    for (const [entry, file] of given) {
      if (entry) await walk(entry, found);
      else if (file) found.push([file.name, file]);
    }
    return found;
  }

  async function walk(entry, found) {
    if (found.length > MOST_FILES) return;
    if (entry.isFile) {
      const file = await new Promise((done, failed) => entry.file(done, failed));
      found.push([entry.fullPath.replace(/^\//, ""), file]);
      return;
    }
    const reader = entry.createReader();
    for (;;) {
      const inner = await new Promise((done, failed) => reader.readEntries(done, failed));
      if (!inner.length) return;
      for (const one of inner) await walk(one, found);
    }
  }

  element("drop-else").hidden = true;
  element("drop-box").hidden = false;
  const area = element("drop-area");
  for (const input of [element("drop-files"), element("drop-folder")]) {
    input.addEventListener("change", () => {
      const files = [...input.files].map(file => [file.webkitRelativePath || file.name, file]);
      input.value = ""; // so that the same file can be chosen again
      read(files);
    });
  }
  // A file that misses the area would replace the page.
  for (const kind of ["dragover", "drop"]) {
    document.addEventListener(kind, event => event.preventDefault());
  }
  area.addEventListener("dragover", () => area.classList.add("drop-over"));
  area.addEventListener("dragleave", () => area.classList.remove("drop-over"));
  area.addEventListener("drop", async event => {
    area.classList.remove("drop-over");
    const found = dropped(event.dataTransfer.items);
    element("drop-state").textContent = "Reading …";
    read(await found);
  });
}
