"""The import names of worker-as-service, on labd."""
