# SPDX-License-Identifier: Apache-2.0
"""Random statements of GoogleSQL, each beside its meaning in DuckDB's language
and, where it has the words, in SQLite's: what three engines answer alike is
most likely right. text.py has the notation. Where the dialects mean different things, a statement
spells one meaning out for all, or is not made; the heads of the files say which and why. Nothing
that was made is skipped."""
