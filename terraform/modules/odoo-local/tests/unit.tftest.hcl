# Plan only: nothing keeps local-exec from running in an apply. The applies are in tests/sandbox.
variables {
  helper   = { python = "python3", path = "plugins" }
  name     = "unit"
  run_dir  = "/var/tmp/sandbox/unit"
  postgres = { host = "/nowhere" }
  template = { database = "odoo_template", data_dir = "/var/tmp/sandbox/template-data" }
  odoo     = { command = ["odoo"], version = "19" }
}

run "plans" {
  command = plan
  assert {
    condition     = output.credentials_file == "/var/tmp/sandbox/unit/credentials.json"
    error_message = "The credentials file is not in the sandbox's folder."
  }
  assert {
    condition     = output.database == "unit"
    error_message = "The database is not named after the sandbox."
  }
}

run "refuses_a_port_of_the_system" {
  command = plan
  variables {
    http_port = 80
  }
  expect_failures = [var.http_port]
}

run "refuses_a_name_that_is_no_database_name" {
  command = plan
  variables {
    name = "Bad Name"
  }
  expect_failures = [var.name]
}

run "refuses_the_name_of_the_staging_database" {
  command = plan
  variables {
    name = "crm2odoo"
  }
  expect_failures = [var.name]
}

run "refuses_a_folder_close_to_the_top" {
  command = plan
  variables {
    run_dir = "/tmp/x"
  }
  expect_failures = [var.run_dir]
}

run "refuses_half_a_worker" {
  command = plan
  variables {
    workers = 0.5
  }
  expect_failures = [var.workers]
}

run "refuses_the_administrators_role_for_odoo" {
  command = plan
  variables {
    postgres = { host = "/nowhere", user = "postgres" }
  }
  expect_failures = [var.postgres]
}
