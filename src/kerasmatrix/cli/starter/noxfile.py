"""Tests which of our models survive the next TensorFlow. Options after ``--`` are passed on."""

import nox

# Another version may measure everything again, so change it on purpose only.
KERASMATRIX = "kerasmatrix==0.0.0"


@nox.session(reuse_venv=True)
def matrix(session):
    """Save with every version, load with every other, write reports/index.html."""
    session.install("--quiet", KERASMATRIX)
    session.run("kerasmatrix", "run", *session.posargs)


@nox.session(reuse_venv=True)
def gate(session):
    """Fail if something got worse than baseline.json, a reports/results.json you kept."""
    session.install("--quiet", KERASMATRIX)
    session.run("kerasmatrix", "gate", "--baseline", "baseline.json", *session.posargs)


@nox.session(reuse_venv=True)
def lock(session):
    """Lock the environments that matrix.yaml describes itself."""
    session.install("--quiet", KERASMATRIX)
    session.run("kerasmatrix", "lock", *session.posargs)
