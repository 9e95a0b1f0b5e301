mock_provider "docker" {}

variables {
  name      = "unit"
  modules   = ["sale_crm", "crm"]
  http_port = 8169
}

run "plans" {
  command = plan
  assert {
    condition     = one(docker_container.odoo.ports).ip == "127.0.0.1"
    error_message = "Odoo must listen on the loopback address only."
  }
  assert {
    condition     = length(docker_container.postgres.ports) == 0 && docker_network.database.internal
    error_message = "PostgreSQL must not be reachable from outside."
  }
  assert {
    condition     = contains(docker_container.odoo.env, "SANDBOX_MODULES=crm,sale_crm")
    error_message = "The modules do not reach the container."
  }
  assert {
    condition     = strcontains(one(docker_container.odoo.upload).content, "odoo neutralize")
    error_message = "The sandbox would not be neutralised."
  }
}

run "applies" {
  command = apply
  assert {
    condition     = output.url == "http://127.0.0.1:8169"
    error_message = "unexpected URL ${output.url}"
  }
  assert {
    condition     = output.password_command == "docker exec unit-odoo cat /var/lib/odoo/crm2odoo/admin_password"
    error_message = "unexpected command ${output.password_command}"
  }
}

run "refuses_a_bad_name" {
  command = plan
  variables {
    name = "Bad"
  }
  expect_failures = [var.name]
}

run "refuses_a_database_of_postgresql" {
  command = plan
  variables {
    name = "postgres"
  }
  expect_failures = [var.name]
}

run "refuses_what_is_no_module" {
  command = plan
  variables {
    modules = ["crm; drop"]
  }
  expect_failures = [var.modules]
}

run "refuses_a_port_of_the_system" {
  command = plan
  variables {
    http_port = 80
  }
  expect_failures = [var.http_port]
}

run "refuses_too_little_memory" {
  command = plan
  variables {
    memory_mb = 128
  }
  expect_failures = [var.memory_mb]
}
