"""Whose fault it is: ours, or the other side's."""


class ProtocolError(Exception):
    """A rule of docs/protocol.md was broken; never raised itself."""


class LocalProtocolError(ProtocolError):
    """We asked for something the protocol does not allow: a bug of ours."""


class RemoteProtocolError(ProtocolError):
    """The other side broke the protocol: drop its session, keep the node.

    The peer learns nothing of the reason (one reset for every failure); ours stays chained as ``__cause__``.
    """
