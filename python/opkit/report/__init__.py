"""Tables, documents and files made from result objects; nothing here measures anything.

tables: rich tables. html, junit: files. docs: docs/ops.md. catalog: op cards. doctor: diagnosis.
"""
