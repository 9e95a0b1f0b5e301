"""Which object of the source a file holds: by its name and by its headers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from crm2odoo.intake.headers import Assignment, _singular, assign, missing_columns, words
from crm2odoo.project import Source

# Words in file names that say nothing about the content.
FILLER = {
    "export",
    "exported",
    "exports",
    "part",
    "of",
    "all",
    "csv",
    "json",
    "data",
    "crm",
    "final",
    "copy",
    "full",
    "list",
    "download",
    "dump",
    "new",
    "my",
    "the",
    "delta",
    "backup",
    "view",
    "report",
}


@dataclass(frozen=True)
class Recognition:
    """What a file is, and why. ``object`` is None when nobody can tell; ``candidates`` are the likeliest, best first."""

    object: str | None
    assignment: Assignment | None
    by_name: float
    by_header: float
    candidates: list[tuple[str, float]]


def name_words(name: str, source: Source) -> tuple[str, ...]:
    """The telling words of a file name in the singular, without the product's name, dates, part numbers and filler."""
    stem = PurePosixPath(name.replace("#", "/")).name
    stem = re.sub(r"\.(csv|tsv|txt|json|tab|gz)$", "", stem, flags=re.IGNORECASE)
    all_words = [_singular(w) for w in words(re.sub(r"\d+", " ", stem))]
    for title in (source.title, source.source.replace("_", " "), "".join(words(source.title))):
        product = [_singular(w) for w in words(title)]
        for start in range(len(all_words) - len(product) + 1):
            if all_words[start : start + len(product)] == product and len(all_words) > len(product):
                all_words[start : start + len(product)] = []
                break
    telling = [w for w in all_words if w not in FILLER and len(w) > 1]
    return tuple(telling or all_words)


def _name_score(found: tuple[str, ...], patterns: Sequence[str]) -> float:
    """1 when the words are the pattern; less when they contain it, the more the longer the pattern is; 0 otherwise."""
    best = 0.0
    for pattern in patterns:
        wanted = tuple(_singular(w) for w in words(pattern))
        if not wanted:
            continue
        if found == wanted or "".join(found) == "".join(wanted):
            return 1.0
        for start in range(len(found) - len(wanted) + 1):
            if found[start : start + len(wanted)] == wanted:
                best = max(best, 0.5 + 0.4 * len(wanted) / len(found) + (0.05 if start + len(wanted) == len(found) else 0))
    return best


def recognise(name: str, header: Sequence[str], source: Source) -> Recognition:
    """Scores every object of the source. A name alone is not enough: some headers must fit; and headers alone must leave no doubt."""
    telling = name_words(name, source)
    filled = [h for h in header if h.strip()]
    scored = []
    for object_name, obj in source.objects.items():
        assignment = assign(header, object_name, obj)
        mandatory = sum(c.required for c in obj.columns.values()) + len(obj.required_any)
        missing = len(missing_columns(assignment.known, obj))
        share = len(assignment.known) / max(len(filled), 1)
        complete = (mandatory - missing) / mandatory if mandatory else 1.0
        by_name = _name_score(telling, obj.files)
        by_header = 0.6 * share + 0.4 * complete
        scored.append((by_name, by_header, missing, object_name, assignment))
    ranked = sorted(scored, key=lambda s: (-(s[0] + s[1] - 0.15 * min(s[2], 2)), s[3]))
    candidates = [(s[3], round(s[0] + s[1], 3)) for s in ranked[:3]]
    best = ranked[0]
    by_name, by_header, missing, object_name, assignment = best
    second = ranked[1] if len(ranked) > 1 else None
    if by_name >= 0.5:
        sure = by_header >= 0.35 and bool(assignment.known)
    else:
        margin = by_header - max((s[1] for s in scored if s[3] != object_name and not s[2]), default=0)
        more = second is None or len(assignment.known) > len(second[4].known) or by_header - second[1] >= 0.1
        # Two headers are a signature only when they are all there is, and mean nothing else.
        enough = len(assignment.known) >= 3 or (len(assignment.known) == 2 and by_header == 1.0 and margin >= 0.15)
        sure = missing == 0 and by_header >= 0.75 and enough and (margin >= 0.05 or more)
    return Recognition(object_name if sure else None, assignment if sure else None, by_name, by_header, candidates)
