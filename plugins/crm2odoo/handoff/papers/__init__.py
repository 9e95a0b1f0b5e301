"""The documents of a migration, each made from the facts of one run."""
