"""Matching: pairs of records that share tokens, scored, linked where policy allows it.

`pairs` finds them through the index, `score` weighs what the shared tokens prove, `links` opens, raises,
lowers and closes links.
"""
