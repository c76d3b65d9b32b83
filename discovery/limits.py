"""Every size, count and wait of discovery, each with its reason.

*Protocol constants* are promises between peers and seeds: changing one makes a program that others misunderstand
(docs/protocol.md has the section). *Our choices* may differ from program to program without harm.

Seconds and bytes unless the name says otherwise.
"""

from typing import Final

# ---- protocol constants: rooms (protocol.md 2) ---------------------------------------------------------------------

EPOCH: Final = 600  # a room lives this long, so its seeds change: who sits near one place today is elsewhere soon
EDGE_ENTER: Final = 120.0  # the next room is entered at a random moment in this time before the edge: no stampede
EDGE_LEAVE: Final = (60.0, 120.0)  # so long after it the old one is left: not before, as clocks differ, nor all at once
EDGE_ACCEPT: Final = 180.0  # a seed accepts the neighbour epoch this near the edge: those 120 s and a clock 60 s off
LEVELS: Final = 20  # 2^20 shards of 8 Enters a second are more than all people at once
SHARD_NUMBERS: Final = 4  # a search goes by one of so many drawn for the epoch: it meets others, and knows their seeds
ROOM_SEEDS: Final = 4  # R: a room lives on this many seeds, so that losing or lying ones are outvoted
ENTER_ALL_SEEDS: Final = 6  # a client that knows no more seeds than this enters all: places matter only among many
FURTHER_TAG_SEEDS: Final = 3  # R of the second tag and the following: what they cost is paid for each of them
DEEP_ROOM_SEEDS: Final = 2  # R above level 0, of the 4 nearest: such a room is full of people, and each sees many
WIDE_ROOM_SEEDS: Final = 8  # who is unmatched after WIDE_ROUNDS re-samples looks further: the nearest may all lie;
WIDE_ROUNDS: Final = 3  # and after FIRST_PERIOD stays at one of ranks 5 to 8, or a million who wait had 8 streams each
EDGE_SEEDS: Final = 2  # of the old room at an edge, for who waits long, and R - 1 of the next: R + 1 streams as always
LOOKUP_ABOVE: Final = 64  # who knows more seeds than this looks a room's up: the nearest he knows are not the nearest
LOBBY_SEEDS: Final = 12  # lobby connections of one client
IDLE_SEEDS: Final = 2  # whose streams stay open for the next search: one may be gone by then
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
RECORD_BYTES: Final = 1024  # a seed record: the longest that its limits allow has 814
RECORD_ADDRESSES: Final = 4  # IPv4 and IPv6, by number and by name
RECORD_VERSIONS: Final = 4
CONTACT_BYTES: Final = 100  # of whoever runs the seed: an e-mail address or a page
FAMILY_BYTES: Final = 32  # a name that the seeds of one holder share
RECORD_AHEAD: Final = 2 * 3600  # a record may be from the future by this: clocks differ, and so do time zones set wrong
RECORD_BEHIND: Final = 26 * 3600  # a day after which a seed that is gone is forgotten, and the same two hours
RECORD_REFRESH: Final = 3600.0  # a seed signs anew this often: it stays current whatever two clocks say
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

# ---- protocol constants: the DHT between seeds (protocol.md 3) ------------------------------------------------------

NODES_PER_ANSWER: Final = 16  # records of one answer to Find; those that do not fit into ANSWER_BYTES are left out
PING_BYTES: Final = 8  # the nonce of Ping and Dialback
PUZZLE_BITS: Final = 9  # of the id puzzle on `main`: 4-7 s once; 4 places nearest a room among N seeds cost about 4 N
BUCKET_SEEDS: Final = 4  # k: of those at one distance; 300 of 300 lookups among 1 000 seeds found the true four with it
NEIGHBOURHOOD: Final = 8  # nearest to itself that a seed always knows: twice a room's, so losing half loses no room
NEIGHBOURHOOD_MOST: Final = 16  # and all of the third nearest's bucket, up to this: 7 000 random seeds had at most 15
BUCKET_BLOCK_SEEDS: Final = 2  # of one block in one bucket (protocol.md 0), half of it: no block holds a distance
TABLE_BLOCK_SEEDS: Final = 10  # of one block in a table of about 50
LOOKUP_ALPHA: Final = 4  # queries at a time
LOOKUP_PATHS: Final = 3  # disjoint ones: of two that differ a third says nothing, but one liar loses to two
LOOKUP_QUERIES: Final = 60  # of one lookup; among 1 000 honest seeds it needs 12, at most 21
LOOKUP_TIME: Final = 15.0
LOOKUP_NEW: Final = 8  # seeds taken from one answer
LOOKUP_DOUBTS: Final = 3  # told seeds that failed, less those that answered: nothing more is believed from there
PING_ROUND: Final = 15.0  # a seed asks some of its table for a sign of life this often ...
PING_SHARE: Final = 4  # ... a quarter: so each within a minute, and hints are never older than that
BUCKET_REFRESH: Final = 600.0  # what a table lacks is asked for this often: seeds live for days
VERIFY_AT_ONCE: Final = 4  # seeds being verified: whatever is told, this is all that is dialled
VERIFY_GAP: Final = 600.0  # between two dials of one host that others named: nobody's word aims more at anybody
VERIFY_LATER: Final = 30.0  # until one that was late is dialled once more: in a crowd that joins all are late for less
VERIFY_AGAIN: Final = 5.0  # a seed that had answered is dialled again after this, doubled with each failure

# ---- protocol constants: levels (protocol.md 2) ---------------------------------------------------------------------

RATE_DECAY: Final = 20.0  # tau: after this long an Enter counts for 1/e of itself
RATE_TARGET: Final = 8.0  # T, Enters a second of one room at one seed: an eighth of what one core takes
RATE_PER_BLOCK: Final = 4  # Enters that one block is counted for in RATE_WINDOW: nobody splits a room alone
RATE_WINDOW: Final = 10.0
OPINION_AGE: Final = 5.0  # a room younger than this, with fewer than OPINION_AGE x RATE_TARGET Enters, says no level
HINT_ENTERS: Final = 3.0  # decayed Enters from which on a seed hints its own measurement
HINT_AGE: Final = 60.0  # no older hint is passed on: else stale ones keep circulating
HINTS_JUDGED: Final = 3  # the freshest, whose median counts: one may lie
LEVEL_MEMORY: Final = 600.0  # a client's memory of levels and hints: crowds gather and go within minutes
LEVEL_STEP: Final = 2  # what a told level must differ by to be followed: one step is the noise of the measurement

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

# ---- protocol constants: stamps (protocol.md 7) --------------------------------------------------------------------

STAMP_FIRST_BITS: Final = 4  # about 0.1-0.3 s of one core: nothing to a person, much to who dials by the thousand
STAMP_MOST_BITS: Final = 6  # a client pays no more, so asking for more would only turn people away
STAMP_VALIDITY: Final = 30.0  # after the demand: solving has 5 s, and who pays may first see another dial through

# ---- our choices ---------------------------------------------------------------------------------------------------

TYPED_ADDRESS_BYTES: Final = 512  # of an address that a person types: the longest name and all the rest fit
SEED_STREAMS: Final = 4_096  # lobby streams of a seed: as many as its connections (security 3.10)
SEED_ROOMS: Final = 8_192  # one with somebody in it has about 1.4 KiB: 12 MiB, whoever opens them
PLACES_AT_EASE: Final = 8_192  # of streams in rooms, each up to 1 KiB with its ticket; when there are more ...
ROOMS_IN_PRESSURE: Final = 8  # ... a stream gets no more than this: all that a seed can let in then have 32 MiB
NEARER_AGE: Final = 10.0  # a room's nearer seeds are looked up this often: a table changes by pings, every 15 s
LATE: Final = 2.0  # an answer later than this is of no use to a searcher, who asks others meanwhile
LAG_MEMORY: Final = 5.0  # for how long a figure of the shell's lateness counts: it measures every second
ENTER_STAMP_RATE: Final = 33.0  # arrivals a second: half of what one core takes at 15 ms for a connection (peers.md)
ENTER_FREE: Final = 4  # arrivals in TOLL_WINDOW that no block pays for: a crowd of many never pays, a flood of one does
ARRIVAL_BLOCKS: Final = (
    4_096  # blocks counted in one TOLL_WINDOW; further ones pay: no core takes 400 arrivals a second
)
RATE_BLOCKS: Final = 4_096  # blocks told apart in one RATE_WINDOW of one room, further ones are not counted: 400/s
SWEEP: Final = 10.0  # how often a seed looks for silent streams and old rooms; nothing handed out depends on it
ANSWER_TIMEOUT: Final = 10.0  # for a seed's answer (security 3.9); then the seed counts as gone
ENTER_PATIENCE: Final = 2.0  # for the answer to an Enter: a good seed refuses what would take longer; then another too
CONNECT_PATIENCE: Final = 1.0  # for a connection, five round trips of 200 ms; then the next nearest is tried beside it
FIRST_RETRY: Final = 5.0  # until a seed that failed is tried again; doubled each time
LONGEST_RETRY: Final = 300.0
COME_BACK: Final = 0.5  # until a seed that had answered is: it may be starting again
SETTLED: Final = 5.0  # a stay that makes up for failures: who closes sooner, again and again, is left alone longer
KNOWN_SEEDS: Final = 512  # in memory, about 1 KiB each; of 5 000 seeds these hold the nearest to every room of a search
REMEMBERED_SEEDS: Final = 64  # for the next run: if nine of ten are gone by then, six are left
UNPROVEN_SEEDS: Final = 4  # told by one seed and not yet answering: as many as one answer names; more may be inventions
LOOKUPS_KEPT: Final = 32  # of an epoch: as many as a client has rooms
LEVEL_TAGS: Final = 64  # whose level is remembered
CLOCK_ERROR: Final = 120.0  # between our clock and the seeds': more, and what we wait in is not the room of others
CLOCK_SEEDS: Final = 3  # asked for the time: the median of three is true if one lies
EXPLORED: Final = 2  # seeds asked who is near a room when a search widens: one may lie
ASK_GAP: Final = 60.0  # between two rounds of asking seeds for time and hints: neither changes faster
LIES_BORNE: Final = 3  # ghosts a seed alone named in RECENT; then others come first: 3 dials of 1.5 s are its 5 s
BODY_TIMEOUT: Final = 5.0  # for a frame's body after its length (security 3.9)
QUERY_PATIENCE: Final = 2.0  # for one query of a lookup, its dial included: 8 round trips of 250 ms
VERIFY_PATIENCE: Final = 3.0  # for a seed to be verified: its dial and one answer, at twice QUERY_PATIENCE's delay
PONG_PATIENCE: Final = 5.0  # for a seed in our table, on its open stream: longer than any honest delay
VERIFY_TRIES: Final = 6  # of a seed that had answered: with pauses doubled from VERIFY_AGAIN that is five minutes
VERIFY_MEMORY: Final = 1_024  # hosts dialled lately; when they are more within VERIFY_GAP no further one is dialled
BUCKET_SPARES: Final = 8  # of one bucket, known and not verified: twice what its place in the table is for
SPARE_BLOCK: Final = 2  # of one block among them
WORK_MEMORY: Final = 512  # seeds whose puzzle was checked: each check costs 16 MiB and some ten ms
RECORDS_READ: Final = 256  # seed records whose signature was checked: neighbours tell of the same ones again and again
FIRST_ROUND: Final = 1.0  # pause before a new seed's first round, doubled to PING_ROUND: many seeds may start at once
REPAIR_DELAY: Final = (0.2, 0.6)  # between a loss and asking for others: losses come in swarms, and all notice them
REPAIR_ASKED: Final = 3  # of the nearest left; each tells of 16
LONELY: Final = 4  # contacts below which first contacts are asked (again): fewer may all be one liar's
RESAMPLE_GAP: Final = 0.25  # at least between two rounds: three busy answers in 60 ms must not become a flood
SEED_RETRY: Final = 15.0  # a seed that was busy or refused us is asked again after this
FAILED_AVOID: Final = 2.0  # an attempt that broke off (a tie-break resets streams too); doubled each time
UNREACHABLE_AVOID: Final = 5.0  # a dial that failed; doubled each time
LONGEST_AVOID: Final = 60.0
OUTCOME_MEMORY: Final = 120.0  # longer than the longest avoidance, so that doubling is remembered
OUTCOMES: Final = 512  # remembered; at three tries a sample that is more than two minutes of trying
RECENT: Final = 60.0  # what the status line counts happened within this (product.md 4)
BOOK_ENTRIES: Final = 1_024  # strangers remembered as met: nobody meets more in half an hour
CLOCK_JUMP: Final = 1.0  # between wall and monotonic clock: set, or slept; less moves nobody across an edge
CLOCK_MARGIN: Final = 0.001  # a deadline at an edge falls behind it: sums of floats may fall before
TOLL_WINDOW: Final = 10.0  # the rate is measured over this: a flood is seen at once, two friends who call are none
STAMP_CHECKS: Final = 4  # stamps that wait for the one worker: 25-60 ms, less than who paid would notice
TOLL_CONNECTIONS: Final = 4_096  # remembered: as many as a seed has
