"""`tradehall demo`: a living marketplace in a sandbox of its own, with a story to watch.

command     the sandbox's processes, started and stopped
stage       what the chapters play on: people who act over the HTTP API, the sellers' servers, the clock
story       the chapters in their order; first how orders are opened, or not
deliveries  what people deliver
disputes    what goes wrong with it
lives       what becomes of applications in the months after they were opened
acts        what people do with supervised orders
telling     how it is told
"""
