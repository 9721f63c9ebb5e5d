"""HTTP/1.1 on trio: httptools reads heads, all limits are ours. It knows nothing of jobs."""
