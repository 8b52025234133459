"""The Dask engine: environments opened on the machines of a Dask cluster.

What a batch is measured with there is another engine, `docker` or `local`, and its observations
are filed as that engine's: the cluster says where something was measured, not how.
"""
