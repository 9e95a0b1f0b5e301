"""`python -m crm2odoo`."""

import sys

from crm2odoo.cli import main

sys.exit(main())
