"""Failures of an API call, with the codes that the XML-RPC answer carries."""

AUTHENTICATION, AUTHORIZATION, NO_EXISTS, ACTION, XML_RPC_API, INTERNAL, ALLOCATE = (
    0x0100, 0x0200, 0x0400, 0x0800, 0x1000, 0x2000, 0x2000
)  # fmt: skip


class OneError(Exception):
    def __init__(self, code, text, object_id=-1):
        super().__init__(text)
        self.code, self.text, self.object_id = code, text, object_id


def not_authenticated():
    return OneError(AUTHENTICATION, "User couldn't be authenticated, aborting call.")


def not_found(what, object_id):
    return OneError(NO_EXISTS, f"Error getting {what} [{object_id}].", object_id)


def refused(text):
    """The data of an allocation or of an update is not acceptable."""
    return OneError(ALLOCATE, text)


def not_possible(text):
    return OneError(ACTION, text)
