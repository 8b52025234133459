"""The reports of a run, for people and for programs: HTML, Markdown, JUnit, CSV.

All are functions of `kerasmatrix.results.schema.Results`; nothing here measures or judges. Only
`kerasmatrix.report.write` touches a disk.
"""
