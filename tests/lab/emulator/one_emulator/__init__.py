"""An emulator of OpenNebula's front-end: oned, its command line and its side services.

It is not OpenNebula and holds no line of it. It exists so that roles and modules can be run end to end on machines
that cannot reach OpenNebula's own repository; tests/contract measures how faithful it is. See docs/emulator.md.
"""
