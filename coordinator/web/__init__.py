"""The live page: sessions in a browser, asked, watched and acted upon; extra ``[web]``.

Owns one HTTP application and what it serves: a list of sessions, a stream of events for
each, the report's pictures, and what a person may do. No build step and no foreign
origin: one page, one script, one style sheet. What happens in a session stays
:mod:`coordinator.session`'s; how it looks afterwards, :mod:`coordinator.report`'s.
"""
