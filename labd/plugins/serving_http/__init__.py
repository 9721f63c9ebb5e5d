"""Models over HTTP: the Open Inference Protocol, what wkr_serving answered, and a page to look at."""
