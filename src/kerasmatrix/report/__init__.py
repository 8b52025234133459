"""What a run found, for people and for programs: HTML, JSON, CSV.

Everything here is a function of `kerasmatrix.results.Results`; nothing here measures or judges.
Only `kerasmatrix.report.write` touches a disk.
"""
