"""Convert the configurations of other monitors to products."""
