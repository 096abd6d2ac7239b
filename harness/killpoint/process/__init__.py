"""Real processes: the warm parent, its victims and verifiers, the pool of workers, the guardian.

It knows no strategy and no engine; it runs the cases that it is given, each in fresh processes.
"""
