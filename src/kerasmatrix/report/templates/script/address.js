// The address holds the choices: filters, the upgrade, the open cell.
function asked() {
  return new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
}

function addressOf(changes) {
  const parameters = asked();
  Object.entries(changes).forEach(([name, value]) => {
    if (value) parameters.set(name, value); else parameters.delete(name);
  });
  return parameters.toString().replaceAll("%2F", "/");
}

function remember(changes) {
  const address = addressOf(changes);
  // An empty one must not jump to the top.
  history.replaceState(null, "", address ? `#${address}` : location.pathname + location.search);
}

function cellLink(cell, content) {
  const made = element("a", content);
  made.href = `#${addressOf({ cell: keyOf(cell) })}`;
  return made;
}
