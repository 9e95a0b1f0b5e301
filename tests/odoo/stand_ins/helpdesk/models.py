"""The models of Helpdesk with the fields that the migration writes."""

from odoo import fields, models  # type: ignore[import-not-found]


class Team(models.Model):
    _name = "helpdesk.team"
    _description = "Helpdesk team (stand-in)"

    name = fields.Char(required=True)


class Stage(models.Model):
    _name = "helpdesk.stage"
    _description = "Helpdesk stage (stand-in)"
    _order = "sequence, id"

    name = fields.Char(required=True)
    sequence = fields.Integer()
    fold = fields.Boolean()
    team_ids = fields.Many2many("helpdesk.team")


class Tag(models.Model):
    _name = "helpdesk.tag"
    _description = "Helpdesk tag (stand-in)"

    name = fields.Char(required=True)


class Ticket(models.Model):
    _name = "helpdesk.ticket"
    _description = "Helpdesk ticket (stand-in)"
    _inherit = ["mail.thread", "mail.activity.mixin"]

    name = fields.Char(required=True)
    team_id = fields.Many2one("helpdesk.team")
    stage_id = fields.Many2one("helpdesk.stage")
    partner_id = fields.Many2one("res.partner")
    user_id = fields.Many2one("res.users")
    tag_ids = fields.Many2many("helpdesk.tag")
    priority = fields.Selection([("0", "Low"), ("1", "Medium"), ("2", "High"), ("3", "Urgent")], default="0")
    description = fields.Html()
    close_date = fields.Datetime()
    active = fields.Boolean(default=True)
