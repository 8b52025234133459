"""The descriptions of jobs in the progress of a run."""

import pytest

from kerasmatrix.execution.jobs import RetryJob
from kerasmatrix.report.job_text import describe_job
from kerasmatrix.results.cells import Cell, Save


@pytest.mark.parametrize(
    ("job", "said"),
    [
        (Save("lstm", "h5", "tf2.15"), "save lstm as h5"),
        (Cell("lstm", "h5", "tf2.15", "tf2.21"), "load tf2.15's lstm as h5"),
        (RetryJob(Save("lstm", "h5", "tf2.15"), 1), "repeat: save lstm as h5"),
        # No environment saves a user's file, and it has one format.
        (Save("churn.h5", "h5", "tf2.15"), "look at churn.h5"),
        (Cell("churn.keras", "keras", "tf2.15", "tf2.21"), "load churn.keras"),
    ],
)
def test_describe_job(job, said):
    assert describe_job(job) == said
