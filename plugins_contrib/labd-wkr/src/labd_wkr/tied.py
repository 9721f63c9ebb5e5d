"""``python -m labd_wkr.tied``: a labd that goes when whoever started it does, in whatever way that went."""

import ctypes
import signal
import sys

from labd.cli.labd import main

SET_DEATH_SIGNAL = 1
"""``PR_SET_PDEATHSIG`` of prctl(2)."""

ctypes.CDLL(None).prctl(SET_DEATH_SIGNAL, signal.SIGKILL)
sys.exit(main())
