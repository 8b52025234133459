"""Builds, saves and loads exhibits of the zoo in the environment of one release, by its Python.

    python inside.py list                          print the exhibits that this release knows
    python inside.py build NAME FILE               build one exhibit, and save it as FILE
    python inside.py load NAME FILE                load it, and print what it computes
    python inside.py save-all TASKS FOLDER ANSWERS save many, each in all formats
    python inside.py load-all TASKS ANSWERS        load many

Needs the standard library and TensorFlow only. Many exhibits share a child process; one that
crashes or hangs loses itself alone.
"""

import gc
import json
import os
import select
import signal
import sys
import time
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
warnings.filterwarnings("ignore")

import exhibits  # noqa: E402
import models  # noqa: E402

# A busy machine is slow, so what counts is the processor's time; a sleeping child has longer.
CPU_SECONDS, SECONDS = 30, 240
PER_CHILD = 150
KERAS_3 = 3
# With this limit of a worker, oneDNN aborts where TensorFlow computes in half precision
# (kerasmatrix.harness.precision). It is read when a process first computes.
ISA = "ONEDNN_MAX_CPU_ISA"
CHAIN, MESSAGE = 6, 2000


def keras_of():
    """Return the Keras of this release, without its messages."""
    import tensorflow  # noqa: PLC0415

    tensorflow.get_logger().setLevel("ERROR")
    keras = tensorflow.keras
    keras.layers  # noqa: B018 - lazily loaded in some releases
    # `clear_session` collects garbage: without what is imported, that takes 1 % of the time.
    gc.collect()
    gc.freeze()
    return keras


def version_of(keras):
    """Return the version of Keras as two numbers."""
    import tensorflow  # noqa: PLC0415

    own = getattr(keras, "__version__", None) or tensorflow.__version__
    return tuple(int(part) for part in own.split(".")[:2])


def formats_of(keras):
    """Return the endings by which this release saves whole models in one file."""
    # The archive came with 2.12, where the ending alone still means HDF5.
    return ("h5", "keras") if version_of(keras) >= (2, 12) else ("h5",)


def save(keras, model, path):
    """Save a model in the format of the path's ending."""
    if path.endswith(".keras") and version_of(keras) == (2, 12):
        model.save(path, save_format="keras_v3")
    else:
        model.save(path)


def load(keras, path):
    """Load a model as a program does that passes nothing but the path."""
    return keras.models.load_model(path)


def fresh(keras):
    """Forget earlier models, so that names start without numbers."""
    keras.backend.clear_session()


def described(error):
    """Return the chain of an exception's types and messages, outermost first."""
    chain = []
    link = error
    while link is not None and len(chain) < CHAIN:
        kind = type(link)
        own = kind.__module__ == "builtins"
        text = str(link)
        text = (
            text if len(text) <= MESSAGE else text[: MESSAGE // 2] + " … " + text[-MESSAGE // 2 :]
        )
        chain.append([kind.__name__ if own else kind.__module__ + "." + kind.__name__, text])
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return chain


def save_one(keras, task, folder):
    """Build an exhibit, save it in every format, and yield a record for each."""
    name = task["name"]
    fresh(keras)
    try:
        model = models.build(keras, name)
    except models.NotThereError as error:
        yield {"name": name, "absent": str(error)}
        return
    except Exception as error:
        yield {"name": name, "refused": described(error)}
        return
    if name.startswith("optimizers"):
        models.observe(model, name)  # it has state only after a step
    first = models.called(model)
    saved = []
    for form in formats_of(keras):
        path = os.path.join(folder, "%s.%s" % (task["number"], form))
        try:
            save(keras, model, path)
            saved.append(
                {"name": name, "format": form, "path": path, "digest": models.shape_of(path, form)}
            )
        except Exception as error:
            saved.append({"name": name, "format": form, "unsaved": described(error)})
    seen = models.observe(model, name)
    if first is not None and not models.equal(first, seen["outputs"]):
        seen["outputs"] = None  # it is random
    for record in saved:
        if "path" in record:
            record["seen"] = seen
        yield record


def load_one(keras, task):
    """Load a file, and yield how it compares."""
    fresh(keras)
    found = {"task": task["number"]}
    try:
        model = load(keras, task["path"])
    except Exception as error:
        found["failed"] = described(error)
        yield found
        return
    try:
        lost = models.compare(task["seen"], models.observe(model, task["name"]))
    except Exception as error:
        found["failed"], found["stage"] = described(error), "observe"
    else:
        if lost:
            found["lost"] = lost
    yield found


def run_all(tasks, work, answers):
    """Do ``work`` on each task in children, and write its records and cost as lines of JSON."""
    _cut_last_line(answers)
    # Half precision has children of its own.
    tasks = sorted(tasks, key=_is_half)
    with open(answers, "a") as out:
        position = 0
        while position < len(tasks):
            position = _run_child(tasks, position, work, out)
            out.flush()


def _cut_last_line(path):
    """Remove a line that has no end, since its writer was killed."""
    if os.path.exists(path):
        with open(path, "r+b") as file:
            file.truncate(file.read().rfind(b"\n") + 1)


def _run_child(tasks, position, work, out):
    """Fork a child that continues at ``position``; return where the next one has to continue."""
    last = min(position + PER_CHILD, len(tasks))
    while _is_half(tasks[last - 1]) and not _is_half(tasks[position]):
        last -= 1
    readable, writable = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(readable)
        _child(tasks[position:last], work, writable)
    os.close(writable)
    pending, began, cpu = b"", time.monotonic(), _cpu(pid)
    ended = None
    while True:
        ready, _, _ = select.select([readable], [], [], 1)
        piece = os.read(readable, 1 << 16) if ready else None
        if piece == b"":
            break
        pending += piece or b""
        *lines, pending = pending.split(b"\n")
        for line in lines:
            if line == b"DONE":
                position, began, cpu = position + 1, time.monotonic(), _cpu(pid)
            else:
                out.write(line.decode() + "\n")
        if _cpu(pid) - cpu > CPU_SECONDS or time.monotonic() - began > SECONDS:
            os.kill(pid, signal.SIGKILL)
            ended = "timeout"
            break
    os.close(readable)
    _, status = os.waitpid(pid, 0)
    if position < last:
        task = tasks[position]
        how = ended or "crash"
        signal_number = status & 0x7F
        record = {
            "name": task["name"],
            "task": task["number"],
            "ended": how,
            "signal": signal_number,
        }
        out.write(json.dumps(record) + "\n")
        position += 1
    return position


def _is_half(task):
    return "float16" in task["name"]


def _cpu(pid):
    try:
        with open("/proc/%d/stat" % pid) as handle:
            fields = handle.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except OSError:
        return 0.0


def _child(tasks, work, writable):
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    os.dup2(silent, 2)
    if _is_half(tasks[0]):
        os.environ.pop(ISA, None)
    for task in tasks:
        started = time.process_time()
        records = list(work(task))
        records[0]["cpu"] = round(time.process_time() - started, 4)
        text = "".join(json.dumps(record) + "\n" for record in records) + "DONE\n"
        data = text.encode()
        while data:
            data = data[os.write(writable, data) :]
    os._exit(0)


def _tasks(path):
    with open(path) as handle:
        return [json.loads(line) for line in handle]


def _print_list(keras):
    found = {"classes": [], "exhibits": [], "missing": {}, "arguments": {}}
    done = set()
    for place, name, real in exhibits.classes(keras):
        skipped = exhibits.values.SKIPPED[place].get(real) or exhibits.values.SKIPPED[place].get(
            name
        )
        found["classes"].append([place, name, real, skipped])
        if skipped or (place, real) in done:
            continue
        done.add((place, real))
        names, missing = exhibits.exhibits_of(keras, place, real)
        found["exhibits"] += names
        kind = exhibits.find(keras, place, real)
        key = place + "/" + real
        settings = set(exhibits.arguments(kind)) - exhibits.values.NO_SETTING
        found["arguments"][key] = sorted(settings)
        if missing:
            found["missing"][key] = missing
    print("LIST " + json.dumps(found))


def main(command, *rest):
    """Run a command."""
    keras = keras_of()
    if command == "list":
        _print_list(keras)
    elif command == "build":
        name, path = rest
        model = models.build(keras, name)
        save(keras, model, path)
        print(json.dumps(models.readable(models.observe(model, name))))
    elif command == "load":
        name, path = rest
        print(json.dumps(models.readable(models.observe(load(keras, path), name))))
    elif command == "save-all":
        tasks, folder, answers = rest
        run_all(_tasks(tasks), lambda task: save_one(keras, task, folder), answers)
    elif command == "load-all":
        tasks, answers = rest
        run_all(_tasks(tasks), lambda task: load_one(keras, task), answers)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:] or [""])
