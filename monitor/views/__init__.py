"""The values that pages, the API and reports show, without HTTP and HTML."""
