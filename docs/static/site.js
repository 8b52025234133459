// Lets the keyboard scroll blocks of code that are wider than the page.
"use strict";
{
  const blocks = document.querySelectorAll("pre, .table-wrapper");
  const mark = () => {
    for (const block of blocks) {
      if (block.scrollWidth > block.clientWidth) block.tabIndex = 0;
      else block.removeAttribute("tabindex");
    }
  };
  mark();
  addEventListener("resize", mark);
}
