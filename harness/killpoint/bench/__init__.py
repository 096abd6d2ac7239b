"""What the harness itself costs, as ratios measured in one run: `make bench`.

Every row runs its two sides by turns in the same run, so that a busy machine slows both; what is
reported is the median ratio of the rounds and their range. It never judges a store, and no
campaign imports it.
"""
