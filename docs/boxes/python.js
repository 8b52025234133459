// Python in the page: Pyodide, with the modules and the data of kerasmatrix. Nothing is sent: the
// policy of a page with a box forbids every connection, so that all is in scripts next to this.
"use strict";
{
  const FOLDER = new URL(".", document.currentScript.src).href;
  const MODULES = "/modules";
  let started;

  globalThis.pageWithPython = {
    /** Return Python, which starts with the first call; if it fails, the next call tries again. */
    start() {
      started ??= start().catch(fault => {
        started = undefined;
        throw fault;
      });
      return started;
    },
    get isStarted() {
      return started !== undefined;
    },
    /** Let the page show what changed before Python takes the thread. */
    shown: () => new Promise(done => requestAnimationFrame(() => setTimeout(done))),
    runScript,
    importModule,
    make,
    prose,
    listed,
  };

  async function start() {
    await runScript("runtime.js");
    const parts = globalThis.runtimeParts;
    delete globalThis.runtimeParts;
    const { default: createPyodideModule } = await importModule(parts.loader);
    const answers = {
      "pyodide.asm.wasm": await unpacked(parts.interpreter),
      "python_stdlib.zip": await unpacked(parts.library),
    };
    const python = await withFetch(
      name => answers[name],
      () => loadPyodide({ createPyodideModule, indexURL: FOLDER, lockFileContents: parts.lock }),
    );
    python.unpackArchive(await unpacked(parts.packages), "zip", { extractDir: MODULES });
    // Without the current folder: dropped files lie there, and a numpy.py may be among them.
    python.runPython(`import sys; sys.path[:] = ["${MODULES}", *filter(None, sys.path)]`);
    return python;
  }

  function runScript(name) {
    return new Promise((loaded, failed) => {
      const script = document.createElement("script");
      script.src = `${FOLDER}${name}`;
      script.onload = loaded;
      script.onerror = () => failed(new Error(`${name} is missing`));
      document.head.append(script);
    });
  }

  async function importModule(packed) {
    const blob = new Blob([await unpacked(packed)], { type: "text/javascript" });
    const address = URL.createObjectURL(blob);
    try {
      return await import(address);
    } finally {
      URL.revokeObjectURL(address);
    }
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

  function make(name, ...content) {
    const made = document.createElement(name);
    made.append(...content);
    return made;
  }

  /** Return a text's parts, those in backticks as code and addresses as links. */
  function prose(text) {
    return text.split(/(`[^`]+`|https?:\/\/[^\s)]+)/).map(part => {
      if (part.startsWith("`")) return make("code", part.slice(1, -1));
      return /^https?:/.test(part) ? Object.assign(make("a", part), { href: part }) : part;
    });
  }

  /** Return a title and a list; nothing if the list is empty. */
  function listed(title, items) {
    if (!items.length) return [];
    const rows = items.map(one => make("li", ...(one instanceof Node ? [one] : prose(one))));
    return [make("h3", title), make("ul", ...rows)];
  }
}
