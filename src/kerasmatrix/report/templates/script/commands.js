// Commands to paste, each with a button that copies it.

// A name may hold anything; the command is meant to be pasted into a shell.
function quoted(word) {
  return /^[\w.,:=@%+/-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

const FOLDER = "fixed";
const fixCommand = (cell) => `kerasmatrix convert ${quoted(data.paths[scenarioOf[cell]])} ` +
  `--for ${quoted(names[loadedOf[cell]])} --output-dir ${FOLDER} ${data.commands.options}`;

// The command for several files: the check of the run, which finds them again, else their paths.
function fixAllCommand(cells, to) {
  const target = quoted(to);
  if (data.commands.check) return `${data.commands.check} --to ${target} --fix ${FOLDER}`;
  const paths = cells.map((cell) => quoted(data.paths[scenarioOf[cell]])).join(" ");
  return `kerasmatrix convert ${paths} --for ${target} --output-dir ${FOLDER} ${data.commands.options}`;
}

// The command that measures a cell again. It leaves this report alone.
const AGAIN = "--fresh --output again";
function repeatCommand(cell) {
  const [saved, loaded] = [names[savedOf[cell]], names[loadedOf[cell]]];
  if (data.files) {
    return `kerasmatrix check ${quoted(data.paths[scenarioOf[cell]])} --environments ${quoted(loaded)} ` +
      `--reference ${quoted(saved)} ${data.commands.options} ${AGAIN}`;
  }
  const pair = quoted([...new Set([saved, loaded])].join(","));
  return `kerasmatrix run --scenarios ${quoted(scenarios[scenarioOf[cell]])} ` +
    `--formats ${quoted(formats[formatOf[cell]])} --environments ${pair} ${data.commands.options} ${AGAIN}`;
}

// The command that makes a small script with the same failure, for an issue of Keras.
const reduceCommand = (cell) => `kerasmatrix reproduce ${quoted(data.paths[scenarioOf[cell]])} ` +
  `--loaded-with ${quoted(names[loadedOf[cell]])} --output small ${data.commands.options}`;

function copyButton(text, label) {
  const button = element("button", label || "copy", "copy");
  button.type = "button";
  if (text) button.dataset.copy = text;
  return button;
}

// A command with its button.
function commandParts(text) {
  const made = element("div", null, "command");
  made.append(pre(text), copyButton());
  return made;
}

// The clipboard is missing where a page is not trusted: then the text is selected and copied.
async function copy(button) {
  const text = button.dataset.copy || button.parentElement.querySelector("pre").textContent;
  const before = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = element("textarea", null, "unseen");
    field.value = text;
    button.after(field);
    field.select();
    document.execCommand("copy");
    field.remove();
    button.focus({ preventScroll: true });
  }
  button.textContent = "copied";
  setTimeout(() => { button.textContent = before; }, 2000);
}
