"""What a browser makes of a page in which there is text of files that are not ours."""

from html.parser import HTMLParser


class Page(HTMLParser):
    """Notes the elements of a page, and what is in its scripts."""

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
