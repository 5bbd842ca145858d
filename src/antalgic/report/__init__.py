"""What does a person look at?  Figures, tables, report.html, and what the command prints."""
