"""The exhibits of a release: one for each class, each argument at another value, each wiring.

An exhibit's name says how to build it: ``layers/Attention/score_mode=dot``, ``layers/Dense``,
``layers/LSTM/in-Bidirectional``. It runs in every release that has the class and the argument.
"""

import ast
import inspect
import re

import values

__all__ = ["PLACES", "WIRINGS", "arguments", "classes", "exhibits_of", "find", "value_of"]

PLACES = (
    "layers", "optimizers", "optimizers.legacy", "optimizers.schedules", "losses", "metrics",
    "initializers", "regularizers", "constraints", "activations",
)  # fmt: skip
# Before 2.6, some layers were in these modules only.
FORMER = ("layers.experimental.preprocessing", "layers.experimental")
WIRINGS = ("in-Sequential", "in-nested", "in-TimeDistributed", "in-Bidirectional")
RECURRENT = {"LSTM", "GRU", "SimpleRNN", "RNN"}
CELLS = {"LSTMCell", "GRUCell", "SimpleRNNCell", "StackedRNNCells"}
MOST_DIMENSIONS = 3  # of an input that fits into another dimension
REQUIRED = inspect.Parameter.empty
CALL = re.compile(r"^\[?(lambda |[a-z_.]+\.\w+(\(|$))")


def holder_of(keras, place):
    """Return the module of Keras for a place, or None."""
    for part in place.split("."):
        keras = getattr(keras, part, None)
    return keras


def find(keras, place, name):
    """Return the class or function; None if this release lacks it."""
    for where in (place, *(FORMER if place == "layers" else ())):
        kind = getattr(holder_of(keras, where), name, None)
        if kind is not None and not inspect.ismodule(kind):
            return kind
    return None


def classes(keras):
    """Return the public classes and functions: place, name, the name that counts for aliases."""
    found = []
    for place in PLACES:
        first = {}
        for where in (place, *(FORMER if place == "layers" else ())):
            for name in dir(holder_of(keras, where)):
                kind = find(keras, place, name)
                if name.startswith("_") or not _is_exhibited(keras, place, name, kind):
                    continue
                own = getattr(kind, "__name__", name)
                real = own if find(keras, place, own) is kind else name
                found.append((place, name, first.setdefault(id(kind), real)))
    return sorted(set(found))


def _is_exhibited(keras, place, name, kind):
    if inspect.isclass(kind):
        base = {"layers": "Layer", "metrics": "Metric", "losses": "Loss"}.get(place)
        parent = holder_of(keras, place + "." + base) if base else None
        return parent is None or issubclass(kind, parent)
    if place not in ("activations", "losses", "metrics") or name in values.NO_FUNCTIONS:
        return False
    # Functions are named by their own names; the others are abbreviations of them.
    return inspect.isfunction(kind) or callable(kind)


def arguments(kind):
    """Return the arguments of a class's constructor with their defaults."""
    found = {}
    if not inspect.isclass(kind):
        return found
    is_own = True
    for base in kind.__mro__:
        init = base.__dict__.get("__init__")
        if init is None or base is object:
            continue
        open_end = False
        for parameter in inspect.signature(init).parameters.values():
            if parameter.kind is parameter.VAR_KEYWORD:
                open_end = True
            elif parameter.kind is not parameter.VAR_POSITIONAL and (
                is_own or parameter.default is not REQUIRED
            ):
                # A class passes to its base the arguments that the base requires.
                found.setdefault(parameter.name, parameter.default)
        is_own = False
        if not open_end or base.__name__ in ("Layer", "Optimizer", "OptimizerV2"):
            break
    found.pop("self", None)
    return found


def exhibits_of(keras, place, name):
    """Return the names of a class's exhibits, and its arguments without one, with the reason."""
    kind = find(keras, place, name)
    start = place + "/" + name
    names, missing = [start], {}
    if not inspect.isclass(kind):
        return names, missing
    for argument, default in arguments(kind).items():
        if argument in values.NO_SETTING:
            continue
        labels = candidates(name, argument, default)
        names += [start + "/" + argument + "=" + label for label in labels]
        if not labels:
            missing[argument] = "no other value is known"
    if place == "layers":
        for argument, labels in values.FOR_ALL_LAYERS.items():
            names += [start + "/" + argument + "=" + label for label in labels]
        names += [start + "/" + wiring for wiring in wirings(name)]
    return names, missing


def wirings(name):
    """Return the ways in which a layer can be wired besides standing alone."""
    inputs = inputs_of(name, {})
    found = ["in-nested"]
    if len(inputs) == 1:
        found.append("in-Sequential")
        shape, dtype = inputs[0]
        if len(shape) <= MOST_DIMENSIONS and dtype == "float32" and name not in CELLS:
            found.append("in-TimeDistributed")
    if name in RECURRENT:
        found.append("in-Bidirectional")
    return found


def candidates(name, argument, default):
    """Return the values of an argument other than its default, as text."""
    known = values.VALUES.get(name + "." + argument, values.VALUES.get(argument))
    if known is None:
        known = next((v for end, v in values.VALUES_BY_ENDING if argument.endswith(end)), None)
    if known is None and default is REQUIRED:
        known = ()
    if known is None:
        known = _unlike(default)
    if default is REQUIRED:
        plain = values.REQUIRED.get(name + "." + argument, values.REQUIRED.get(argument))
        return [label for label in known if label != plain]
    return [label for label in known if not _is(label, default)] or list(_unlike(default))


def _unlike(default):
    if isinstance(default, bool):
        return (str(not default),)
    if isinstance(default, int):
        return (str(default + 1),)
    if isinstance(default, float):
        return (repr(round(default / 2 + 0.01, 4)),)
    return ()


def _is(label, default):
    try:
        value = ast.literal_eval(label)
    except (ValueError, SyntaxError):
        value = label
    if isinstance(default, (tuple, list)) and not isinstance(value, (tuple, list)):
        return all(part == value for part in default) and bool(default)
    return type(value) is type(default) and value == default


def value_of(keras, label):
    """Return the value that a text stands for."""
    try:
        return ast.literal_eval(label)
    except (ValueError, SyntaxError):
        pass
    if CALL.match(label):
        # The texts are those of this project, or typed by the user.
        return eval(label, {part: holder_of(keras, part) for part in dir(keras)})
    return label


def arguments_of(name, argument, label, accepted):
    """Return the texts of all arguments for an exhibit: the required ones, companions, its own."""
    given = {}
    for key, default in accepted.items():
        text = values.REQUIRED.get(name + "." + key, values.REQUIRED.get(key))
        if default is REQUIRED and text is not None:
            given[key] = text
    found = values.ALWAYS.get(name, {})
    given.update({key: text for key, text in found.items() if key in accepted})
    if argument is None:
        return given
    for key in (
        name + "." + argument + "=" + label, "*." + argument + "=" + label,
        name + "." + argument, "*." + argument,
    ):  # fmt: skip
        if key in values.COMPANIONS:
            more = values.COMPANIONS[key]
            given.update({key: text for key, text in more.items() if key in accepted})
            break
    given[argument] = label
    return given


def inputs_of(name, given):
    """Return the shapes, without the batch, and types of a layer's inputs."""
    for argument in given:
        special = values.INPUTS_WITH.get(name + "." + argument)
        if special:
            return special
    return next(inputs for pattern, inputs in values.INPUTS if re.fullmatch(pattern, name))
