"""Taking copies out of a folder so that nothing can be lost: plan, apply, verify, restore.

The one rule under all of it: **the last readable copy of a group cannot leave by any route.** A plan never holds it
(asked for a whole group, the best copy stays and the plan says so), `apply` proves again for every single image that
its keeper lies on the disk with the right bytes, and an image that stands for removed ones stays until they are
restored or a copy with identical pixels takes its place, under whatever name and through whatever dataset of the same
folder it is asked for. An image that is in no group leaves only when it was asked
for by row or tag, and only to the quarantine.
"""

from dedup.removal.applying import HOW, Outcome, Report, apply, require_way
from dedup.removal.checking import keeper_tags, likely
from dedup.removal.images import Images, can_leave, only_read, quarantine_of
from dedup.removal.journal import Removal, State, removed, standing
from dedup.removal.planfile import Entry, Plan, Stay, read, to_bytes, write
from dedup.removal.planning import freed, plan
from dedup.removal.restoring import restore
from dedup.removal.verifying import Verification, verify

__all__ = [
    "HOW",
    "Entry",
    "Images",
    "Outcome",
    "Plan",
    "Removal",
    "Report",
    "State",
    "Stay",
    "Verification",
    "apply",
    "can_leave",
    "freed",
    "keeper_tags",
    "likely",
    "only_read",
    "plan",
    "quarantine_of",
    "read",
    "removed",
    "require_way",
    "restore",
    "standing",
    "to_bytes",
    "verify",
    "write",
]
