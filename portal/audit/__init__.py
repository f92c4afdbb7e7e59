"""The page of the audit log, and the rows of every record's History tab.

`portal.records.audit` writes the trail itself, in the transaction of each change.
"""
