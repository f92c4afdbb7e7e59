"""REST of contacts: /api/v1/integration/contacts."""

from portal.contacts import service
from portal.contacts.models import Contact
from portal.contacts.schemas import ContactDocument, ContactInput
from portal.rest.findable import Act, Findable, Place
from portal.rest.resources import Resource

resource = Resource(
    name="contacts",
    singular="contact",
    about="A person or a mailbox to ask about an application.",
    scope="contacts",
    model=Contact,
    command=ContactInput,
    document=ContactDocument,
    listing=service.LISTING,
    create=service.create,
    update=service.update,
    delete=service.delete,
    restore=service.restore,
    found=Findable(
        acts=(Act("Add contact", "contacts.create", "contacts:write", "plus", also="new create"),),
        places=(Place("Contacts", "contacts.index", "contacts:read", "user"),),
    ),
)
