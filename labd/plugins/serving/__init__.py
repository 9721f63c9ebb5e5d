"""Serving: models in workers behind one queue each, with batches that never make a lone request wait.

Nothing is imported here: labd imports :mod:`labd.plugins.serving.plugin`, workers what is in :mod:`.worker`.
"""
