"""Steps that tests take on a report's page."""


def visit(page, address):
    """Open the report and wait until its script has shown what there is."""
    page.goto(address)
    page.wait_for_function("document.getElementById('count').textContent !== ''")
    # Blocks are drawn when they come near.
    page.locator(".scenario").first.scroll_into_view_if_needed()
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
