from kerasmatrix.diagnosis.atlas import Template, find_origins, the_atlas, the_notes
from kerasmatrix.diagnosis.catalogue import the_catalogue


def template(text):
    literals = tuple(part for part in text.split("{}") if part.strip())
    return Template("keras", "ValueError", text, (("a:b", "3.3.3"),), literals)


def test_template_weight_needs_its_texts_in_order():
    one = template("Layer {} expects {} weights")
    assert one.weight_in("Layer d expects 2 weights") == len("Layer " + " expects " + " weights")
    assert one.weight_in("2 weights expects Layer d") == 0


def test_template_of_a_message_that_is_cut_is_recognized():
    one = template("The layer {} was never built and thus it has no variables. Received {}")
    assert one.weight_in("The layer d was never built and thus it has no variables. Rec") > 0
    assert one.weight_in("The layer d was happy") == 0


def test_find_origins_takes_the_template_that_explains_most():
    message = "Unable to load model. Filepath is not an hdf5 file (or h5py is not available)"
    found = find_origins([("OSError", message)])
    assert {origin.package for origin in found} <= {"keras", "tf_keras"}
    assert find_origins([("ValueError", "the moon is in the seventh house")]) == ()


def test_atlas_is_read_whole():
    packages = {one.package for one in the_atlas()}
    assert packages >= {"keras", "tf_keras", "tensorflow", "h5py", "keras_hub"}
    assert len(the_atlas()) > 4000


def test_notes_name_causes_of_the_catalogue():
    causes = {note.cause for note in the_notes()} - {None}
    assert causes <= {cause.slug for cause in the_catalogue().causes}


def test_notes_have_a_cause_or_advice_not_both():
    assert not [note for note in the_notes() if note.cause and note.do]
