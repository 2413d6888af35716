"""What people and programs get from a run: tables, CSV, JSON, plots, HTML. One writer a file."""
