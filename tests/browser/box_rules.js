// Every rule of the style sheet that ends in a class, is not limited to a part of the page by an id,
// and sets what boxes there are and where: its selector, the classes that it ends in, and of each
// element that it matches the part of the page and the tag.
() => {
  const BOX = new RegExp("^(display|position|float|inset|top|right|bottom|left|overflow|margin|" +
    "padding|grid|flex|((min|max)-)?(width|height|inline-size|block-size))");

  const rules = (list) => [...list].flatMap((rule) => {
    if (rule.selectorText) return [rule];
    return rule.cssRules ? rules(rule.cssRules) : [];
  });

  // A comma or a space within `:not(…)` divides nothing.
  const selectorsOf = (rule) => rule.selectorText.split(/,(?![^(]*\))/).map((each) => each.trim());
  const endOf = (selector) => selector.split(/[\s>+~]+(?![^(]*\))/).pop().replace(/:[\w-]+(\([^)]*\))?/g, "");

  const partOf = (element) => {
    const part = element.closest("#panel, body > header, main > *") || element;
    return part.classList.contains("scenario") ? "scenario" : part.id || part.localName;
  };

  const { cssRules } = document.querySelector("style").sheet;
  return rules(cssRules).filter((rule) => [...rule.style].some((name) => BOX.test(name)))
    .flatMap(selectorsOf).filter((selector) => !selector.includes("#")).flatMap((selector) => {
      const classes = [...endOf(selector).matchAll(/\.([\w-]+)/g)].map(([, name]) => name);
      if (!classes.length) return [];
      const always = selector.replace(/:(hover|focus[\w-]*)/g, "");
      const matched = [...document.querySelectorAll(always)];
      return [[selector, classes, matched.map((element) => [partOf(element), element.localName])]];
    });
}
