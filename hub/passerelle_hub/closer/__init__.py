"""The second stage: a closer look at pairs in the grey band, where policy and both agencies take part.

`looks` asks, takes answers and compares them; `service` is what connectors speak to. How fields are compared
and weighed stands in `match.closer`.
"""
