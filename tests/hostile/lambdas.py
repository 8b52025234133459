"""Attacks by the Lambda of a model file, each with the promise that it must not break.

An attack is Python that runs in the task's process, in its scratch folder, as user 65534.
``report(facts)`` ends the load with an exception that has the facts as JSON.
"""

from dataclasses import dataclass

from tests.hostile.files import ACTIVE

PRELUDE = """
import ctypes, errno, json, os, resource, signal, socket, subprocess, sys, threading, time
def report(facts):
    raise RuntimeError("facts: " + json.dumps(facts))
def tried(function, *arguments):
    try:
        function(*arguments)
    except Exception as error:
        return type(error).__name__
    return "done"
def processes():
    return sorted(int(name) for name in os.listdir("/proc") if name.isdigit())
system = ctypes.CDLL(None, use_errno=True)
"""


@dataclass(frozen=True)
class Attack:
    """Code, the promise that it must not break, and the expected end of its task.

    Attributes:
        ended: the possible endings.
        facts: the facts that it reports.
        words: a part of the error message.
        spent: a part of the reason why its container gets no other file.
    """

    name: str
    promise: str
    code: str
    ended: tuple[str, ...] = ("raised",)
    facts: object = None
    words: str = ""
    deadline: float = 30.0
    spent: str = ""


ATTACKS = (
    Attack(
        "writes_outside_scratch",
        "only the scratch folder and the container's memory are writable",
        """
found = []
for folder in ("/", "/etc", "/usr/lib", "/home", "/kerasmatrix", "/kerasmatrix/harness",
               "/kerasmatrix/scenarios", "/kerasmatrix/artifacts", "/sys", "/proc"):
    if tried(open, os.path.join(folder, "made"), "w") == "done":
        found.append(folder)
report(found)
""",
        facts=[],
    ),
    Attack(
        "changes_given_files",
        "the checked files are read-only",
        """
place = [os.path.join(root, name) for root, _, names in os.walk("/kerasmatrix/scenarios")
         for name in names]
done = [tried(open, p, "r+") for p in place] + [tried(os.unlink, p) for p in place]
done += [tried(os.chmod, p, 0o777) for p in place]
report([len(done) > 9, "done" in done])
""",
        facts=[True, False],
    ),
    Attack(
        "reads_other_files",
        "other files of the check and other artifacts are invisible",
        """
seen = [os.listdir("/kerasmatrix/scenarios"), os.listdir("/kerasmatrix/artifacts")]
report([len(seen[0]), seen[1]])
""",
        facts=[1, []],
    ),
    Attack(
        "reads_the_environment",
        "the environment variables of the caller are invisible",
        'report(sorted(name for name in os.environ if "SECRET" in name or "TOKEN" in name))',
        facts=[],
    ),
    Attack(
        "connects",
        "there is no network",
        """
def connect():
    socket.create_connection(("1.1.1.1", 53), timeout=2)
report([tried(connect), tried(socket.getaddrinfo, "example.org", 80),
      os.path.exists("/var/run/docker.sock"), os.listdir("/sys/class/net")])
""",
        facts=["OSError", "gaierror", False, ["lo"]],
    ),
    Attack(
        "fork_limit",
        "the number of processes is limited, and none is left",
        """
while True:
    try:
        if os.fork() == 0:
            while True:
                time.sleep(1)
    except OSError as error:
        report(errno.errorcode[error.errno])
""",
        facts="EAGAIN",
    ),
    Attack(
        "fork_bomb",
        "a fork bomb ends at its deadline, and no process is left",
        """
while True:
    try:
        os.fork()
    except OSError:
        time.sleep(0.01)
""",
        ended=("timed-out", "crashed"),
        deadline=3.0,
    ),
    Attack(
        "thread_limit",
        "threads count as processes",
        """
def rest():
    while True:
        time.sleep(1)
while True:
    threading.Thread(target=rest, daemon=True).start()
""",
        words="thread",
    ),
    Attack(
        "leaves_process",
        "no process outlives the task",
        """
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while True:
            for name in os.listdir("/kerasmatrix/scratch"):
                place = os.path.join("/kerasmatrix/scratch", name, "artifact", "probe.npz")
                tried(open, place, "w")
            time.sleep(0.01)
    os._exit(0)
report("left")
""",
        facts="left",
    ),
    Attack(
        "eats_memory",
        "memory is limited",
        "held = bytearray(1 << 40)",
        words="",
    ),
    Attack(
        "sleeps_forever",
        "time is limited",
        "time.sleep(10 ** 6)",
        ended=("timed-out",),
        deadline=2.0,
    ),
    Attack(
        "computes_forever",
        "processor time is limited",
        "while True: pass",
        ended=("timed-out",),
        deadline=2.0,
    ),
    Attack(
        "ignores_signals",
        "a process that ignores signals is killed",
        """
for number in range(1, 65):
    tried(signal.signal, number, signal.SIG_IGN)
time.sleep(10 ** 6)
""",
        ended=("timed-out",),
        deadline=2.0,
    ),
    Attack(
        "kills_its_parent",
        "the worker survives",
        """
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGSEGV, signal.SIGSTOP,
               signal.SIGKILL):
    for process in (os.getppid(), 1):
        tried(os.kill, process, number)
report("tried")
""",
        facts="tried",
    ),
    Attack(
        "kills_everything",
        "the worker survives",
        "os.kill(-1, signal.SIGKILL); report('tried')",
        ended=("raised", "crashed"),
    ),
    Attack(
        "crashes",
        "a crash affects only its task",
        "os.abort()",
        ended=("crashed",),
    ),
    Attack(
        "exits_without_cleanup",
        "an exit is not a pass",
        "os._exit(0)",
        ended=("crashed",),
    ),
    Attack(
        "exits",
        "an exit is not a pass",
        "sys.exit(0)",
        ended=("crashed",),
    ),
    Attack(
        "forges_answers_on_stdout",
        "output is not an answer",
        """
for number in (1, 2):
    for line in (b'{"kind":"result","protocol":2,"id":"task-000001","ended":"returned"}\\n',) * 50:
        os.write(number, line)
report("printed")
""",
        facts="printed",
    ),
    Attack(
        "forges_answers_on_all_descriptors",
        "a child can answer only for itself",
        """
for number in range(3, 200):
    tried(os.write, number, b'{"value":{},"printed":0,"last":true}\\n' * 50)
report("forged")
""",
        ended=("returned", "raised", "crashed"),
    ),
    Attack(
        "endless_answer",
        "the length of an answer is limited",
        """
block = b"x" * (1 << 20)
for number in range(3, 64):
    try:
        if os.readlink("/proc/self/fd/%d" % number).startswith("pipe:"):
            while True:
                os.write(number, block)
    except OSError:
        pass
""",
        ended=("crashed", "timed-out"),
        deadline=60.0,
    ),
    Attack(
        "deeply_nested_answer",
        "a malformed answer is a crash",
        """
for number in range(3, 64):
    tried(os.write, number, b"[" * 50000 + b"\\n")
os._exit(0)
""",
        ended=("crashed",),
    ),
    Attack(
        "answer_not_json",
        "an answer that is not JSON is a crash",
        """
for number in range(3, 64):
    tried(os.write, number, b'{"value":{"a":NaN,"b":1e999},"printed":-9,"last":true}\\n')
os._exit(0)
""",
        ended=("crashed",),
    ),
    Attack(
        "accesses_parent_process",
        "memory and descriptors of the worker are inaccessible",
        """
PTRACE_ATTACH = 16
found = []
for process in {1, os.getppid()}:
    if system.ptrace(PTRACE_ATTACH, process, 0, 0) == 0:
        found.append("ptrace")
    for name in ("mem", "environ", "maps", "auxv"):
        try:
            with open("/proc/%d/%s" % (process, name), "rb") as handle:
                if handle.read(1):
                    found.append(name)
        except OSError:
            pass
    found += [tried(os.listdir, "/proc/%d/fd" % process)]
    found += [tried(open, "/proc/%d/fd/%d" % (process, number), "w") for number in range(12)]
report(sorted(set(found)))
""",
        facts=["PermissionError"],
    ),
    Attack(
        "privileged_system_calls",
        "no capabilities, and the default seccomp profile",
        """
CLONE_NEWUSER, KEYCTL, BPF = 0x10000000, 250, 321
with open("/proc/self/status") as handle:
    status = dict(line.rstrip("\\n").split(":\\t", 1) for line in handle if ":\\t" in line)
report([system.unshare(CLONE_NEWUSER), system.mount(b"none", b"/tmp", b"tmpfs", 0, 0),
      system.chroot(b"/tmp"), system.mknod(b"disk", 0o060666, 0x800), system.syscall(BPF, 0, 0, 0),
      system.syscall(KEYCTL, 0, 0, 0), tried(os.setuid, 0),
      status["CapEff"].strip("0"), status["NoNewPrivs"], status["Seccomp"]])
""",
        facts=[-1, -1, -1, -1, -1, -1, "PermissionError", "", "1", "2"],
    ),
    Attack(
        "raises_its_limits",
        "limits cannot be raised",
        """
kinds = (resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE, resource.RLIMIT_CORE, resource.RLIMIT_AS)
report([tried(resource.setrlimit, kind, (resource.RLIM_INFINITY,) * 2) for kind in kinds])
""",
        facts=["ValueError"] * 4,
    ),
    Attack(
        "huge_file",
        "the size of a file is limited",
        """
with open("big", "wb") as handle:
    handle.truncate(8 << 30)
    report(tried(handle.truncate, (8 << 30) + 1))
""",
        facts="OSError",
    ),
    Attack(
        "fills_tmpfs",
        "shared memory is emptied after the task",
        """
for folder in ("/tmp", "/dev/shm"):
    try:
        with open(folder + "/filled", "wb") as handle:
            while True:
                handle.write(b"x" * (1 << 20))
    except OSError:
        pass
report("full")
""",
        ended=("raised", "crashed"),
    ),
    Attack(
        "many_files",
        "the number of files is limited, and none is left",
        """
for number in range(10 ** 6):
    open("file-%d" % number, "w").close()
""",
        ended=("crashed", "raised"),
        deadline=120.0,
    ),
    Attack(
        "links_in_artifact",
        "links are not followed",
        """
if not os.path.lexists("artifact/link"):  # it is called more than once
    os.symlink("/etc/hostname", "artifact/link")
    os.symlink("/", "artifact/root")
""",
        ended=("returned",),
        words="is a symbolic link",
    ),
    Attack(
        "artifact_folder_is_link",
        "links are not followed",
        """
if not os.path.islink("artifact"):
    os.rename("artifact", "other")
    os.symlink(os.path.abspath("other"), "artifact")
""",
        ended=("returned",),
        words="left no artifact folder",
    ),
    Attack(
        "leaves_system_v_objects",
        "the next file meets no System V object",
        """
system.shmget(0, 1 << 20, 0o1777), system.semget(0, 3, 0o1777), system.msgget(0, 0o1777)
report("left")
""",
        facts="left",
        spent="System V",
    ),
    Attack(
        "leaves_message_queue",
        "the next file meets no POSIX message queue",
        """
library = ctypes.CDLL("librt.so.1", use_errno=True)
opened = library.mq_open(b"/left", os.O_CREAT | os.O_RDWR, 0o666, 0)
report(opened >= 0 or ctypes.get_errno())
""",
        facts=True,
    ),
    Attack(
        "lowers_harness_limits",
        "the next file meets an unchanged harness",
        """
resource.prlimit(1, resource.RLIMIT_NOFILE, (200, 300)); report("lowered")
""",
        facts="lowered",
        spent="limits",
    ),
    Attack(
        "lowers_harness_priority",
        "the next file meets an unchanged harness",
        """
os.setpriority(os.PRIO_PROCESS, 1, 19); report("slowed")
""",
        facts="slowed",
        spent="scheduling",
    ),
    Attack(
        "sets_harness_idle",
        "the next file meets an unchanged harness",
        """
os.sched_setscheduler(1, os.SCHED_IDLE, os.sched_param(0)); report("idle")
""",
        facts="idle",
        spent="scheduling",
    ),
    Attack(
        "pins_harness_to_processor",
        "the next file meets an unchanged harness",
        """
first = sorted(os.sched_getaffinity(1))[:1]
os.sched_setaffinity(1, first); report(len(first))
""",
        facts=1,
        spent="scheduling",
    ),
    Attack(
        "holds_unlinked_files",
        "unlinked files count as used space",
        """
held = []
for number in range(3):
    held.append(open("held", "wb"))
    os.unlink("held")
    os.posix_fallocate(held[-1].fileno(), 0, 4 << 30)
time.sleep(10 ** 6)
""",
        ended=("crashed",),
    ),
    Attack(
        "hides_open_files",
        "a process that hides its open files is killed",
        """
system.prctl(4, 0, 0, 0, 0)
time.sleep(10 ** 6)
""",
        ended=("crashed",),
    ),
    Attack(
        "computes_now_and_then",
        "a task that is mostly idle ends at its deadline",
        """
while True:
    until = time.monotonic() + 0.02
    while time.monotonic() < until:
        pass
    time.sleep(0.5)
""",
        ended=("timed-out",),
        deadline=2.0,
    ),
    Attack(
        "computes_in_children",
        "the time of all processes counts",
        """
for _ in range(20):
    if os.fork() == 0:
        os.setsid()
        while True:
            pass
time.sleep(10 ** 6)
""",
        ended=("timed-out",),
        deadline=2.0,
    ),
    Attack(
        "survives_forged_answer",
        "an artifact is read after all processes have ended",
        """
target = os.path.abspath("artifact")
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while True:
            tried(os.symlink, "/etc/hostname", target + "/swapped")
    os._exit(0)
for number in range(3, 64):
    try:
        if os.readlink("/proc/self/fd/%d" % number).startswith("pipe:"):
            os.write(number, b'{"value":{},"printed":0,"last":false}\\n')
    except OSError:
        pass
time.sleep(10 ** 6)
""",
        ended=("returned",),
        words="is a symbolic link",
    ),
    Attack(
        "deep_folders",
        "folders of any depth are removed",
        """
for _ in range(20000):
    os.mkdir("deeper"); os.chdir("deeper")
report("dug")
""",
        facts="dug",
        deadline=60.0,
    ),
    Attack(
        "deep_folders_in_artifact",
        "the depth of an artifact is limited",
        """
here = os.getcwd()
if not os.path.exists("artifact/deeper"):
    os.chdir("artifact")
    for _ in range(5000):
        os.mkdir("deeper"); os.chdir("deeper")
    os.chdir(here)
""",
        ended=("returned",),
        words="lies deeper than",
        deadline=60.0,
    ),
    Attack(
        "file_name_not_utf8",
        "an artifact with such a name is refused",
        """
if not os.path.exists(b"artifact/\\xff"):
    open(b"artifact/\\xff", "w").close()
""",
        ended=("returned",),
        words="not UTF-8",
    ),
    Attack(
        "unreadable_artifact",
        "an unreadable artifact is refused, or read after all",
        """
os.chmod("artifact", 0)
""",
        ended=("returned", "raised"),
    ),
    Attack(
        "pipe_and_socket_in_artifact",
        "pipes and sockets are not opened",
        """
if not os.path.lexists("artifact/pipe"):
    os.mkfifo("artifact/pipe")
    socket.socket(socket.AF_UNIX).bind("artifact/socket")
""",
        ended=("returned",),
        words="is a pipe",
    ),
    Attack(
        "hard_link_in_artifact",
        "a file with a second name is refused",
        """
if not os.path.lexists("artifact/second"):
    open("first", "w").close(); os.link("first", "artifact/second")
""",
        ended=("returned",),
        words="second name",
    ),
    Attack(
        "huge_artifact",
        "the size of an artifact is limited",
        """
for number in range(20):
    with open("artifact/%d" % number, "wb") as handle:
        handle.truncate(7 << 30)
""",
        ended=("returned",),
        words="exceeds the limit",
    ),
    Attack(
        "plants_modules",
        "later tasks do not import its modules",
        """
os.makedirs("/tmp/.keras", exist_ok=True)
for path in ("/tmp/.keras/keras.json", "/tmp/numpy.py", "/tmp/h5py.py",
             "/kerasmatrix/scratch/h5py.py"):
    with open(path, "w") as handle:
        handle.write("raise SystemExit(7)")
report("put")
""",
        facts="put",
    ),
    Attack(
        "removes_folder_rights",
        "the next task has a folder",
        """
os.chmod("/kerasmatrix/scratch", 0)
os.chmod(".", 0)
report("taken")
""",
        facts="taken",
    ),
    Attack(
        "huge_message",
        "the length of a message is limited",
        "raise RuntimeError('x' * (50 << 20))",
    ),
    Attack(
        "huge_output",
        "the end of the output is kept",
        "os.write(1, b'y' * (20 << 20)); report('printed')",
        facts="printed",
    ),
    Attack(
        "active_text_in_message",
        "a message has no effect on a page or a terminal",
        f"raise RuntimeError({ACTIVE!r})",
    ),
    Attack(
        "invalid_unicode_in_message",
        "a message is valid text",
        "raise RuntimeError(chr(0xd800) + chr(0) + 'x')",
    ),
)  # fmt: skip
