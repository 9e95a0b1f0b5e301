"""The page "Source data" on a form: an inherited view of ours that shows the custom fields."""

from __future__ import annotations

import re
from xml.sax.saxutils import quoteattr

from crm2odoo.odoo.schema_wish import WantedField

PAGE_NAME = "x_crm2odoo_source_data"
PAGE_TITLE = "Source data"


def anchor(arch: str) -> str:
    """Where the page goes in a form: its notebook, else the sheet, else the form itself (an XPath of Odoo)."""
    if "<notebook" in arch:
        return "//notebook[not(ancestor::field)]"
    return "//sheet" if "<sheet" in arch else "/form"


def page(fields: list[WantedField], at: str) -> str:
    """The inherited view's content: short fields in two columns, then each long text over the whole width."""
    short = "".join(_element(f) for f in fields if f.type not in ("text", "html"))
    long = "".join(f"<separator string={quoteattr(f.label)}/>{_element(f)}" for f in fields if f.type in ("text", "html"))
    inside = (f'<group name="{PAGE_NAME}_short" col="4">{short}</group>' if short else "") + long
    if at.startswith("//notebook"):
        inside = f'<page string="{PAGE_TITLE}" name="{PAGE_NAME}">{inside}</page>'
    else:
        inside = f'<group string="{PAGE_TITLE}" name="{PAGE_NAME}">{inside}</group>'
    return f'<data><xpath expr="{at}" position="inside">{inside}</xpath></data>'


def shows(arch: str, field: str) -> bool:
    """Whether a view names a field."""
    return f'name="{field}"' in arch


def same(one: str, other: str) -> bool:
    """Whether two views say the same; layout between elements does not count."""
    return _plain(one) == _plain(other)


def _plain(arch: str) -> str:
    return re.sub(r">\s+<", "><", re.sub(r"^<\?xml[^>]*>", "", arch)).strip().replace("&quot;", '"')


def _element(field: WantedField) -> str:
    if field.type == "many2many":
        return f'<field name="{field.name}" widget="many2many_tags"/>'
    return f'<field name="{field.name}" nolabel="1"/>' if field.type in ("text", "html") else f'<field name="{field.name}"/>'
