# ruff: noqa: E402
"""Loads the plan that lies ready, as a task does, and dies by SIGKILL at one point of the protocol, when a batch is in the ledger already.

python dying_loader.py ROOT DSN URL DATABASE LOGIN SECRET PROJECT PLAN_ID POINT
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[2] / "plugins"), str(Path(__file__).parents[1]), str(Path(__file__).parent)]

from oracle import load, small_batches

from crm2odoo.ledger.batches import ChunkLedger
from crm2odoo.odoo import loader
from crm2odoo.odoo.client import OdooCredentials
from crm2odoo.odoo.load_action import ActionTier
from load_world import open_world

POINTS = ["before the intent", "after the intent", "while Odoo works", "after Odoo's commit", "before the ledger", "in the middle of the ledger"]
_count = {"n": 0}
IN_LEDGER = 3
"""While the second call is under way, the first batch is written into the ledger: at the third one it is there for certain."""


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(10)


def time_to_die(passage: int) -> bool:
    _count["n"] += 1
    return _count["n"] == passage


def arm(point: str) -> None:
    """Puts the death into a late passage of ``point``."""
    intend, settle, end = ChunkLedger.intend, ChunkLedger.settle, ChunkLedger._end
    run = ActionTier._run

    def dying_intend(self: ChunkLedger, *args: Any, **named: Any) -> int:
        now = time_to_die(IN_LEDGER)
        if now and point == "before the intent":
            die()
        batch = intend(self, *args, **named)
        if now and point == "after the intent":
            die()
        return batch

    def dying_run(self: ActionTier, task: dict[str, Any]) -> dict[str, Any]:
        if not time_to_die(IN_LEDGER):
            return run(self, task)
        if point == "while Odoo works":
            threading.Thread(target=run, args=(self, task), daemon=True).start()
            time.sleep(0.03)  # the request is out; Odoo goes on with it when we are gone
            die()
        run(self, task)
        die()
        raise AssertionError

    def dying_settle(self: ChunkLedger, *args: Any, **named: Any) -> None:
        if time_to_die(2):
            die()
        settle(self, *args, **named)

    def dying_end(self: ChunkLedger, *args: Any) -> None:
        if time_to_die(2):
            die()  # entries and records are written, but not committed
        end(self, *args)

    if point in POINTS[:2]:
        ChunkLedger.intend = dying_intend  # type: ignore[method-assign]
    elif point in POINTS[2:4]:
        ActionTier._run = dying_run  # type: ignore[method-assign]
    elif point == POINTS[4]:
        ChunkLedger.settle = dying_settle  # type: ignore[method-assign]
    else:
        ChunkLedger._end = dying_end  # type: ignore[method-assign]


if __name__ == "__main__":
    root, dsn, url, database, login, secret, project, plan_id, point = sys.argv[1:]
    loader.BatchSize = small_batches  # type: ignore[misc, assignment]
    world = open_world(Path(root), dsn, OdooCredentials(url, database, login, secret), project)
    world.plan_id = int(plan_id)
    if point in POINTS:
        arm(point)
    print("ready", flush=True)
    if point == "wait for a line":
        sys.stdin.readline()
    load(world)
