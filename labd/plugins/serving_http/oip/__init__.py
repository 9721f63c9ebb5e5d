"""The Open Inference Protocol, version 2, over REST: bytes to tensors and back. Pure, without numpy."""
