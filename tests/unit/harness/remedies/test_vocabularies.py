import io
import zipfile

import pytest

from kerasmatrix.harness.remedies.vocabularies import load_vocabularies


class StringLookup:
    """Adds its special tokens to words without them, and counts them twice if ``older``."""

    def __init__(self, *special, older=False):
        self.words = None
        self._special = list(special)
        self._older = older

    def set_vocabulary(self, words):
        if not words:
            raise ValueError("empty")
        has_special = bool(self._special) and words[: len(self._special)] == self._special
        self.words = words if has_special and not self._older else self._special + words

    def get_vocabulary(self):
        return self.words


class IntegerLookup(StringLookup):
    pass


class Model:
    def __init__(self, *layers):
        self.layers = list(layers)


def archive(**files):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as written:
        for folder, words in files.items():
            written.writestr(f"assets/layers/{folder}/vocabulary.txt", words)
    return zipfile.ZipFile(data)


def test_load_vocabularies_in_the_order_of_each_class():
    first, second, third = StringLookup(""), StringLookup(""), IntegerLookup()
    model = Model(first, Model(third), second)
    file = archive(string_lookup_2="\nb", integer_lookup="1\n2", string_lookup="\na")
    assert load_vocabularies(model, file) == 3
    assert (first.words, second.words, third.words) == (["", "a"], ["", "b"], [1, 2])


@pytest.mark.parametrize("older", [True, False])
def test_load_vocabularies_special_tokens_count_once(older):
    layer = StringLookup("", "[UNK]", older=older)
    load_vocabularies(Model(layer), archive(string_lookup="\n[UNK]\na"))
    assert layer.words == ["", "[UNK]", "a"]


def test_load_vocabularies_of_special_tokens_alone():
    layer = StringLookup()
    load_vocabularies(Model(layer), archive(string_lookup="\n[UNK]"))
    assert layer.words == ["", "[UNK]"]


def test_load_vocabularies_of_other_layers_is_an_error():
    with pytest.raises(ValueError, match="the model has 0 such layers"):
        load_vocabularies(Model(), archive(string_lookup="a"))
