"""`tradehall soak`: an installation made of real processes, killed at random while people buy, and what is left of it.

rig       the processes, each started again whenever it ends
market    two sellers, one of each generation, and who buys of them
clients   what the buyers do over HTTP, repeating what was not answered
killer    who is killed when; the same for the same seed
verdict   afterwards: whether anything is lost, done twice, stuck, or told differently by the sellers' own books
run       one run from beginning to end
"""
