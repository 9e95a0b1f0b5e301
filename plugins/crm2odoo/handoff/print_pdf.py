"""A process of its own that prints pages: a JSON list of HTML texts on standard input, a JSON list of PDFs (base64) on standard output.

Started by its path, because it needs nothing of this package: WeasyPrint alone takes a second to load.
"""

import base64
import json
import logging
import sys


def main() -> None:
    """The same HTML gives the same bytes."""
    from weasyprint import HTML

    # It warns of every line of the style sheet that is for screens only.
    logging.getLogger("weasyprint").setLevel(logging.ERROR)
    pages = json.load(sys.stdin)
    json.dump([base64.b64encode(HTML(string=page).write_pdf(pdf_identifier=b"crm2odoo")).decode() for page in pages], sys.stdout)


if __name__ == "__main__":
    main()
