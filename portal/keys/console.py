"""All pages of keys. Importing this module registers their routes on the blueprint."""

from portal.keys import pages as key_pages
from portal.keys.issuing import link_pages
from portal.keys.issuing import pages as issue_pages
from portal.keys.leaks import pages as leak_pages
from portal.keys.page_kit import bp
from portal.keys.posture import pages as posture_pages
from portal.keys.revocation import pages as stop_pages
from portal.keys.rotation import pages as rotate_pages

PARTS = (key_pages, issue_pages, link_pages, leak_pages, posture_pages, rotate_pages, stop_pages)
__all__ = ["PARTS", "bp"]
