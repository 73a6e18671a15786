"""Untrusted files become pages as images, in a forked child with limits. Pure library, no Django.

`kinds` names what a file is, `client` asks for its pages, `server` keeps the warm process that forks one
child a file, `cage` closes on that child, `render` decodes inside it. See `docs/reading.md`.
"""
