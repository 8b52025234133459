"""The Dask engine: environments opened on the machines of a Dask cluster.

Tasks are run by an inner engine there, `docker` or `local`. Results are stored under its name: they
do not depend on the machine.
"""
