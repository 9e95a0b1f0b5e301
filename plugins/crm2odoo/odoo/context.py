"""Contexts that keep Odoo silent while it is loaded."""

from __future__ import annotations

from typing import Any

# odoo19.md §1, each key found by watching which mails and log entries a load would cause. No ``active_test`` here: in a create it
# keeps Odoo from making archived users.
SILENT: dict[str, Any] = {
    "tracking_disable": True,
    "mail_create_nolog": True,
    "mail_create_nosubscribe": True,
    "mail_notrack": True,
    "mail_auto_subscribe_no_notify": True,
    "mail_activity_quick_update": True,
    "no_reset_password": True,
    "no_mail_to_attendees": True,
    "dont_notify": True,
    "skip_contact_description": True,
    # Google and Microsoft calendars would get each meeting at once, and invite its attendees.
    "no_calendar_sync": True,
    # Should something notify all the same: not at once, but through the queue, where the side-effect guard finds it.
    "mail_notify_force_send": False,
    "tz": "UTC",
    "lang": "en_US",
}

# For reading back what was loaded: archived records too, names in the language in which they were written.
READING: dict[str, Any] = {"active_test": False, "tz": "UTC", "lang": "en_US", "bin_size": False}
