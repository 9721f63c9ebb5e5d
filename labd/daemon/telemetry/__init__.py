"""Spans of jobs' attempts, as OTLP in JSON over HTTP: no SDK is needed for that, and none is loaded."""
