"""What is wanted, and what follows from it: pure values and functions.

Nothing in this room opens a file or a socket. What a server has comes in as
`Observed`, what should become of it leaves as `Plan`.
"""
