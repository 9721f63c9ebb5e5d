"""What labd answers over HTTP."""
