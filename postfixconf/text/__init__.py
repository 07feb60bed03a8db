"""The pure room: the text of main.cf and master.cf, read and edited losslessly.

It does: split files into logical lines as Postfix does, find values and
restriction lists, and change one of them with every other byte left alone.

It does not: open files, expand `$name`, know what a parameter or a restriction
means, or judge whether a configuration is wise. Text is `str` decoded as UTF-8
with `surrogateescape` and newlines untouched, so any byte survives.
"""
