"""What kinds speak and read beside HTTP, apart from the checks that use it."""
