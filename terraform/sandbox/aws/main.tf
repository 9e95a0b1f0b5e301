provider "aws" {
  region = var.region
  default_tags {
    tags = merge(var.tags, { Project = "crm2odoo", Sandbox = var.name, ManagedBy = "terraform" })
  }
}

module "key" {
  source = "../../modules/aws-key"
  name   = var.name
  region = var.region
}

module "network" {
  source      = "../../modules/aws-network"
  name        = var.name
  cidr        = var.vpc_cidr
  kms_key_arn = module.key.arn
}

module "bucket" {
  source              = "../../modules/aws-bucket"
  name                = var.name
  kms_key_arn         = module.key.arn
  keep_exports_days   = var.keep_exports_days
  keep_documents_days = var.keep_documents_days
}

module "database" {
  source                 = "../../modules/aws-database"
  name                   = var.name
  vpc_id                 = module.network.vpc_id
  subnet_ids             = module.network.database_subnet_ids
  client_security_groups = { Odoo = module.odoo.security_group_id }
  instance_class         = var.db_instance_class
  storage_gb             = var.db_storage_gb
  kms_key_arn            = module.key.arn
}

module "odoo" {
  source                = "../../modules/aws-odoo"
  name                  = var.name
  region                = var.region
  vpc_id                = module.network.vpc_id
  vpc_cidr              = var.vpc_cidr
  public_subnet_ids     = module.network.public_subnet_ids
  private_subnet_ids    = module.network.private_subnet_ids
  allowed_cidrs         = var.allowed_cidrs
  domain_name           = var.domain_name
  certificate_arn       = var.certificate_arn
  zone_id               = var.zone_id
  odoo_image            = var.odoo_image
  modules               = var.modules
  size                  = var.size
  kms_key_arn           = module.key.arn
  wait_for_steady_state = var.wait_for_steady_state
  database = {
    address    = module.database.address
    port       = module.database.port
    user       = module.database.user
    secret_arn = module.database.secret_arn
  }
}
