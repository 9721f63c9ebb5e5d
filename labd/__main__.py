"""``python -m labd`` is ``labd``."""

from labd.cli.labd import main

raise SystemExit(main())
