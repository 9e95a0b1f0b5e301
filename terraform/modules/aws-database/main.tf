resource "aws_security_group" "this" {
  name_prefix = "${var.name}-db-"
  description = "crm2odoo sandbox: database"
  vpc_id      = var.vpc_id

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "this" {
  for_each                     = var.client_security_groups
  security_group_id            = aws_security_group.this.id
  description                  = "From ${each.key}"
  referenced_security_group_id = each.value
  from_port                    = 5432
  to_port                      = 5432
  ip_protocol                  = "tcp"
}

resource "aws_db_subnet_group" "this" {
  name_prefix = "${var.name}-"
  subnet_ids  = var.subnet_ids
}

resource "aws_db_parameter_group" "this" {
  name_prefix = "${var.name}-"
  family      = "postgres17"

  parameter {
    name  = "rds.force_ssl"
    value = "1"
  }

  parameter {
    name  = "log_statement"
    value = "ddl"
  }

  parameter {
    name  = "log_min_duration_statement"
    value = "5000"
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_db_instance" "this" {
  #checkov:skip=CKV_AWS_157:A sandbox may be lost: one availability zone is enough
  #checkov:skip=CKV_AWS_293:A sandbox must be destroyed without a person
  #checkov:skip=CKV_AWS_161:Odoo logs in with a password, which RDS keeps in Secrets Manager
  #checkov:skip=CKV_AWS_118:Nobody watches a sandbox by the second
  #checkov:skip=CKV_AWS_353:Nobody watches a sandbox's queries
  #checkov:skip=CKV2_AWS_30:Statements hold customers' data; only DDL and slow ones are logged
  identifier_prefix               = "${var.name}-"
  engine                          = "postgres"
  engine_version                  = "17"
  instance_class                  = var.instance_class
  allocated_storage               = var.storage_gb
  storage_type                    = "gp3"
  storage_encrypted               = true
  kms_key_id                      = var.kms_key_arn
  username                        = "odoo"
  manage_master_user_password     = true
  master_user_secret_kms_key_id   = var.kms_key_arn
  db_subnet_group_name            = aws_db_subnet_group.this.name
  parameter_group_name            = aws_db_parameter_group.this.name
  vpc_security_group_ids          = [aws_security_group.this.id]
  publicly_accessible             = false
  auto_minor_version_upgrade      = true
  copy_tags_to_snapshot           = true
  backup_retention_period         = 1
  delete_automated_backups        = true
  skip_final_snapshot             = true
  apply_immediately               = true
  enabled_cloudwatch_logs_exports = ["postgresql", "upgrade"]
}
