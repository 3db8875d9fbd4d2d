"""Two people chat over a private Tor network on this machine, live: `make demo`, or `python -m demo`.

    __main__    starts, ends, and says how it went
    house       what every act has: the network, a folder for all homes, the people
    stage       what is shown
    telling     what acts do again and again: a command shown, a message followed
    first_act   Alice and Bob, directly from onion to onion
    changes     what they do with messages that they have, in the first act: edit, react, delete, let expire, search
    second_act  Alice and Bob, never there together, by a relay that is killed in between
    raw_onion   the round trip that a message is compared with
    figures     the closing table

An act is a function of the stage and the house; it raises unless all of it happened. Another one is added to `ACTS` in
`__main__`.
"""
