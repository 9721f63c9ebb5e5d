"""What travels on the socket: MessagePack-RPC, sans-IO, with three drivers.

``session`` turns bytes into messages and messages into bytes. ``blocking`` (labctl), ``aio`` (the
terminal UI) and ``streams`` (the daemon, tests) move those bytes. The package imports the standard
library and msgpack, and each driver its own event loop.
"""
