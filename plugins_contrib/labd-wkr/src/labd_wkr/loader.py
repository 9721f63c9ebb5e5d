"""The loader ``wkr``: a class with ``get_env``, ``get_model`` and ``predict(model, input)``. Runs in workers.

The class is found as the old server found it: in a file, by its path.
"""
