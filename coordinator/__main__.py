"""``python -m coordinator``, and what the ``coordinator`` command calls."""

import sys

from coordinator.cli import main

if __name__ == "__main__":
    sys.exit(main())
