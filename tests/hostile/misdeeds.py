"""What the Lambda of a model file does when it is loaded, each with the promise it must not break.

Each is Python that runs in the task's process, in its scratch folder, as nobody. ``tell(facts)``
ends the load with what it found out.
"""

from dataclasses import dataclass

# What acts on a page, on a terminal, on a table and on Markdown.
from tests.hostile.files import ACTIVE

PRELUDE = """
import ctypes, errno, json, os, resource, signal, socket, subprocess, sys, threading, time
def tell(facts):
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
class Misdeed:
    """Code, the promise that it must not break, and how its own task ends.

    ``ended`` says how it may end, ``facts`` what its message holds, ``words`` what is in its error,
    and ``spent`` why its container is used for no other file.
    """

    name: str
    promise: str
    code: str
    ended: tuple[str, ...] = ("raised",)
    facts: object = None
    words: str = ""
    deadline: float = 30.0
    spent: str = ""


MISDEEDS = (
    Misdeed(
        "writes_everywhere",
        "only its scratch folder and the container's memory can be written",
        """
found = []
for folder in ("/", "/etc", "/usr/lib", "/home", "/kerasmatrix", "/kerasmatrix/harness",
               "/kerasmatrix/scenarios", "/kerasmatrix/artifacts", "/sys", "/proc"):
    if tried(open, os.path.join(folder, "made"), "w") == "done":
        found.append(folder)
tell(found)
""",
        facts=[],
    ),
    Misdeed(
        "changes_what_it_was_given",
        "the files that are measured cannot be changed",
        """
place = [os.path.join(root, name) for root, _, names in os.walk("/kerasmatrix/scenarios")
         for name in names]
done = [tried(open, p, "r+") for p in place] + [tried(os.unlink, p) for p in place]
done += [tried(os.chmod, p, 0o777) for p in place]
tell([len(done) > 9, "done" in done])
""",
        facts=[True, False],
    ),
    Misdeed(
        "reads_other_files",
        "it sees no other file of the check, and no other artifact",
        """
seen = [os.listdir("/kerasmatrix/scenarios"), os.listdir("/kerasmatrix/artifacts")]
tell([len(seen[0]), seen[1]])
""",
        facts=[1, []],
    ),
    Misdeed(
        "reads_the_environment",
        "it sees no variable of who runs the check",
        'tell(sorted(name for name in os.environ if "SECRET" in name or "TOKEN" in name))',
        facts=[],
    ),
    Misdeed(
        "connects",
        "there is no network",
        """
def connect():
    socket.create_connection(("1.1.1.1", 53), timeout=2)
tell([tried(connect), tried(socket.getaddrinfo, "example.org", 80),
      os.path.exists("/var/run/docker.sock"), os.listdir("/sys/class/net")])
""",
        facts=["OSError", "gaierror", False, ["lo"]],
    ),
    Misdeed(
        "forks_without_end",
        "the container's processes are counted, and none is left",
        """
while True:
    try:
        if os.fork() == 0:
            while True:
                time.sleep(1)
    except OSError as error:
        tell(errno.errorcode[error.errno])
""",
        facts="EAGAIN",
    ),
    Misdeed(
        "forks_in_its_children",
        "a fork bomb is put out at its deadline, and none of it is left",
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
    Misdeed(
        "begins_threads_without_end",
        "threads are counted like processes",
        """
def rest():
    while True:
        time.sleep(1)
while True:
    threading.Thread(target=rest, daemon=True).start()
""",
        words="thread",
    ),
    Misdeed(
        "leaves_a_process_behind",
        "nothing that it began outlives it",
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
tell("left")
""",
        facts="left",
    ),
    Misdeed(
        "eats_memory",
        "memory is limited",
        "held = bytearray(1 << 40)",
        words="",
    ),
    Misdeed(
        "sleeps_for_ever",
        "time is limited",
        "time.sleep(10 ** 6)",
        ended=("timed-out",),
        deadline=2.0,
    ),
    Misdeed(
        "works_for_ever",
        "processor time is limited",
        "while True: pass",
        ended=("timed-out",),
        deadline=2.0,
    ),
    Misdeed(
        "sleeps_deaf_to_signals",
        "its end does not depend on it",
        """
for number in range(1, 65):
    tried(signal.signal, number, signal.SIG_IGN)
time.sleep(10 ** 6)
""",
        ended=("timed-out",),
        deadline=2.0,
    ),
    Misdeed(
        "kills_its_parent",
        "the worker lives on",
        """
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGSEGV, signal.SIGSTOP,
               signal.SIGKILL):
    for process in (os.getppid(), 1):
        tried(os.kill, process, number)
tell("tried")
""",
        facts="tried",
    ),
    Misdeed(
        "kills_everything",
        "the worker lives on",
        "os.kill(-1, signal.SIGKILL); tell('tried')",
        ended=("raised", "crashed"),
    ),
    Misdeed(
        "crashes",
        "a crash is its own outcome",
        "os.abort()",
        ended=("crashed",),
    ),
    Misdeed(
        "leaves_without_a_word",
        "leaving is not passing",
        "os._exit(0)",
        ended=("crashed",),
    ),
    Misdeed(
        "exits",
        "leaving is not passing",
        "sys.exit(0)",
        ended=("crashed",),
    ),
    Misdeed(
        "forges_answers_on_standard_output",
        "what is printed is no answer",
        """
for number in (1, 2):
    for line in (b'{"kind":"result","protocol":2,"id":"task-000001","ended":"returned"}\\n',) * 50:
        os.write(number, line)
tell("printed")
""",
        facts="printed",
    ),
    Misdeed(
        "forges_answers_in_every_descriptor",
        "it can answer for itself only",
        """
for number in range(3, 200):
    tried(os.write, number, b'{"value":{},"printed":0,"last":true}\\n' * 50)
tell("forged")
""",
        ended=("returned", "raised", "crashed"),
    ),
    Misdeed(
        "answers_without_end",
        "an answer has a length",
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
    Misdeed(
        "answers_nested_without_end",
        "an answer that makes no sense is a crash",
        """
for number in range(3, 64):
    tried(os.write, number, b"[" * 50000 + b"\\n")
os._exit(0)
""",
        ended=("crashed",),
    ),
    Misdeed(
        "answers_what_is_no_json",
        "an answer that cannot be passed on is a crash",
        """
for number in range(3, 64):
    tried(os.write, number, b'{"value":{"a":NaN,"b":1e999},"printed":-9,"last":true}\\n')
os._exit(0)
""",
        ended=("crashed",),
    ),
    Misdeed(
        "reaches_into_its_parent",
        "neither memory nor descriptors of the worker can be had",
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
tell(sorted(set(found)))
""",
        facts=["PermissionError"],
    ),
    Misdeed(
        "asks_for_what_is_the_kernels",
        "the kernel's doors are closed: capabilities, and the default seccomp profile",
        """
CLONE_NEWUSER, KEYCTL, BPF = 0x10000000, 250, 321
with open("/proc/self/status") as handle:
    status = dict(line.rstrip("\\n").split(":\\t", 1) for line in handle if ":\\t" in line)
tell([system.unshare(CLONE_NEWUSER), system.mount(b"none", b"/tmp", b"tmpfs", 0, 0),
      system.chroot(b"/tmp"), system.mknod(b"disk", 0o060666, 0x800), system.syscall(BPF, 0, 0, 0),
      system.syscall(KEYCTL, 0, 0, 0), tried(os.setuid, 0),
      status["CapEff"].strip("0"), status["NoNewPrivs"], status["Seccomp"]])
""",
        facts=[-1, -1, -1, -1, -1, -1, "PermissionError", "", "1", "2"],
    ),
    Misdeed(
        "asks_for_more_than_its_limits",
        "limits are hard",
        """
kinds = (resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE, resource.RLIMIT_CORE, resource.RLIMIT_AS)
tell([tried(resource.setrlimit, kind, (resource.RLIM_INFINITY,) * 2) for kind in kinds])
""",
        facts=["ValueError"] * 4,
    ),
    Misdeed(
        "writes_a_file_without_end",
        "a file has a size",
        """
with open("big", "wb") as handle:
    handle.truncate(8 << 30)
    tell(tried(handle.truncate, (8 << 30) + 1))
""",
        facts="OSError",
    ),
    Misdeed(
        "fills_the_memory_that_is_a_disk",
        "what it left there is gone, and there is room again",
        """
for folder in ("/tmp", "/dev/shm"):
    try:
        with open(folder + "/filled", "wb") as handle:
            while True:
                handle.write(b"x" * (1 << 20))
    except OSError:
        pass
tell("full")
""",
        ended=("raised", "crashed"),
    ),
    Misdeed(
        "makes_files_without_end",
        "files are counted, and gone afterwards",
        """
for number in range(10 ** 6):
    open("file-%d" % number, "w").close()
""",
        ended=("crashed", "raised"),
        deadline=120.0,
    ),
    Misdeed(
        "leaves_a_link_as_its_artifact",
        "nothing that a link leads to is read, changed or kept",
        """
if not os.path.lexists("artifact/link"):  # it is called more than once
    os.symlink("/etc/hostname", "artifact/link")
    os.symlink("/", "artifact/root")
""",
        ended=("returned",),
        words="is a symbolic link",
    ),
    Misdeed(
        "makes_its_folder_a_link",
        "nothing that a link leads to is read, changed or kept",
        """
if not os.path.islink("artifact"):
    os.rename("artifact", "other")
    os.symlink(os.path.abspath("other"), "artifact")
""",
        ended=("returned",),
        words="no folder where its artifact should be",
    ),
    Misdeed(
        "leaves_shared_memory",
        "no System V object meets the next file",
        """
system.shmget(0, 1 << 20, 0o1777), system.semget(0, 3, 0o1777), system.msgget(0, 0o1777)
tell("left")
""",
        facts="left",
        spent="System V",
    ),
    Misdeed(
        "leaves_a_message_queue",
        "no POSIX message queue meets the next file",
        """
library = ctypes.CDLL("librt.so.1", use_errno=True)
opened = library.mq_open(b"/left", os.O_CREAT | os.O_RDWR, 0o666, 0)
tell(opened >= 0 or ctypes.get_errno())
""",
        facts=True,
    ),
    Misdeed(
        "lowers_a_limit_of_the_harness",
        "the next file meets a harness as it began",
        """
resource.prlimit(1, resource.RLIMIT_NOFILE, (200, 300)); tell("lowered")
""",
        facts="lowered",
        spent="limits",
    ),
    Misdeed(
        "slows_the_harness_down",
        "the next file meets a harness as it began",
        """
os.setpriority(os.PRIO_PROCESS, 1, 19); tell("slowed")
""",
        facts="slowed",
        spent="scheduling",
    ),
    Misdeed(
        "leaves_the_harness_idle",
        "the next file meets a harness as it began",
        """
os.sched_setscheduler(1, os.SCHED_IDLE, os.sched_param(0)); tell("idle")
""",
        facts="idle",
        spent="scheduling",
    ),
    Misdeed(
        "keeps_the_harness_on_one_processor",
        "the next file meets a harness as it began",
        """
first = sorted(os.sched_getaffinity(1))[:1]
os.sched_setaffinity(1, first); tell(len(first))
""",
        facts=1,
        spent="scheduling",
    ),
    Misdeed(
        "holds_the_disk_in_a_file_without_a_name",
        "what it holds of the disk is counted, whatever holds it",
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
    Misdeed(
        "hides_what_it_has_open",
        "a process that hides its files is ended",
        """
system.prctl(4, 0, 0, 0, 0)
time.sleep(10 ** 6)
""",
        ended=("crashed",),
    ),
    Misdeed(
        "works_now_and_then",
        "a deadline is a deadline",
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
    Misdeed(
        "lets_others_work",
        "the time of all its processes counts",
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
    Misdeed(
        "lives_on_after_a_forged_answer",
        "an answer counts when all processes of the file have ended",
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
    Misdeed(
        "digs_folders_without_end",
        "what cannot be listed at once is removed all the same",
        """
for _ in range(20000):
    os.mkdir("deeper"); os.chdir("deeper")
tell("dug")
""",
        facts="dug",
        deadline=60.0,
    ),
    Misdeed(
        "digs_folders_in_its_artifact",
        "what cannot be listed at once is not kept",
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
    Misdeed(
        "leaves_a_name_that_is_no_text",
        "an artifact with such a name is not kept",
        """
if not os.path.exists(b"artifact/\\xff"):
    open(b"artifact/\\xff", "w").close()
""",
        ended=("returned",),
        words="not UTF-8",
    ),
    Misdeed(
        "leaves_what_nobody_may_read",
        "an artifact that cannot be read is not kept, or read all the same",
        """
os.chmod("artifact", 0)
""",
        ended=("returned", "raised"),
    ),
    Misdeed(
        "leaves_a_pipe_and_a_socket",
        "nothing waits at what is no file",
        """
if not os.path.lexists("artifact/pipe"):
    os.mkfifo("artifact/pipe")
    socket.socket(socket.AF_UNIX).bind("artifact/socket")
""",
        ended=("returned",),
        words="is a pipe",
    ),
    Misdeed(
        "leaves_a_second_name",
        "nothing that it could still change is kept",
        """
if not os.path.lexists("artifact/second"):
    open("first", "w").close(); os.link("first", "artifact/second")
""",
        ended=("returned",),
        words="second name",
    ),
    Misdeed(
        "claims_much_in_its_artifact",
        "an artifact has a size",
        """
for number in range(20):
    with open("artifact/%d" % number, "wb") as handle:
        handle.truncate(7 << 30)
""",
        ended=("returned",),
        words="exceeds the limit",
    ),
    Misdeed(
        "puts_a_module_where_python_looks",
        "what comes after it imports nothing of it",
        """
os.makedirs("/tmp/.keras", exist_ok=True)
for path in ("/tmp/.keras/keras.json", "/tmp/numpy.py", "/tmp/h5py.py",
             "/kerasmatrix/scratch/h5py.py"):
    with open(path, "w") as handle:
        handle.write("raise SystemExit(7)")
tell("put")
""",
        facts="put",
    ),
    Misdeed(
        "takes_rights_from_its_folders",
        "the next task has a folder all the same",
        """
os.chmod("/kerasmatrix/scratch", 0)
os.chmod(".", 0)
tell("taken")
""",
        facts="taken",
    ),
    Misdeed(
        "says_very_much",
        "a message has a length",
        "raise RuntimeError('x' * (50 << 20))",
    ),
    Misdeed(
        "prints_very_much",
        "what is printed is kept to its end",
        "os.write(1, b'y' * (20 << 20)); tell('printed')",
        facts="printed",
    ),
    Misdeed(
        "says_what_acts",
        "a message does nothing to a page or a terminal",
        f"raise RuntimeError({ACTIVE!r})",
    ),
    Misdeed(
        "says_half_a_character",
        "a message is text",
        "raise RuntimeError(chr(0xd800) + chr(0) + 'x')",
    ),
)  # fmt: skip
