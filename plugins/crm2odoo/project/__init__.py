"""What a person decided, as data: projects, sources and entities, read from YAML and checked."""

from crm2odoo import OWN_ROOT
from crm2odoo.project.bundle import Bundle, Feed, load_bundle, load_source, package_root, project_names
from crm2odoo.project.entity_file import CustomField, Entity, InOwnCurrency, Input, Match, OdooField, Step
from crm2odoo.project.errors import ConfigError, Problem
from crm2odoo.project.project_file import Project, StageLine
from crm2odoo.project.source_file import Collect, Column, EntityMapping, FieldLine, Formats, Source, SourceObject
from crm2odoo.project.yaml_file import YamlFile

__all__ = [
    "OWN_ROOT",
    "Bundle",
    "Collect",
    "Column",
    "ConfigError",
    "CustomField",
    "Entity",
    "EntityMapping",
    "Feed",
    "FieldLine",
    "Formats",
    "InOwnCurrency",
    "Input",
    "Match",
    "OdooField",
    "Problem",
    "Project",
    "Source",
    "SourceObject",
    "StageLine",
    "Step",
    "YamlFile",
    "load_bundle",
    "load_source",
    "package_root",
    "project_names",
]
