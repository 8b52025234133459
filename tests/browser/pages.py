"""Steps that tests take on a report's page."""


def visit(page, address):
    """Open the report and wait until its script has shown what there is."""
    page.goto(address)
    page.wait_for_function("document.getElementById('count').textContent !== ''")
    # Blocks are drawn when they come near.
    page.locator(".scenario, #overview").last.scroll_into_view_if_needed()
    page.locator("button[data-cell]").first.wait_for()


def first(page, status):
    return page.locator(f"td.{status} button").first


def panel_of(page, status):
    """Open the first cell of a status; return the panel, which is filled when it is seen."""
    first(page, status).click()
    panel = page.locator("#panel")
    panel.wait_for(state="visible")
    return panel


def counted(page, expected):
    """Wait for the filters to have counted."""
    page.wait_for_function(
        "expected => document.getElementById('count').textContent === expected", arg=expected
    )
    return True


def unfold(page):
    """Open the part of the page that is folded at its end."""
    page.locator("#more > summary").click()


def draw_all(page):
    """Draw what is drawn only when it comes near, and unfold what is folded, as for paper."""
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")


def fit_height(page, width):
    """Make the window as high as the page: content that is out of sight is not laid out."""
    height = 0
    # Sections that come into sight may be higher than the room that was kept for them.
    while height != (wanted := page.evaluate("document.documentElement.scrollHeight")):
        height = wanted
        page.set_viewport_size({"width": width, "height": height})
        confirm_result(page)
    page.evaluate("window.scrollTo(0, 0)")


def confirm_result(page):
    """Wait until what was changed is drawn: two frames, since observers are asked after one."""
    page.evaluate(
        "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )


def insert_rules(page, *rules):
    """Add rules of CSS to the page. Its policy forbids another style element."""
    page.evaluate(
        """rules => {
          const { sheet } = document.querySelector("style");
          rules.forEach(rule => sheet.insertRule(rule, sheet.cssRules.length));
        }""",
        list(rules),
    )
