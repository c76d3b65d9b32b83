"""Every timeout and size of a chatting peer, each with its reason.

Two kinds stand apart. *Protocol constants* are promises to the other side: changing one makes a peer that no longer
speaks Passerby (docs/protocol.md has the section). *Our choices* may differ from peer to peer without harm.

Seconds and bytes unless the name says otherwise.
"""

from typing import Final

# ---- protocol constants: docs/protocol.md 4 (matching) -----------------------------------------------------------

DIAL_TIMEOUT: Final = 3.0  # connecting(x): a dial that has not connected by then is given up
HEDGE_AFTER: Final = 0.4  # then another is dialled beside it: longer than a dial over 100 ms, so crowds pay nothing
HEDGE_GAP: Final = 0.2  # until the next one, and so on: where one is silent more may be gone
DIALS_AT_ONCE: Final = 12  # so many begin within DIAL_TIMEOUT; with 8, one of 140 newcomers among ghosts had to wait
ASKED_TIMEOUT: Final = 1.5  # asked(s): for M2, plus our own estimate of the round trip
LOCK_TIMEOUT: Final = 3.0  # LOCK_R waits for M3, LOCK_I for M4; nobody waits for a third, so 3 s frees everybody
PAIRED_TIMEOUT: Final = 6.0  # for HELLO: twice the lock, since the far lock may have begun 3 s after ours
YIELD_PAUSE: Final = 60.0  # after two inbound locks that failed at M3 within this time, outbound attempts do not yield
EARLY_LOSS: Final = 10.0  # a chat lost before any text and this soon after `matched` resumes the search by itself
PENDING_CHAT_STREAMS: Final = 8  # before CONFIRMED, and one per peer id: bounds what strangers can make us hold
M1_TIMEOUT: Final = 3.0  # the responder speaks only after M1, so silence there is not a peer of ours
SOLVE_TIMEOUT: Final = 5.0  # for a stamp: ten times what the dearest takes on a slow machine, on the average
CHAT_TOLL_RATE: Final = 2.0  # strangers' M1 a second, above which stamps are asked: nobody's ticket is that much wanted

# ---- protocol constants: docs/protocol.md 5 (records) ------------------------------------------------------------

TEXT_BYTES: Final = 4_000  # a message's UTF-8; with the record header it fits the largest bucket
TEXT_CODE_POINTS: Final = 2_000  # what one person can be shown at once
TEXT_UNACKNOWLEDGED: Final = 16  # sender's window: an honest sender can never strike the receiver's limits
SEND_RATE: Final = 5.0  # TEXT per second of an honest sender
SEND_BURST: Final = 20
SEND_BYTES: Final = 48 * 1024  # per BYTES_WINDOW
RECEIVE_RATE: Final = 8.0  # TEXT per second; above SEND_RATE so that jitter of the path is no offence
RECEIVE_BURST: Final = 100  # a path that stalled delivers all it held at once
RECEIVE_BYTES: Final = 128 * 1024  # per BYTES_WINDOW, over all records
BYTES_WINDOW: Final = 10.0
CONTROL_INTERVAL: Final = 2.0  # TYPING and PING: at most one per this time is sent
STRIKE_PAUSE: Final = 2.0  # we stop reading this long when a limit is passed
STRIKES: Final = 3  # within STRIKE_WINDOW: CLOSE(flood)
STRIKE_WINDOW: Final = 60.0
PING_INTERVAL: Final = (20.0, 30.0)  # drawn anew each time: a fixed beat is a fingerprint
SILENCE: Final = 90.0  # dead after this long without a record; three pings must have gone unanswered
CLOSE_TIMEOUT: Final = 2.0  # after CLOSE: read and drop until EOF or this

# ---- protocol constants: docs/protocol.md 6 and security -------------------------------------------------------

RECORD_HEADER_TIMEOUT: Final = 5.0  # a record's body follows its length at once
NEGOTIATION_TIMEOUT: Final = 10.0  # multistream, on a stream somebody opened
HANDSHAKE_TIMEOUT: Final = 10.0  # Noise, on a connection somebody opened

# ---- our choices --------------------------------------------------------------------------------------------------

CONNECTIONS: Final = 64  # of a chatting peer: twelve lobby seeds, a chat, eight pending, room for attackers' leftovers
SEED_CONNECTIONS: Final = 4_096
STREAMS_PER_CONNECTION: Final = 64  # yamux itself has no limit (2 771 were opened on one connection)
STREAM_BUFFER: Final = 256 * 1024  # yamux's initial window: what a peer may send unread
CONNECTION_BUFFER: Final = 1024 * 1024
FRAME_BYTES: Final = 1024 * 1024  # a yamux data frame; ours stay under 8 KiB
HOST_CLOSE: Final = 3.0  # leaving: connections are closed within this, then dropped
OUTGOING_LINES: Final = 100  # lines typed or piped before they can be sent; then stdin is not read
ACK_LINGER: Final = 0.005  # an ACK waits this long for a TEXT to go along: nobody sees it, and it halves the records
BRIDGE_QUEUE: Final = 100  # typed lines in, events out, between the two event loops
EOF_GRACE: Final = 30.0  # stdin ended: this long for what was read to be acknowledged
EOF_SEARCH: Final = 60.0  # stdin ended with lines held and no --timeout: this long for a match
