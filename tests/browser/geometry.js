// Where text stands on a page, for the tests that look. Evaluates to an object of functions.
(() => {
  const CLIPS = /auto|scroll|hidden|clip/;

  // What is left of `box` within everything around `element` that cuts off or scrolls.
  function clipped(box, element) {
    let { left, top, right, bottom } = box;
    for (let around = element; around && around !== document.body; around = around.parentElement) {
      const style = getComputedStyle(around);
      // A section that is not laid out while it is out of sight is never drawn beyond its box.
      const contained = style.contentVisibility === "auto";
      if (!contained && !CLIPS.test(style.overflowX + style.overflowY)) continue;
      const outer = around.getBoundingClientRect();
      [left, right] = [Math.max(left, outer.left), Math.min(right, outer.right)];
      [top, bottom] = [Math.max(top, outer.top), Math.min(bottom, outer.bottom)];
    }
    return { left, top, right, bottom };
  }

  // A box for each line of each text that can be seen below `root`.
  function lines(root) {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    const found = [];
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const element = node.parentElement;
      if (!node.data.trim() || !element.checkVisibility({
        visibilityProperty: true, contentVisibilityAuto: true, opacityProperty: true })) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      for (const whole of range.getClientRects()) {
        const box = clipped(whole, element);
        // Text for screen readers is a dot of one pixel.
        if (box.right - box.left < 3 || box.bottom - box.top < 3) continue;
        found.push({ ...box, whole, node, text: node.data.trim().slice(0, 60) });
      }
    }
    return found;
  }

  // Pairs of texts that stand on each other. Fonts may give a line more height than it takes, so
  // the middle of each counts.
  function overlaps(root) {
    const cores = lines(root).map((line) => {
      const margin = (line.bottom - line.top) / 4;
      return { ...line, left: line.left + 1, right: line.right - 1, top: line.top + margin, bottom: line.bottom - margin };
    }).sort((one, other) => one.top - other.top);
    const found = [];
    cores.forEach((one, place) => {
      for (let next = place + 1; next < cores.length && cores[next].top < one.bottom; next += 1) {
        const other = cores[next];
        if (other.node !== one.node && one.left < other.right && other.left < one.right) {
          found.push(`“${one.text}” and “${other.text}”`);
        }
      }
    });
    return found;
  }

  // Texts that end beyond the sides of `root` where nothing can be scrolled to show them.
  function cutOff(root) {
    const { left, right } = root.getBoundingClientRect();
    return lines(root).filter(({ whole, node }) => {
      const inner = clipped(whole, node.parentElement);
      const within = root.contains(node.parentElement.closest(".scroll, pre, ul[tabindex]"));
      return !within && (whole.left < left - 1 || whole.right > right + 1 || inner.right < whole.right - 1);
    }).map(({ text }) => text);
  }

  function lineCount(element) {
    const range = document.createRange();
    range.selectNodeContents(element);
    const size = parseFloat(getComputedStyle(element).fontSize);
    const tops = [...range.getClientRects()].map(({ top }) => top).sort((one, other) => one - other);
    // A piece in another font starts a little higher or lower on the same line.
    return tops.filter((top, place) => place === 0 || top - tops[place - 1] > size / 2).length;
  }

  return {
    overlaps, cutOff,
    titles: (root) => [...root.querySelectorAll("h1, h2, h3")]
      .filter((title) => title.checkVisibility({ contentVisibilityAuto: true }))
      .map((title) => [title.textContent.trim(), lineCount(title)]),
    sideways: (root) => root.scrollWidth - root.clientWidth,
  };
})()
