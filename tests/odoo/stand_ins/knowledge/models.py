"""The model of Knowledge with the fields that the migration writes."""

from odoo import fields, models  # type: ignore[import-not-found]


class Article(models.Model):
    _name = "knowledge.article"
    _description = "Knowledge article (stand-in)"
    _inherit = ["mail.thread"]

    name = fields.Char()
    body = fields.Html()
    parent_id = fields.Many2one("knowledge.article")
    internal_permission = fields.Selection([("write", "Can edit"), ("read", "Can read"), ("none", "No access")], default="write")
    active = fields.Boolean(default=True)
