"""The progress of a run: a bar in a terminal, and a line now and then elsewhere.

A log of CI gets a line every half a minute, since a service may end a job that prints nothing, and
one for each environment that is done. A run that is over sooner prints only its summary.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable

from rich.console import Console, RenderableType
from rich.progress import BarColumn, ProgressColumn, Task, TaskID
from rich.progress import Progress as Bar
from rich.text import Text

from kerasmatrix.execution.jobs import Job
from kerasmatrix.execution.listener import Countable, Listener
from kerasmatrix.report.job_text import describe_job
from kerasmatrix.text.escape import escape_control_characters
from kerasmatrix.text.lines import brief_line

__all__ = ["TerminalProgress"]

LOG = logging.getLogger(__name__)
# Seconds between two lines of a log.
PERIOD = 30.0
# At least so many between a line and one that an environment is done.
PAUSE = 10.0
# An environment that takes longer to start, in seconds, may be being installed.
LONGEST_START = 20.0
# Tasks after which the time that is left can be estimated.
ENOUGH = 3
# Columns of the widest count and time next to the bar.
BESIDE_BAR = 36
WIDEST_BAR, NARROWEST_BAR = 30, 4
MINUTE = 60
MEGABYTE = 1_000_000


class TerminalProgress(Listener):
    """Shows how many tasks are done, how long the rest takes, and what is being done."""

    def __init__(
        self, console: Console | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Show nothing yet; ``clock`` returns seconds."""
        self._console = console or Console(stderr=True)
        self._clock = clock
        self._display: _Display | None = None
        self._heartbeat: _Heartbeat | None = None
        self._task = TaskID(0)
        self._run: Countable | None = None
        self._began = 0.0
        self._said = -PAUSE  # when the last line was printed
        self._done = 0
        self._done_by: Counter[str] = Counter()
        self._said_by: Counter[str] = Counter()
        self._activities: dict[str, str] = {}
        self._opened: dict[str, float] = {}

    def begins(self, run: Countable) -> None:
        """Begin to show ``run``."""
        self._run, self._began, self._done = run, self._clock(), 0
        LOG.info("%d tasks to do", run.pending)
        # Log lines would overwrite a bar, and say the same as a plain line.
        if not run.pending or LOG.isEnabledFor(logging.INFO):
            return
        if self._console.is_terminal:
            self._display = _Display(self._console, self)
            self._task = self._display.add_task("tasks", total=run.pending)
            self._display.start()
        else:
            self._heartbeat = _Heartbeat(self.report)
            self._heartbeat.start()

    def ends(self) -> None:
        """Stop showing."""
        if self._display:
            self._display.stop()
            self._display = None
        if self._heartbeat:
            self._heartbeat.stop()
            self._heartbeat = None

    def opening(self, environment: str) -> None:
        """Show that an environment starts; the first time, it is installed."""
        LOG.info("%s: starting", environment)
        self._opened[environment] = self._clock()
        self._show(environment, "starting")

    def started(self, environment: str, job: Job) -> None:
        """Show the job that an environment works on."""
        LOG.info("%s: %s", environment, describe_job(job))
        self._opened.pop(environment, None)
        self._show(environment, describe_job(job))

    def ended(self, environment: str, job: Job) -> None:
        """Count a job."""
        LOG.debug("%s: done: %s", environment, describe_job(job))
        self._done += 1
        self._done_by[environment] += 1
        if self._display and self._run:
            total = self._done + self._run.pending
            self._display.update(self._task, completed=self._done, total=total)

    def left(self, environment: str) -> None:
        """Print that an environment is done with its tasks, in a run that takes long."""
        self._activities.pop(environment, None)
        new = self._done_by[environment] - self._said_by[environment]
        is_long = self._clock() - self._began >= PERIOD
        # Fixes are tried one by one: without a pause, each would have its line.
        if self._heartbeat and new and is_long and self._clock() - self._said >= PAUSE:
            self._said_by[environment] = self._done_by[environment]
            tasks = "1 task" if new == 1 else f"{new} tasks"
            self._say(f"{environment}: {tasks} done; {self.count()}")

    def lost(self, environment: str, reason: str) -> None:
        """Print what went wrong above the bar."""
        LOG.debug("%s: %s", environment, reason)
        first = escape_control_characters(brief_line(reason))
        self._console.print(Text(f"{environment}: {first}", style="cyan"), soft_wrap=True)

    def report(self) -> None:
        """Print a line: how far the run is, how long still, and what is being done."""
        activity = self.activity()
        # Before an environment is there, a check does not know its tasks yet.
        count = self.count() if self._done or (self._run and self._run.pending) else ""
        self._say(": ".join(filter(None, [count, activity])) or "starting")

    def count(self) -> str:
        """Return the number of tasks that are done, and the time that is left."""
        left = self.time_left()
        total = self._done + (self._run.pending if self._run else 0)
        return f"{self._done} of {total} tasks done{f', {left}' if left else ''}"

    def time_left(self) -> str:
        """Return about how long the rest takes, once that can be estimated."""
        # Fix attempts follow from failures, so none that are left says nothing.
        if self._run is None or self._done < ENOUGH or not self._run.pending:
            return ""
        seconds = (self._clock() - self._began) / self._done * self._run.pending
        if seconds < MINUTE:
            return f"about {seconds:.0f} s left"
        return f"about {seconds / MINUTE:.0f} min left"

    def activity(self) -> str:
        """Return what the latest environments are at."""
        latest = list(self._activities.items())[-2:]
        return " · ".join(f"{name}: {self._start(name) or activity}" for name, activity in latest)

    def _start(self, environment: str) -> str:
        """Return how far the installation of an environment is, if it is being installed."""
        opened = self._opened.get(environment)
        if opened is None:
            return ""
        download = self._run.downloaded(environment) if self._run else None
        if download is None:  # it is installed, or Docker installs it
            is_slow = self._clock() - opened > LONGEST_START
            return "starting; the first time, TensorFlow is installed" if is_slow else ""
        done, total = (round(size / MEGABYTE) for size in download)
        if done < total:
            return f"installing, {done} of {total} MB"
        return f"installing, {total} MB downloaded" if total else "installing"

    def _show(self, environment: str, activity: str) -> None:
        # Removed first, so that it becomes the last: the latest two are shown.
        self._activities.pop(environment, None)
        self._activities[environment] = activity

    def _say(self, text: str) -> None:
        self._said = self._clock()
        self._console.print(Text(text), soft_wrap=True)


class _Count(ProgressColumn):
    """Shows how many tasks are done."""

    def render(self, task: Task) -> Text:
        """Return both numbers."""
        return Text(f"{task.completed:.0f}/{task.total or 0:.0f} tasks")


class _TimeLeft(ProgressColumn):
    """Shows about how long the rest takes."""

    max_refresh = 1

    def __init__(self, progress: TerminalProgress) -> None:
        super().__init__()
        self._progress = progress

    def render(self, task: Task) -> Text:  # noqa: ARG002 - rich's
        """Return the estimate in seconds or minutes."""
        return Text(self._progress.time_left())


class _Display(Bar):
    """The bar with its numbers in one line, and what is being done in the next."""

    def __init__(self, console: Console, progress: TerminalProgress) -> None:
        self._progress = progress  # the base draws at once
        width = max(NARROWEST_BAR, min(WIDEST_BAR, console.width - BESIDE_BAR))
        super().__init__(
            BarColumn(bar_width=width),
            _Count(),
            _TimeLeft(progress),
            console=console,
            transient=True,
        )

    def get_renderables(self) -> Iterable[RenderableType]:
        """Yield both lines."""
        yield from super().get_renderables()
        # Of its own, so that it takes no room from the bar.
        yield Text(self._progress.activity(), no_wrap=True, overflow="ellipsis", style="dim")


class _Heartbeat(threading.Thread):
    """Calls a function every half a minute until it is stopped."""

    def __init__(self, beat: Callable[[], None]) -> None:
        super().__init__(daemon=True)
        self._beat = beat
        self._stopped = threading.Event()

    def run(self) -> None:
        """Wait and call."""
        while not self._stopped.wait(PERIOD):
            self._beat()

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        self.join()
