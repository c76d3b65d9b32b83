"""A whole private network in one process: real seeds, and people who chat, on this machine alone (`passerby lab`).

    plan.py    S  what was asked for, and whether this process may have the open files for it
    chaos.py   P  which seeds lie, and what befalls whom at which second, all drawn beforehand
    patience.py P how long a round is waited for
    summary.py P  what came of it
    sockets.py S  how a seed is cut off or torn down, from below
    liars.py   S  seeds that do not play by the rules
    town.py    S  the seeds
    people.py  S  the people
    board.py   S  what is shown while it runs
    run.py     S  all of it together: start reading there

Nothing of it is used by a chat or a seed.
"""
