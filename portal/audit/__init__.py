"""The audit log as a page, and the lines of every record's History tab.

The trail itself is `portal.records.audit`: every verb writes it in the change's transaction.
"""
