"""``python -m voco3d.cli``."""

import sys

from voco3d.cli.main import main

sys.exit(main())
