variables {
  helper = { python = "python3", path = "plugins" }
  home   = "/var/tmp/sandbox"
}

run "plans" {
  command = plan
}

run "refuses_a_relative_folder" {
  command = plan
  variables {
    home = "sandbox"
  }
  expect_failures = [var.home]
}

run "refuses_a_path_too_long_for_a_socket" {
  command = plan
  variables {
    home = "/var/tmp/a-path-that-is-so-long-that-a-unix-socket-below-it-would-not-fit-into-its-107-characters"
  }
  expect_failures = [var.home]
}
