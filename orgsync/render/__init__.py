"""Values to text for people and machines: plans, reports, drift and findings.

In: the words (Plan, Finding, Outcome …). Out: strings, or rich lines for a terminal. Never: prints, exits, reads
files, or lets a string that comes from YAML or from a CRM through unescaped.
"""
