resource "docker_image" "postgres" {
  name         = var.postgres_image
  keep_locally = true
}

resource "docker_image" "odoo" {
  name         = var.odoo_image
  keep_locally = true
}

# Holds the two containers alone and has no way out: that is why PostgreSQL may trust whoever is in it, and why no
# password of the database is in Terraform's state.
resource "docker_network" "database" {
  name     = "${var.name}-database"
  internal = true
}

resource "docker_network" "web" {
  name = "${var.name}-web"
}

resource "docker_volume" "postgres" {
  name = "${var.name}-postgres"
}

resource "docker_volume" "odoo" {
  name = "${var.name}-odoo"
}

resource "docker_container" "postgres" {
  name         = "${var.name}-postgres"
  image        = docker_image.postgres.image_id
  restart      = "unless-stopped"
  wait         = true
  wait_timeout = 120

  env = [
    "POSTGRES_USER=odoo",
    "POSTGRES_DB=postgres",
    "POSTGRES_HOST_AUTH_METHOD=trust",
  ]

  healthcheck {
    test     = ["CMD-SHELL", "pg_isready -U odoo -d postgres"]
    interval = "2s"
    timeout  = "2s"
    retries  = 30
  }

  networks_advanced {
    name    = docker_network.database.id
    aliases = ["db"]
  }

  volumes {
    volume_name    = docker_volume.postgres.name
    container_path = "/var/lib/postgresql/data"
  }
}

resource "docker_container" "odoo" {
  name         = "${var.name}-odoo"
  image        = docker_image.odoo.image_id
  restart      = "unless-stopped"
  wait         = true
  wait_timeout = var.start_timeout
  memory       = var.memory_mb

  entrypoint = ["/bin/bash", "/crm2odoo-start.sh"]

  # The passwords that Odoo's image insists on are not looked at: see the network.
  env = [
    "HOST=db",
    "PORT=5432",
    "USER=odoo",
    "PASSWORD=not-used",
    "SANDBOX_DATABASE=${var.name}",
    "SANDBOX_MODULES=${join(",", sort(var.modules))}",
  ]

  upload {
    file    = "/crm2odoo-start.sh"
    content = file("${path.module}/../odoo-container/start.sh")
  }

  healthcheck {
    test         = ["CMD-SHELL", "curl -fsS http://127.0.0.1:8069/web/health"]
    interval     = "5s"
    timeout      = "5s"
    retries      = 12
    start_period = "${var.start_timeout}s"
  }

  networks_advanced {
    name = docker_network.database.id
  }

  networks_advanced {
    name = docker_network.web.id
  }

  ports {
    internal = 8069
    external = var.http_port
    ip       = "127.0.0.1"
  }

  volumes {
    volume_name    = docker_volume.odoo.name
    container_path = "/var/lib/odoo"
  }

  depends_on = [docker_container.postgres]
}
