locals {
  # Odoo's database may not have a hyphen in its name without quoting it for ever.
  database = replace(var.name, "-", "_")
}

# ------------------------------------------------------------ who may talk to whom
resource "aws_security_group" "lb" {
  name_prefix = "${var.name}-lb-"
  description = "crm2odoo sandbox: load balancer"
  vpc_id      = var.vpc_id

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_security_group" "odoo" {
  name_prefix = "${var.name}-odoo-"
  description = "crm2odoo sandbox: Odoo"
  vpc_id      = var.vpc_id

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "lb" {
  for_each          = toset(var.allowed_cidrs)
  security_group_id = aws_security_group.lb.id
  description       = "People and Airflow"
  cidr_ipv4         = each.value
  from_port         = 443
  to_port           = 443
  ip_protocol       = "tcp"
}

resource "aws_vpc_security_group_egress_rule" "lb" {
  security_group_id            = aws_security_group.lb.id
  description                  = "To Odoo"
  referenced_security_group_id = aws_security_group.odoo.id
  from_port                    = 8069
  to_port                      = 8069
  ip_protocol                  = "tcp"
}

resource "aws_vpc_security_group_ingress_rule" "odoo" {
  security_group_id            = aws_security_group.odoo.id
  description                  = "From the load balancer"
  referenced_security_group_id = aws_security_group.lb.id
  from_port                    = 8069
  to_port                      = 8069
  ip_protocol                  = "tcp"
}

resource "aws_vpc_security_group_egress_rule" "https" {
  security_group_id = aws_security_group.odoo.id
  description       = "Image, secrets, logs"
  cidr_ipv4         = "0.0.0.0/0"
  from_port         = 443
  to_port           = 443
  ip_protocol       = "tcp"
}

resource "aws_vpc_security_group_egress_rule" "database" {
  security_group_id = aws_security_group.odoo.id
  description       = "To PostgreSQL"
  cidr_ipv4         = var.vpc_cidr
  from_port         = 5432
  to_port           = 5432
  ip_protocol       = "tcp"
}

# ------------------------------------------------------------ the administrator's password
# Secrets Manager makes it: a password that Terraform makes would be in Terraform's state.
resource "aws_cloudformation_stack" "admin_password" {
  #checkov:skip=CKV_AWS_124:One secret, made in seconds: nobody waits for events of this stack
  name = "${var.name}-admin-password"
  template_body = jsonencode({
    AWSTemplateFormatVersion = "2010-09-09"
    Resources = {
      Secret = {
        Type = "AWS::SecretsManager::Secret"
        Properties = {
          Description          = "Odoo's administrator in the crm2odoo sandbox ${var.name}"
          KmsKeyId             = var.kms_key_arn
          GenerateSecretString = { PasswordLength = 24, ExcludePunctuation = true }
        }
      }
    }
    Outputs = { Arn = { Value = { Ref = "Secret" } } }
  })
}

# ------------------------------------------------------------ Odoo
resource "aws_cloudwatch_log_group" "odoo" {
  #checkov:skip=CKV_AWS_338:A sandbox lives for days; a month of logs outlives it
  name              = "/crm2odoo/${var.name}/odoo"
  retention_in_days = 30
  kms_key_id        = var.kms_key_arn
}

data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "execution" {
  statement {
    sid       = "Secrets"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [var.database.secret_arn, aws_cloudformation_stack.admin_password.outputs["Arn"]]
  }
  statement {
    sid       = "TheirKey"
    actions   = ["kms:Decrypt"]
    resources = [var.kms_key_arn]
  }
  statement {
    sid       = "Logs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.odoo.arn}:*"]
  }
}

# What starts the container may read two secrets and write one log. The container itself has no rights in AWS.
resource "aws_iam_role" "execution" {
  name_prefix        = "${var.name}-exec-"
  assume_role_policy = data.aws_iam_policy_document.assume.json
}

resource "aws_iam_role_policy" "execution" {
  name   = "start-odoo"
  role   = aws_iam_role.execution.id
  policy = data.aws_iam_policy_document.execution.json
}

resource "aws_ecs_cluster" "this" {
  name = var.name
  setting {
    name  = "containerInsights"
    value = "enabled"
  }
}

resource "aws_ecs_task_definition" "odoo" {
  #checkov:skip=CKV_AWS_336:Odoo writes sessions and bundles below /var/lib/odoo; the disk is the task's own and goes with it
  family                   = var.name
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.size.cpu
  memory                   = var.size.memory
  execution_role_arn       = aws_iam_role.execution.arn
  container_definitions = jsonencode([{
    name         = "odoo"
    image        = var.odoo_image
    essential    = true
    entryPoint   = ["/bin/bash", "-c"]
    command      = [file("${path.module}/../odoo-container/start.sh")]
    portMappings = [{ containerPort = 8069, protocol = "tcp" }]
    environment = [
      { name = "HOST", value = var.database.address },
      { name = "PORT", value = tostring(var.database.port) },
      { name = "USER", value = var.database.user },
      { name = "PGSSLMODE", value = "require" },
      { name = "SANDBOX_DATABASE", value = local.database },
      { name = "SANDBOX_MODULES", value = join(",", sort(var.modules)) },
    ]
    secrets = [
      { name = "PASSWORD", valueFrom = "${var.database.secret_arn}:password::" },
      { name = "ADMIN_PASSWORD", valueFrom = aws_cloudformation_stack.admin_password.outputs["Arn"] },
    ]
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.odoo.name
        awslogs-region        = var.region
        awslogs-stream-prefix = "odoo"
      }
    }
  }])
}

resource "aws_ecs_service" "odoo" {
  name                              = "odoo"
  cluster                           = aws_ecs_cluster.this.id
  task_definition                   = aws_ecs_task_definition.odoo.arn
  desired_count                     = 1
  launch_type                       = "FARGATE"
  platform_version                  = "LATEST"
  health_check_grace_period_seconds = var.start_timeout
  wait_for_steady_state             = var.wait_for_steady_state
  # Never two at a time: both would install the modules into the same database.
  deployment_maximum_percent         = 100
  deployment_minimum_healthy_percent = 0

  network_configuration {
    subnets          = var.private_subnet_ids
    security_groups  = [aws_security_group.odoo.id]
    assign_public_ip = false
  }

  load_balancer {
    target_group_arn = aws_lb_target_group.odoo.arn
    container_name   = "odoo"
    container_port   = 8069
  }

  depends_on = [aws_lb_listener.https, aws_iam_role_policy.execution]
}

# ------------------------------------------------------------ TLS
resource "aws_lb" "this" {
  #checkov:skip=CKV_AWS_91:Odoo's own log has every request; a bucket for the load balancer's would outlive the sandbox
  #checkov:skip=CKV_AWS_150:A sandbox must be destroyed without a person
  #checkov:skip=CKV2_AWS_28:Only the networks in allowed_cidrs reach it
  #checkov:skip=CKV2_AWS_20:There is no listener for HTTP
  name                       = var.name
  load_balancer_type         = "application"
  security_groups            = [aws_security_group.lb.id]
  subnets                    = var.public_subnet_ids
  drop_invalid_header_fields = true
  # The longest request is a batch of records.
  idle_timeout = 300
}

resource "aws_lb_target_group" "odoo" {
  #checkov:skip=CKV_AWS_378:TLS ends at the load balancer; behind it are the sandbox's own subnets
  name                 = var.name
  port                 = 8069
  protocol             = "HTTP"
  target_type          = "ip"
  vpc_id               = var.vpc_id
  deregistration_delay = 5
  health_check {
    path                = "/web/health"
    healthy_threshold   = 2
    unhealthy_threshold = 10
    interval            = 15
  }
}

resource "aws_lb_listener" "https" {
  load_balancer_arn = aws_lb.this.arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = var.certificate_arn
  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.odoo.arn
  }
}

resource "aws_route53_record" "this" {
  count   = var.zone_id == null ? 0 : 1
  zone_id = var.zone_id
  name    = var.domain_name
  type    = "A"
  alias {
    name                   = aws_lb.this.dns_name
    zone_id                = aws_lb.this.zone_id
    evaluate_target_health = false
  }
}
