"""The elements of a page that shows text of hostile files, as a browser parses it."""

from html.parser import HTMLParser


class Page(HTMLParser):
    """Collects the elements, event handlers and scripts of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.handlers, self.scripts, self._in = [], [], [], False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.handlers += [name for name, _ in attributes if name.startswith("on")]
        self._in = tag == "script"

    def handle_endtag(self, tag):
        self._in = False

    def handle_data(self, data):
        if self._in:
            self.scripts.append(data)
