mock_provider "aws" {
  mock_data "aws_availability_zones" {
    defaults = { names = ["eu-west-1a", "eu-west-1b", "eu-west-1c"] }
  }
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555" }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-west-1:123456789012:log-group:/crm2odoo/x" }
  }
  mock_resource "aws_db_instance" {
    defaults = {
      address            = "db.internal"
      port               = 5432
      master_user_secret = [{ secret_arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db", secret_status = "active", kms_key_id = "k" }]
    }
  }
  mock_resource "aws_cloudformation_stack" {
    defaults = { outputs = { Arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:admin" } }
  }
  mock_resource "aws_s3_bucket" {
    defaults = { bucket = "crm-sandbox-1", arn = "arn:aws:s3:::crm-sandbox-1" }
  }
  mock_resource "aws_lb" {
    defaults = { arn = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/odoo/1", dns_name = "lb.example.com", zone_id = "Z1" }
  }
  mock_resource "aws_lb_target_group" {
    defaults = { arn = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/odoo/1" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/x" }
  }
  mock_resource "aws_ecs_cluster" {
    defaults = { arn = "arn:aws:ecs:eu-west-1:123456789012:cluster/x" }
  }
  mock_resource "aws_ecs_task_definition" {
    defaults = { arn = "arn:aws:ecs:eu-west-1:123456789012:task-definition/x:1" }
  }
}

variables {
  allowed_cidrs   = ["203.0.113.0/24"]
  domain_name     = "crm-sandbox.example.com"
  certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/11111111-2222-3333-4444-555555555555"
  zone_id         = "Z123"
}

run "applies" {
  command = apply
  assert {
    condition     = output.url == "https://crm-sandbox.example.com"
    error_message = "unexpected URL ${output.url}"
  }
  assert {
    condition     = output.database == "crm_sandbox"
    error_message = "unexpected database ${output.database}"
  }
  assert {
    condition     = output.documents == "s3://crm-sandbox-1/documents" && output.exports == "s3://crm-sandbox-1/exports"
    error_message = "unexpected places for files"
  }
}

run "the_database_is_private_and_encrypted" {
  command = apply
  module {
    source = "../../modules/aws-database"
  }
  variables {
    name                   = "unit"
    vpc_id                 = "vpc-1"
    subnet_ids             = ["subnet-1", "subnet-2"]
    client_security_groups = { Odoo = "sg-1" }
    instance_class         = "db.t4g.medium"
    storage_gb             = 20
    kms_key_arn            = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  }
  assert {
    condition     = !aws_db_instance.this.publicly_accessible && aws_db_instance.this.storage_encrypted
    error_message = "The database must be private and encrypted."
  }
  assert {
    condition     = aws_db_instance.this.manage_master_user_password && aws_db_instance.this.password == null
    error_message = "RDS must make the password."
  }
  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_ingress_rule.this : rule.cidr_ipv4 == null])
    error_message = "Only security groups may reach the database."
  }
}

run "files_are_encrypted_private_and_go_after_their_time" {
  command = apply
  module {
    source = "../../modules/aws-bucket"
  }
  variables {
    name        = "unit"
    kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  }
  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this.block_public_acls, aws_s3_bucket_public_access_block.this.block_public_policy,
      aws_s3_bucket_public_access_block.this.ignore_public_acls, aws_s3_bucket_public_access_block.this.restrict_public_buckets,
    ])
    error_message = "The bucket must not be public."
  }
  assert {
    condition     = length([for rule in aws_s3_bucket_lifecycle_configuration.this.rule : rule if length(rule.expiration) == 1]) == 2
    error_message = "Exports and documents must go after their time."
  }
}

run "odoo_is_behind_tls_and_has_no_public_address" {
  command = apply
  module {
    source = "../../modules/aws-odoo"
  }
  variables {
    name               = "unit"
    region             = "eu-west-1"
    vpc_id             = "vpc-1"
    vpc_cidr           = "10.42.0.0/24"
    public_subnet_ids  = ["subnet-1", "subnet-2"]
    private_subnet_ids = ["subnet-3", "subnet-4"]
    odoo_image         = "odoo:19.0"
    modules            = ["crm"]
    size               = { cpu = 1024, memory = 2048 }
    kms_key_arn        = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
    database           = { address = "db", port = 5432, user = "odoo", secret_arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db" }
  }
  assert {
    condition     = aws_lb_listener.https.protocol == "HTTPS" && startswith(aws_lb_listener.https.ssl_policy, "ELBSecurityPolicy-TLS13")
    error_message = "Odoo must be behind TLS 1.2 or later."
  }
  assert {
    condition     = !aws_ecs_service.odoo.network_configuration[0].assign_public_ip
    error_message = "Odoo must have no public address."
  }
  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_ingress_rule.lb : rule.from_port == 443 && rule.cidr_ipv4 != "0.0.0.0/0"])
    error_message = "Only the named networks may reach the load balancer, and over TLS alone."
  }
  assert {
    condition = alltrue([
      for variable in jsondecode(aws_ecs_task_definition.odoo.container_definitions)[0].environment : !strcontains(variable.name, "PASSWORD")
    ])
    error_message = "Passwords must come from Secrets Manager."
  }
  assert {
    condition     = strcontains(jsondecode(aws_ecs_task_definition.odoo.container_definitions)[0].command[0], "odoo neutralize")
    error_message = "The sandbox would not be neutralised."
  }
}

run "refuses_the_whole_internet" {
  command = plan
  module {
    source = "../../modules/aws-odoo"
  }
  variables {
    name               = "unit"
    region             = "eu-west-1"
    vpc_id             = "vpc-1"
    vpc_cidr           = "10.42.0.0/24"
    public_subnet_ids  = ["subnet-1", "subnet-2"]
    private_subnet_ids = ["subnet-3", "subnet-4"]
    odoo_image         = "odoo:19.0"
    modules            = ["crm"]
    size               = { cpu = 1024, memory = 2048 }
    kms_key_arn        = "k"
    database           = { address = "db", port = 5432, user = "odoo", secret_arn = "s" }
    allowed_cidrs      = ["0.0.0.0/0"]
  }
  expect_failures = [var.allowed_cidrs]
}

run "refuses_a_name_that_is_too_long" {
  command = plan
  variables {
    name = "a-name-that-is-far-too-long-for-a-load-balancer"
  }
  expect_failures = [var.name]
}
