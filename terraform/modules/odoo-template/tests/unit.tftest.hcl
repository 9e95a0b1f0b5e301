variables {
  helper   = { python = "python3", path = "plugins" }
  home     = "/var/tmp/sandbox"
  postgres = { host = "/nowhere" }
  odoo     = { command = ["odoo"], version = "19" }
  modules  = ["sale_crm", "crm"]
}

run "plans" {
  command = plan
  assert {
    condition     = startswith(output.fingerprint, "crm2odoo template ")
    error_message = "The fingerprint does not say whose the template is."
  }
}

run "the_order_of_modules_and_odoos_place_do_not_matter" {
  command = plan
  variables {
    modules = ["crm", "sale_crm"]
    odoo    = { command = ["elsewhere/odoo"], version = "19" }
  }
  assert {
    condition     = output.fingerprint == run.plans.fingerprint
    error_message = "The template would be built again without need."
  }
}

run "another_odoo_is_another_template" {
  command = plan
  variables {
    odoo = { command = ["odoo"], version = "19.1" }
  }
  assert {
    condition     = output.fingerprint != run.plans.fingerprint
    error_message = "The template would be kept although Odoo changed."
  }
}

run "refuses_no_modules" {
  command = plan
  variables {
    modules = []
  }
  expect_failures = [var.modules]
}

run "refuses_what_is_no_module" {
  command = plan
  variables {
    modules = ["crm; drop"]
  }
  expect_failures = [var.modules]
}

run "refuses_no_command" {
  command = plan
  variables {
    odoo = { command = [], version = "19" }
  }
  expect_failures = [var.odoo]
}
