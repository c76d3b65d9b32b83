"""Every size, count and wait of discovery, each with its reason.

*Protocol constants* are promises between peers and seeds: changing one makes a program that others misunderstand
(docs/protocol.md has the section). *Our choices* may differ from program to program without harm.

Seconds and bytes unless the name says otherwise.
"""

from typing import Final

# ---- protocol constants: rooms (protocol.md 2) ---------------------------------------------------------------------

EPOCH: Final = 600  # a room lives this long, so its seeds change: who sits near one place today is elsewhere soon
EDGE_ENTER: Final = 60.0  # the next room is entered at a random moment in this time before the edge: no stampede
EDGE_LEAVE: Final = 60.0  # the old room is left this long after the edge: clocks differ
EDGE_ACCEPT: Final = 120.0  # a seed accepts the neighbour epoch this near the edge: EDGE_ENTER and a clock 60 s off
LEVELS: Final = 20  # 2^20 shards of 8 Enters a second are more than all people at once
ROOM_SEEDS: Final = 4  # R: a room lives on this many seeds, so that losing or lying ones are outvoted
ENTER_ALL_SEEDS: Final = 6  # a client that knows no more seeds than this enters all: places matter only among many
LOBBY_SEEDS: Final = 12  # lobby connections of one client
ROOMS_PER_STREAM: Final = 32  # five tags on three levels, twice at the edge, and two to spare

# ---- protocol constants: addresses (security 3.12, 3.13; protocol.md 0) --------------------------------------------

ADDRESS_BYTES: Final = 128  # of an address that others say, as text: an ordinary name and a peer id fit
LOWEST_PORT: Final = 1024  # below lie the machine's services: nobody may aim us at them, the web's two apart
WEB_PORTS: Final = frozenset({80, 443})  # firewalls let little else out
BLOCK_BITS_4: Final = 24  # what one holder usually has of IPv4 ...
BLOCK_BITS_6: Final = 48  # ... and what one site gets of IPv6

# ---- protocol constants: the lobby (protocol.md 3) -----------------------------------------------------------------

REQUEST_BYTES: Final = 4 * 1024  # an Enter with its ticket has about 300
ANSWER_BYTES: Final = 16 * 1024  # eight tickets, eight records and four nearer seeds have 14 KiB
OUTSTANDING: Final = 8  # requests of one stream without an answer: a client asks two rooms of one seed at the edge
STREAMS_PER_PEER: Final = 4  # of one protocol: one is used, the others cover a reconnect
TICKET_BYTES: Final = 256  # signature included; the longest of today has 200
TICKET_ADDRESSES: Final = 2  # IPv4 and IPv6
TICKET_VERSIONS: Final = 4
TICKETS_PER_ANSWER: Final = 8  # to an Enter: more than the three tries before the next sample
RECORDS_PER_ANSWER: Final = 8  # one for each relay that the tickets name
NEARER_PER_ANSWER: Final = 4
BUSY_SEEDS: Final = 4
RECORD_BYTES: Final = 1024  # a seed record: four addresses, contact, key and signature have about 750
PBY_VERSION: Final = 1  # of the chat protocol; a ticket lists those its owner speaks
FIRST_INTERVAL: Final = 5  # a searcher's beat in its first minute: most are matched by then ...
LATER_INTERVAL: Final = 15  # ... and in a room so empty that it is not, hurry only costs the seed
FIRST_PERIOD: Final = 60.0
LONGEST_INTERVAL: Final = 50  # times HEARD_WINDOW it is SILENCE: nobody can announce past the drop
HEARD_WINDOW: Final = 2.4  # times the announced interval: two beats and their jitter may be lost
SILENCE: Final = 120.0  # a stream not heard of for this long loses its tickets
ROOM_TICKETS: Final = 256  # held of one room: a sample of the people there, whatever their number
BUSY_SHARE: Final = 0.8  # of its connections, above which a seed sends newcomers to others: the rest serves the DHT
BLOCK_STREAMS: Final = 256  # lobby streams of one address block (protocol.md 0, hard ceilings)

# ---- protocol constants: whom to try (protocol.md 4.1) -------------------------------------------------------------

SAMPLE_TICKETS: Final = 2  # asked for while waiting: dials to strangers are one at a time
FIRST_SAMPLES: Final = (1.0, 2.0)  # after the start: two who arrive at once have seen each other by then
JITTER: Final = 0.25  # of every interval, both ways: waiting peers must not beat in step
SEEDS_PER_ROUND: Final = 2  # sampled in turn: one may lie
TRIES: Final = 3  # of one sample; then it is stale, and the next is asked for
BUSY_PAUSE: Final = (0.02, 0.08)  # after `busy`: two who collide must not collide again in step
BUSY_AVOID: Final = 2.0  # who was just found busy is in a handshake; that takes less
MET_MEMORY: Final = 30 * 60.0  # a stranger is somebody new
MET_WAIT: Final = 15.0  # with nobody new for this long people met count again: else two people alone meet twice an hour

# ---- our choices ---------------------------------------------------------------------------------------------------

TYPED_ADDRESS_BYTES: Final = 512  # of an address that a person types: the longest name and all the rest fit
SEED_STREAMS: Final = 4_096  # lobby streams of a seed: as many as its connections (security 3.10)
SEED_ROOMS: Final = 8_192  # an empty one has about 1 KiB: 8 MiB, whoever opens them
SWEEP: Final = 10.0  # how often a seed looks for silent streams and old rooms; nothing handed out depends on it
ANSWER_TIMEOUT: Final = 10.0  # for a seed's answer (security 3.9); then the seed counts as gone
BODY_TIMEOUT: Final = 5.0  # for a frame's body after its length (security 3.9)
RESAMPLE_GAP: Final = 0.25  # at least between two rounds: three busy answers in 60 ms must not become a flood
SEED_RETRY: Final = 15.0  # a seed that was busy or refused us is asked again after this
FAILED_AVOID: Final = 2.0  # an attempt that broke off (a tie-break resets streams too); doubled each time
UNREACHABLE_AVOID: Final = 5.0  # a dial that failed; doubled each time
LONGEST_AVOID: Final = 60.0
OUTCOME_MEMORY: Final = 120.0  # longer than the longest avoidance, so that doubling is remembered
OUTCOMES: Final = 512  # remembered; at three tries a sample that is more than two minutes of trying
RECENT: Final = 60.0  # what the status line counts happened within this (product.md 4)
BOOK_ENTRIES: Final = 1_024  # strangers remembered as met: nobody meets more in half an hour
CLOCK_MARGIN: Final = 0.001  # a deadline at an edge falls behind it: sums of floats may fall before
