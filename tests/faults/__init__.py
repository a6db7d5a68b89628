"""The faults that the product must survive, the tests of each, and the generated list in docs/faults.md."""
