"""The public status feeds of suppliers, whose statements become facts of the record."""
