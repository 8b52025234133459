import io
import zipfile

import pytest

from kerasmatrix.harness.remedies.vocabularies import load_vocabularies


class StringLookup:
    def __init__(self, *, takes_special=True):
        self.words = None
        self._takes_special = takes_special

    def set_vocabulary(self, words):
        if "[UNK]" in words and not self._takes_special:
            raise ValueError("reserved")
        self.words = words


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
    first, second, third = StringLookup(), StringLookup(), IntegerLookup()
    model = Model(first, Model(third), second)
    file = archive(string_lookup_2="\nb", integer_lookup="1\n2", string_lookup="\na")
    assert load_vocabularies(model, file) == 3
    assert (first.words, second.words, third.words) == (["", "a"], ["", "b"], [1, 2])


def test_load_vocabularies_without_special_tokens():
    layer = StringLookup(takes_special=False)
    load_vocabularies(Model(layer), archive(string_lookup="\n[UNK]\na"))
    assert layer.words == ["a"]


def test_load_vocabularies_of_other_layers_is_an_error():
    with pytest.raises(ValueError, match="the model has 0 such layers"):
        load_vocabularies(Model(), archive(string_lookup="a"))
